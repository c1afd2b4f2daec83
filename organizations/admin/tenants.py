"""Institutions on the platform's console: opening, changing, suspending, entering, deleting."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, Max, Model, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import entering
from accounts.console import platform_site
from accounts.models import Membership, User
from organizations.opening import institution_open
from tenants import services
from tenants.kernel.console import NOTHING, ConsoleAdmin, ago
from tenants.kernel.console_forms import ConsoleForm, ReasonForm
from tenants.models import OrganizationEntry, Tenant, TenantState
from tenants.selectors import platform_settings
from tenants.services.settings import CUTOFFS

STATES = {"Active": "success", "Suspended": "danger", "To be deleted": "danger", "Reserved": "info"}

# What can be done with a tenant in each state.
BUTTONS: dict[TenantState, tuple[str, ...]] = {
    TenantState.ACTIVE: ("enter", "set_up", "suspend", "delete_later"),
    TenantState.SUSPENDED: ("set_up", "restore", "delete_later"),
    TenantState.CLOSING: ("keep",),
}
NAME_TAKEN = {"tenant_name_once": ("name", "A tenant of this name already exists.")}


class TenantOpenForm(ConsoleForm):
    """A new institution with its host and its admin, in one step."""

    constraint_errors = NAME_TAKEN

    error_fields: ClassVar[dict[str, str]] = {
        "duplicate_tenant": "name",
        "duplicate_organization": "name",
        "duplicate_domain": "domain",
        "duplicate_email": "admin_email",
        "email": "admin_email",
        "password": "admin_password",
    }
    domain = forms.CharField(
        label="Host",
        required=False,
        max_length=253,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Where its console and API answer. Empty: made from the name.",
    )
    admin_email = forms.EmailField(label="E-mail", widget=UnfoldAdminEmailInputWidget())
    admin_full_name = forms.CharField(
        label="Name", required=False, max_length=200, widget=UnfoldAdminTextInputWidget()
    )
    admin_password = forms.CharField(
        label="First password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Of a new account; empty: invited by mail. Who has an account keeps his password.",
    )

    class Meta:
        model = Tenant
        fields = ("name", "description")
        widgets: ClassVar[dict[str, Any]] = {
            "name": UnfoldAdminTextInputWidget(),
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }


class EnterForm(forms.Form):
    """Why a super admin goes into an institution."""

    reason = forms.CharField(
        min_length=5,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The institution reads it in its own audit log.",
    )


class DeletionForm(ReasonForm):
    """The order to delete an institution: its short name is typed, so that it is this one."""

    slug = forms.CharField(
        label="Short name", max_length=50, widget=UnfoldAdminTextInputWidget(), help_text="Typed by hand."
    )


class TenantForm(ConsoleForm):
    """What may be changed of an institution."""

    constraint_errors = NAME_TAKEN

    class Meta:
        model = Tenant
        fields = ("name", "description", "medium_from", "high_from", "critical_from")
        widgets: ClassVar[dict[str, Any]] = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


@admin.register(Tenant, site=platform_site)
class TenantAdmin(ConsoleAdmin):
    """Institutions, and read-only the two reserved tenants."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "platform.read",
        "add": "platform.change",
        "change": "platform.change",
        "enter": "platform.change",
        "delete_later": "platform.change",
    }
    form = TenantForm
    list_display = (
        "name",
        "standing",
        "hosts",
        "organizations",
        "users",
        "companies",
        "predictions",
        "last_job",
    )
    list_filter = ("state", "kind")
    search_fields = ("name", "slug", "domains__domain")
    ordering = ("name",)
    actions_detail = ("enter", "set_up", "suspend", "restore", "delete_later", "keep")
    step_up: ClassVar[frozenset[str]] = frozenset({"enter", "delete_later"})
    readonly_fields = ("standing", "hosts", "slug", "schema_name", "created_at", "usage_now", "last_job")
    add_fieldsets = (
        (None, {"fields": ("name", "description", "domain")}),
        ("Its first admin", {"fields": ("admin_email", "admin_full_name", "admin_password")}),
    )
    fieldsets = (
        (None, {"fields": ("name", "description")}),
        ("Where and how much", {"fields": ("standing", "hosts", "usage_now", "last_job")}),
        (
            "Where risk levels begin",
            {
                "fields": (("medium_from", "high_from", "critical_from"),),
                "description": "As a PD from 0 to 1. Holds for scores made from now on.",
            },
        ),
        ("Technical", {"fields": (("slug", "schema_name", "created_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        rows = rows.select_related("usage").prefetch_related("domains")
        people = Membership.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
        entries = OrganizationEntry.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
        return rows.annotate(
            last_job_at=Max("job_tickets__created_at"),
            people=Subquery(people.annotate(n=Count("user", distinct=True)).values("n")),
            places=Subquery(entries.annotate(n=Count("*")).values("n")),
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and obj.is_reserved)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = TenantOpenForm
        return super().get_form(request, obj, change=change, **kwargs)

    def create(self, request: HttpRequest, form: Any) -> Model:
        data = form.cleaned_data
        if User.objects.by_email(data["admin_email"]) is not None:
            told = f"{data['admin_email']} had an account already and keeps its password."
            transaction.on_commit(lambda: messages.warning(request, told))
        opened = institution_open(
            name=data["name"],
            description=data["description"],
            domain=data["domain"],
            admin_email=data["admin_email"],
            admin_full_name=data["admin_full_name"],
            admin_password=data["admin_password"],
            actor=self.actor(request),
        )
        return opened if isinstance(opened, Tenant) else opened.tenant

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        levels = {name: changes.pop(name) for name in CUTOFFS if name in changes}
        actor = self.actor(request)
        if levels:
            services.settings_update(tenant_id=obj.pk, changes=levels, by_platform=True, actor=actor)
        if changes:
            services.tenant_update(tenant_id=obj.pk, changes=changes, actor=actor)

    # -- columns ------------------------------------------------------------------------------

    @display(description="State", ordering="state", label=STATES)
    def standing(self, tenant: Tenant) -> str:
        return "Reserved" if tenant.is_reserved else tenant.get_state_display()

    @display(description="Hosts")
    def hosts(self, tenant: Tenant) -> str:
        return ", ".join(d.domain for d in tenant.domains.all()) or "none"

    @display(description="Organizations", ordering="places")
    def organizations(self, tenant: Any) -> str:
        return f"{tenant.places or 0:,}"

    @display(description="Users", ordering="people")
    def users(self, tenant: Any) -> str:
        return f"{tenant.people or 0:,}"

    @display(description="Companies", ordering="usage__companies")
    def companies(self, tenant: Tenant) -> str:
        return f"{tenant.usage.companies:,}" if tenant.usage.counted_at else NOTHING

    @display(description="Predictions", ordering="usage__predictions")
    def predictions(self, tenant: Tenant) -> str:
        return f"{tenant.usage.predictions:,}" if tenant.usage.counted_at else NOTHING

    @display(description="Last job", ordering="last_job_at")
    def last_job(self, tenant: Any) -> str:
        at = tenant.last_job_at
        return format_html('<span title="{}">{}</span>', at, ago(at)) if at else NOTHING

    @display(description="Usage")
    def usage_now(self, tenant: Any) -> str:
        held = tenant.usage
        counted = f"counted {ago(held.counted_at)}" if held.counted_at else "not counted yet"
        return (
            f"{tenant.people or 0:,} users, {tenant.places or 0:,} organizations, "
            f"{held.companies:,} companies, "
            f"{held.predictions:,} predictions, {held.scores:,} scores ({counted})"
        )

    # -- actions ------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        tenant = self.get_object(request, str(object_id))
        if tenant is None or not self.has_change_permission(request, tenant):
            return []
        wanted = BUTTONS[TenantState(tenant.state)]
        # Their names end with the method's.
        shown = super().get_actions_detail(request, object_id)
        return [b for b in shown if b.action_name.endswith(wanted)]

    @action(description="Suspend", url_path="suspend", icon="block")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason, then let nobody enter the tenant any more."""
        tenant = self.row_for(request, "change", object_id)
        if tenant is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            tenant,
            title=f"Suspend {tenant}?",
            text="Nobody enters it any more, neither by the console nor by the API. Its data stays.",
            button="Suspend",
            do=lambda data: services.tenant_suspend(
                tenant_id=tenant.pk, reason=data["reason"], actor=self.actor(request)
            ),
            done=f"{tenant} is suspended.",
            form_class=ReasonForm,
            danger=True,
        )

    @action(description="Restore", url_path="restore", icon="lock_open")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason, then lift the suspension."""
        tenant = self.row_for(request, "change", object_id)
        if tenant is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            tenant,
            title=f"Restore {tenant}?",
            text="Its people can enter again.",
            button="Restore",
            do=lambda data: services.tenant_restore(
                tenant_id=tenant.pk, reason=data["reason"], actor=self.actor(request)
            ),
            done=f"{tenant} is open again.",
            form_class=ReasonForm,
        )

    @action(description="Enter", url_path="enter", icon="login")
    def enter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then lead into the institution's console; its log shows who came and why."""
        tenant = self.row_for(request, "enter", object_id)
        if tenant is None:
            return self.gone(request, object_id)
        form = EnterForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            token, host = entering.pass_make(
                user=request.user,  # type: ignore[arg-type]
                tenant_id=tenant.pk,
                reason=form.cleaned_data["reason"],
            )
            port = request.get_port()
            place = host if port in {"80", "443"} else f"{host}:{port}"
            return HttpResponseRedirect(f"{request.scheme}://{place}/admin/enter/?pass={token}")
        context = {
            **self.page(request, tenant),
            **{"title": f"Enter {tenant}?", "button": "Enter", "danger": False, "form": form},
            "text": "You will work in its console with every right of its administrators.",
            "back": self.address("change", tenant.pk),
        }
        return TemplateResponse(request, "console/ask.html", context)

    @action(description="Settings", url_path="set-up", icon="tune")
    def set_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page with its settings, modules and looks."""
        page = reverse("admin:tenants_tenantsettings_change", args=[object_id], current_app="admin")
        return HttpResponseRedirect(page)

    @action(description="Delete", url_path="delete-later", icon="delete_forever")
    def delete_later(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the short name and the reason, then order the deletion."""
        tenant = self.row_for(request, "delete_later", object_id)
        if tenant is None:
            return self.gone(request, object_id)
        days = platform_settings().deletion_grace_days
        return self.ask(
            request,
            tenant,
            title=f"Delete {tenant}?",
            text=f"Nobody enters it any more, an export is made, and after {days} days everything it holds "
            f"is removed for good. Until then it can be kept after all. Its short name is {tenant.slug}.",
            button="Order the deletion",
            do=lambda data: services.deletion_schedule(
                tenant_id=tenant.pk, slug=data["slug"], reason=data["reason"], actor=self.actor(request)
            ),
            done=f"{tenant} is closed and will be deleted.",
            form_class=DeletionForm,
            danger=True,
        )

    @action(description="Keep after all", url_path="keep", icon="undo")
    def keep(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call the deletion off."""
        tenant = self.row_for(request, "change", object_id)
        if tenant is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            tenant,
            title=f"Keep {tenant}?",
            text="The deletion is called off; the institution is as it was before the order.",
            button="Keep",
            do=lambda data: services.deletion_cancel(
                tenant_id=tenant.pk, reason=data["reason"], actor=self.actor(request)
            ),
            done=f"{tenant} stays.",
            form_class=ReasonForm,
        )

"""Organizations on a tenant's console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Model, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from accounts.models import Membership
from organizations import services
from organizations.models import Organization
from organizations.services import lifecycle, preferences
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.console_forms import ConsoleForm, ReasonForm

STATES = {"Active": "success", "Inactive": "warning", "Suspended": "danger", "Archived": "info"}


class OrganizationForm(ConsoleForm):
    """What may be set of an organization."""

    error_fields: ClassVar[dict[str, str]] = {"duplicate_organization": "name"}
    constraint_errors: ClassVar[dict[str, tuple[str, str]]] = {
        "organization_name_once": ("name", "An organization of this name already exists.")
    }

    class Meta:
        model = Organization
        fields = (
            "name",
            "description",
            "domain",
            "max_users",
            "default_role",
            "join_enabled",
            "whitelist_required",
            "allow_global_data_access",
        )
        widgets: ClassVar[dict[str, Any]] = {
            "name": UnfoldAdminTextInputWidget(),
            "domain": UnfoldAdminTextInputWidget(),
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an organization's life as its page offers it."""

    verb: str
    button: str
    text: str
    do: Callable[..., object]
    done: str
    danger: bool = False


STEPS = {
    "activate": Step(
        "change", "Open", "Its members can write again.", lifecycle.organization_activate, "activated"
    ),
    "deactivate": Step(
        "change",
        "Close",
        "Its members read on, nobody writes, and its jobs stop.",
        lifecycle.organization_deactivate,
        "deactivated",
    ),
    "suspend": Step(
        "govern",
        "Suspend",
        "Its members are kept out at once, and its jobs stop. Administrators of the institution read on.",
        lifecycle.organization_suspend,
        "suspended",
        danger=True,
    ),
    "lift": Step(
        "govern",
        "Lift the suspension of",
        "Its members can enter again.",
        lifecycle.organization_lift,
        "lifted",
    ),
    "archive": Step(
        "govern",
        "Archive",
        "Nobody enters it, and what it holds is in no list. It can be restored here, or deleted later.",
        lifecycle.organization_archive,
        "archived",
        danger=True,
    ),
    "restore": Step(
        "govern",
        "Restore",
        "Its members can enter again, and find what it held.",
        lifecycle.organization_restore,
        "restored",
    ),
}


@admin.register(Organization, site=tenant_site)
class OrganizationAdmin(ConsoleAdmin):
    """Organizations of the caller's reach."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "organizations.read",
        "add": "organizations.create",
        "change": "organizations.change",
        "govern": "organizations.govern",
    }
    form = OrganizationForm
    list_display = ("name", "standing", "members", "max_users", "is_default", "created_at")
    list_filter = ("state",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    actions_detail = ("activate", "deactivate", "suspend", "lift", "archive", "restore")
    readonly_fields = ("standing", "slug", "is_default", "created_at", "members")
    add_fieldsets = ((None, {"fields": ("name", "description")}),)
    fieldsets = (
        (None, {"fields": ("name", "description", "domain")}),
        ("Members and data", {"fields": ("members", "max_users", "allow_global_data_access")}),
        ("Joining", {"fields": ("default_role", "join_enabled", "whitelist_required")}),
        ("State", {"fields": (("standing", "is_default"), ("slug", "created_at"))}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        members = Membership.objects.filter(organization_id=OuterRef("pk")).order_by()
        counted = members.values("organization_id").annotate(n=Count("*")).values("n")
        rows = super().get_queryset(request).filter(pk__in=self.reach(request))
        return rows.annotate(held=Subquery(counted))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def create(self, request: HttpRequest, form: Any) -> Model:
        data = form.cleaned_data
        return services.organization_create(
            name=data["name"], description=data["description"], actor=self.actor(request)
        )

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        preferences.organization_update(organization_id=obj.pk, changes=changes, actor=self.actor(request))

    @display(description="State", ordering="state", label=STATES)
    def standing(self, organization: Organization) -> str:
        return organization.get_state_display()

    @display(description="Members", ordering="held")
    def members(self, organization: Any) -> int:
        return organization.held or 0

    # -- states -------------------------------------------------------------------------------

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        if row is None or row.is_default:
            return []
        offered = [
            name
            for name, step in STEPS.items()
            if row.state in lifecycle.STEPS[step.done][0] and self.may(request, step.verb, row)
        ]
        buttons = super().get_actions_detail(request, object_id)
        return [b for b in buttons if any(b.action_name.endswith(f"_{name}") for name in offered)]

    def _step(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        step = STEPS[name]
        row = self.row_for(request, step.verb, object_id)
        if row is None:
            return self.gone(request, object_id)

        return self.ask(
            request,
            row,
            title=f"{step.button} {row}?",
            text=step.text,
            button=step.button,
            do=lambda data: step.do(organization_id=row.pk, reason=data["reason"], actor=self.actor(request)),
            done=f"{row} is {step.done}.",
            form_class=ReasonForm,
            danger=step.danger,
        )

    @action(description="Open for work", url_path="activate", icon="lock_open")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let its members write again."""
        return self._step(request, object_id, "activate")

    @action(description="Close for work", url_path="deactivate", icon="edit_off")
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let its members read only."""
        return self._step(request, object_id, "deactivate")

    @action(description="Suspend", url_path="suspend", icon="block")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep its members out."""
        return self._step(request, object_id, "suspend")

    @action(description="Lift the suspension", url_path="lift", icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let its members in again."""
        return self._step(request, object_id, "lift")

    @action(description="Archive", url_path="archive", icon="archive")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put it away."""
        return self._step(request, object_id, "archive")

    @action(description="Restore", url_path="restore", icon="unarchive")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Bring it back."""
        return self._step(request, object_id, "restore")

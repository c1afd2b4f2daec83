"""Flagged companies on a tenant's console, and what is flagged."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.console import tenant_site
from accounts.selectors import emails_of
from predictions.flags import services
from predictions.flags.models import Flag, FlagRule
from tenants.kernel.console import NOTHING, ConsoleAdmin, percent
from tenants.kernel.console_forms import ConsoleForm

STATES = {"Open": "warning", "Acknowledged": "success", "Replaced": "default"}
REASONS = {"points": "moved by points", "relative": "moved by share", "level": "another level"}


class StandingFilter(admin.SimpleListFilter):
    """Open ones unless asked otherwise."""

    title = "state"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("acknowledged", "Acknowledged"), ("replaced", "Replaced by a newer one")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return queryset.filter(acknowledged_at=None, replaced_at=None)
            case "acknowledged":
                return queryset.exclude(acknowledged_at=None)
            case "replaced":
                return queryset.exclude(replaced_at=None)
        return queryset


class NoteForm(forms.Form):
    """What was found."""

    note = forms.CharField(
        required=False,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept with it, and in the audit log.",
    )


@admin.register(Flag, site=tenant_site)
class FlagAdmin(ConsoleAdmin):
    """Changes of risk that somebody should look at."""

    permissions: ClassVar[dict[str, str]] = {"view": "predictions.read", "acknowledge": "companies.assess"}
    list_display = ("company", "move", "change", "levels", "why", "standing", "organization", "opened_at")
    list_filter = (StandingFilter, "kind", "risk_level", "organization")
    lookups = ("company",)
    list_select_related = ("organization", "company")
    search_fields = ("company__symbol", "company__name")
    ordering = ("-id",)
    date_hierarchy = "opened_at"
    fields = (
        ("company", "kind"),
        ("move", "change"),
        ("levels", "why"),
        ("standing", "opened_at"),
        ("replaced_at", "acknowledged_at"),
        ("acknowledged_by", "note"),
    )
    readonly_fields = (
        *("company", "kind", "move", "change", "levels", "why", "standing", "opened_at", "replaced_at"),
        *("acknowledged_at", "acknowledged_by", "note"),
    )
    actions_detail = ("acknowledge", "company_page")

    @display(description="PD", ordering="pd")
    def move(self, flag: Flag) -> str:
        return f"{percent(flag.pd_before)} to {percent(flag.pd)}"

    @display(description="Change")
    def change(self, flag: Flag) -> str:
        return f"{100 * (flag.pd - flag.pd_before):+.2f} points"

    @display(description="Level", ordering="risk_level")
    def levels(self, flag: Flag) -> str:
        before, now = flag.level_before.capitalize(), flag.risk_level.capitalize()
        return now if before == now else f"{before} to {now}"

    @display(description="Why")
    def why(self, flag: Flag) -> str:
        return ", ".join(REASONS.get(reason, reason) for reason in flag.reasons)

    @display(description="State", label=STATES)
    def standing(self, flag: Flag) -> str:
        if flag.acknowledged_at is not None:
            return "Acknowledged"
        return "Replaced" if flag.replaced_at is not None else "Open"

    @display(description="Acknowledged by")
    def acknowledged_by(self, flag: Flag) -> str:
        if flag.acknowledged_by_id is None:
            return NOTHING
        return emails_of({flag.acknowledged_by_id}).get(flag.acknowledged_by_id, NOTHING)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id))
        if row is None or row.acknowledged_at is not None or not self.may(request, "acknowledge", row):
            return [button for button in buttons if "acknowledge" not in str(button.action_name)]
        return buttons

    @action(description="Acknowledge", url_path="acknowledge", icon="check")
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that somebody has looked at it."""
        row = self.row_for(request, "acknowledge", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Acknowledge the change of {row.company}",
            text=f"Its PD went from {percent(row.pd_before)} to {percent(row.pd)}.",
            button="Acknowledge",
            form_class=NoteForm,
            do=lambda data: services.flag_acknowledge(flag=row, note=data["note"], actor=self.actor(request)),
            done="Acknowledged.",
        )

    @action(description="The company", url_path="company", icon="domain")
    def company_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Its own page."""
        row = self.row_for(request, "view", object_id)
        if row is None:
            return self.gone(request, object_id)
        page = reverse("admin:companies_company_change", args=[row.company_id])
        return HttpResponseRedirect(page)


class RuleForm(ConsoleForm):
    """What is flagged. Empty: that is not looked at."""

    class Meta:
        model = FlagRule
        fields = ("points", "relative", "on_level")
        help_texts: ClassVar[dict[str, str]] = {
            "points": "A PD that moves by so much: 0.05 is five percentage points. Empty: off.",
            "relative": "A PD that moves by this share of what it was: 0.05 is 5 %. Empty: off.",
            "on_level": "Every change of the risk level.",
        }

    def clean(self) -> Any:
        data: dict[str, Any] = super().clean() or {}
        for name, most in (("points", 1), ("relative", 100)):
            value = data.get(name)
            if value is not None and not 0 < value <= most:
                self.add_error(name, f"More than 0, and {most} at most.")
        return data


@admin.register(FlagRule, site=tenant_site)
class FlagRuleAdmin(ConsoleAdmin):
    """The institution's rule: one row."""

    permissions: ClassVar[dict[str, str]] = {"view": "predictions.read", "change": "tenant.change"}
    form = RuleForm
    list_display = ("rule", "points", "relative", "on_level")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one: its page."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        return HttpResponseRedirect(self.address("change", services.rule_of_institution().pk))

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.flag_rule_update(changes=changes, actor=self.actor(request))

    @display(description="Rule")
    def rule(self, row: FlagRule) -> str:
        return str(row)

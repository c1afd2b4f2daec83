"""Saved scenarios and their runs on a tenant's console."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from accounts.console import tenant_site
from accounts.selectors import emails_of
from ml.scenario import KINDS
from predictions.scenarios import services
from predictions.scenarios.definitions import shipped
from predictions.scenarios.models import RunResult, Scenario, ScenarioRun
from tenants.kernel.console import NOTHING, ConsoleAdmin, percent, principal_of
from tenants.kernel.console_forms import ConsoleForm
from tenants.kernel.etags import ANY_STATE

STATE_LABELS = {"Running": "info", "Done": "success", "Failed": "danger"}
SHOWN_RESULTS = 25


class ScenarioForm(ConsoleForm):
    """A scenario's words and who sees it; its shocks are made through the API."""

    error_fields: ClassVar[dict[str, str]] = {"duplicate_scenario": "name"}

    class Meta:
        model = Scenario
        fields = ("name", "description", "shared")


def shock_words(shock: dict[str, Any]) -> str:
    """A shock as people say it."""
    kind = KINDS.get(shock["kind"])
    label = kind.label if kind is not None else shock["kind"]
    value = shock["value"]
    if shock["mode"] == "relative":
        return f"{label}: {100 * value:+.4g} %"
    unit = kind.unit if kind is not None else ""
    return f"{label}: {value:+.6g} {unit}".strip()


def _listed(shocks: list[dict[str, Any]]) -> Any:
    return format_html(
        '<ul class="console-points">{}</ul>',
        format_html_join("", "<li>{}</li>", ((shock_words(shock),) for shock in shocks)),
    )


@admin.register(Scenario, site=tenant_site)
class ScenarioAdmin(ConsoleAdmin):
    """Scenarios that are shared, and one's own."""

    module = "scenarios"
    permissions: ClassVar[dict[str, str]] = {
        "view": "scenarios.read",
        "change": "scenarios.change",
        "delete": "scenarios.change",
    }
    form = ScenarioForm
    list_display = ("name", "short", "seen", "maker", "organization", "updated_at")
    list_filter = ("shared", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "description")
    ordering = ("name", "id")
    list_after_template = "console/shipped_scenarios.html"
    fieldsets = (
        (None, {"fields": (("name", "shared"), "description")}),
        ("What happens", {"fields": ("shocks_list", "rules", "sectors")}),
        ("Kept", {"fields": (("organization", "maker"), ("created_at", "updated_at"))}),
    )
    readonly_fields = (
        *("shocks_list", "rules", "sectors", "organization", "maker", "created_at", "updated_at"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        principal = principal_of(request)
        mine = Q(shared=True) | Q(created_by_id=principal.user_id if principal else None)
        return super().get_queryset(request).filter(mine)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        ids = set(self.get_queryset(request).values_list("created_by_id", flat=True)[:1000])
        self.makers = emails_of({i for i in ids if i})
        ours = [(row, _listed(row.definition.as_json()["shocks"])) for row in shipped().values()]
        return super().changelist_view(request, {**(extra_context or {}), "shipped": ours})

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        given = {name: form.cleaned_data[name] for name in form.changed_data}
        services.scenario_update(scenario=obj, given=given, expected=ANY_STATE, actor=self.actor(request))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.scenario_delete(scenario=obj, actor=self.actor(request))

    @display(description="Shocks")
    def short(self, row: Scenario) -> str:
        words = [shock_words(shock) for shock in row.shocks]
        return "; ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")

    @display(description="Seen by", label={"Organization": "info", "Maker alone": "default"})
    def seen(self, row: Scenario) -> str:
        return "Organization" if row.shared else "Maker alone"

    @display(description="Made by")
    def maker(self, row: Scenario) -> str:
        if row.created_by_id is None:
            return NOTHING
        known = getattr(self, "makers", {})
        return known.get(row.created_by_id) or emails_of({row.created_by_id}).get(row.created_by_id, NOTHING)

    @display(description="Shocks")
    def shocks_list(self, row: Scenario) -> Any:
        return _listed(row.shocks)

    @display(description="Rules that differ from the usual")
    def rules(self, row: Scenario) -> str:
        said = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in row.assumptions.items())
        return said or "None."

    @display(description="Stronger or weaker by sector")
    def sectors(self, row: Scenario) -> str:
        return ", ".join(f"{name} x {value:g}" for name, value in row.sector_factors.items()) or "None."


@admin.register(ScenarioRun, site=tenant_site)
class ScenarioRunAdmin(ConsoleAdmin):
    """What became of a portfolio under a scenario."""

    module = "scenarios"
    permissions: ClassVar[dict[str, str]] = {"view": "scenarios.read", "delete": "scenarios.change"}
    list_display = ("name", "standing", "progress", "kind", "mean_pds", "organization", "created_at")
    list_filter = ("state", "kind", "organization")
    list_select_related = ("organization",)
    search_fields = ("name",)
    ordering = ("-created_at", "-id")
    date_hierarchy = "created_at"
    fields = (
        ("name", "standing"),
        "shocks_list",
        ("progress", "mean_pds"),
        "worst",
        ("kind", "organization"),
        ("created_at", "completed_at"),
        "error_message",
    )
    readonly_fields = (
        *("name", "standing", "shocks_list", "kind", "progress", "mean_pds", "worst", "organization"),
        *("created_at", "completed_at", "error_message"),
    )

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.run_delete(run=obj, actor=self.actor(request))

    @display(description="State", ordering="state", label=STATE_LABELS)
    def standing(self, run: ScenarioRun) -> str:
        return str(run.get_state_display())

    @display(description="Companies")
    def progress(self, run: ScenarioRun) -> str:
        return f"{run.done:,} of {run.names:,}"

    @display(description="Mean PD")
    def mean_pds(self, run: ScenarioRun) -> str:
        base, shocked = (run.summary.get(name) for name in ("base_mean_pd", "mean_pd"))
        return NOTHING if base is None else f"{percent(base)} to {percent(shocked)}"

    @display(description="Shocks")
    def shocks_list(self, run: ScenarioRun) -> Any:
        return _listed(run.definition.get("shocks", []))

    @display(description="Hit worst")
    def worst(self, run: ScenarioRun) -> Any:
        rows = RunResult.objects.filter(run=run, change__isnull=False).select_related("company")
        shown = list(rows.order_by("-change", "id")[:SHOWN_RESULTS])
        if not shown:
            return "Nobody yet."
        body = format_html_join(
            "",
            '<tr><td><a href="{}">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>',
            (
                (
                    reverse("admin:companies_company_change", args=[r.company_id]),
                    r.company.symbol,
                    percent(r.base_pd),
                    percent(r.pd),
                    f"{100 * r.change:+.2f} points",
                    r.level.capitalize()
                    if r.level == r.base_level
                    else f"{r.base_level.capitalize()} to {r.level.capitalize()}",
                )
                for r in shown
            ),
        )
        return format_html(
            '<table class="console-grid"><thead><tr><th>Company</th><th>Base</th><th>Under it</th>'
            "<th>Change</th><th>Level</th></tr></thead><tbody>{}</tbody></table>",
            body,
        )

"""Monitoring on a tenant's console: weeks with charts, alerts, outcomes, realised performance."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from ml.shapes import SHAPES
from predictions.models import RiskLevel
from predictions.monitoring import charts, selectors, services
from predictions.monitoring.models import Alert, Observation, Outcome
from predictions.monitoring.performance import performance
from tenants.kernel.console import ConsoleAdmin, percent

DRIFT_LABELS = {"Steady": "success", "Watch": "warning", "Alarm": "danger", "Too few": "info"}
VERDICTS = {"fits": "Fits", "too_low": "PD too low", "too_high": "PD too high"}
VERDICT_LABELS = {"Fits": "success", "PD too low": "danger", "PD too high": "warning"}


class NoteForm(forms.Form):
    """What was found when somebody looked."""

    note = forms.CharField(max_length=300, required=False, widget=UnfoldAdminTextInputWidget())


@admin.register(Observation, site=tenant_site)
class ObservationAdmin(ConsoleAdmin):
    """Weeks of scores, against the development sample and against what came true."""

    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {"view": "monitoring.read"}
    list_display = (
        "week", "kind", "shape_text", "scores", "mean", "gaps", "beyond", "standing", "organization",
    )  # fmt: skip
    list_filter = ("kind", "shape", "organization")
    list_select_related = ("organization",)
    ordering = ("-week", "kind", "shape")
    list_before_template = "console/monitoring.html"
    detail_template = "console/observation.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        found = selectors.overview()
        realised = performance()
        context = {
            "title": "Model monitoring",
            "pictures": charts.pictures(found["weeks"]),
            "open_alerts": found["open_alerts"],
            "realised": [
                {"kind": kind.capitalize(), **_realised(total)}
                for kind, total in realised["total"].items()
                if total is not None
            ],
            "definition": realised["definition"],
            "outcomes": realised["outcomes"],
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @display(description="Inputs", ordering="shape")
    def shape_text(self, row: Observation) -> str:
        return SHAPES[row.shape].label if row.shape in SHAPES else row.shape

    @display(description="Mean PD", ordering="mean_pd")
    def mean(self, row: Observation) -> str:
        return percent(row.mean_pd)

    @display(description="Missing", ordering="missing")
    def gaps(self, row: Observation) -> str:
        return percent(row.missing, 1)

    @display(description="Beyond range", ordering="out_of_range")
    def beyond(self, row: Observation) -> str:
        return percent(row.out_of_range, 1)

    @display(description="Worst drift", label=DRIFT_LABELS)
    def standing(self, row: Observation) -> str:
        levels = {entry["level"] for entry in row.drift}
        return next((_word(level) for level in ("alarm", "watch", "steady") if level in levels), "Too few")

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        most = max((entry["psi"] for entry in obj.drift), default=0.0) or 1.0
        return {
            "title": f"Week of {obj.week:%Y-%m-%d}, {obj.get_kind_display().lower()} scores",
            "row": obj,
            "mean": percent(obj.mean_pd),
            "levels": [(level.label, obj.levels.get(level, 0)) for level in RiskLevel],
            "missing": percent(obj.missing, 1),
            "beyond": percent(obj.out_of_range, 1),
            "drift": [
                {
                    **entry,
                    "width": max(round(100 * entry["psi"] / most), 1),
                    "word": _word(entry["level"]),
                    "variant": DRIFT_LABELS[_word(entry["level"])],
                    "index": f"{entry['psi']:.3f}",
                    "watch": f"{entry['watch_from']:.2f}",
                    "alarm": f"{entry['alarm_from']:.2f}",
                    "gaps": percent(entry["missing"], 1),
                    "gaps_before": percent(entry["missing_reference"], 1),
                }
                for entry in obj.drift
            ],
        }


def _word(level: str) -> str:
    return level.replace("_", " ").capitalize()


def _realised(total: dict[str, Any]) -> dict[str, Any]:
    area = total["auc"]
    return {
        "names": f"{total['names']:,}",
        "defaults": f"{total['defaults']:,}",
        "mean_pd": percent(total["mean_pd"]),
        "default_rate": percent(total["default_rate"]),
        "auc": f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})"
        if area
        else "too few defaults",
        "grades": [
            {
                **grade,
                "pd": percent(grade["mean_pd"]),
                "rate": percent(grade["default_rate"]),
                "p": f"{grade['jeffreys_p']:.3f}",
                "word": VERDICTS[grade["verdict"]],
                "variant": VERDICT_LABELS[VERDICTS[grade["verdict"]]],
            }
            for grade in total["grades"]
        ],
    }


@admin.register(Alert, site=tenant_site)
class AlertAdmin(ConsoleAdmin):
    """Figures beyond their limits."""

    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {"view": "monitoring.read", "acknowledge": "monitoring.change"}
    list_display = (
        "text",
        "standing",
        "opened_at",
        "seen_at",
        "closed_at",
        "acknowledged_by",
        "organization",
    )
    list_filter = ("level", ("closed_at", admin.EmptyFieldListFilter), "organization")
    list_select_related = ("organization",)
    fields = (
        "text", "subject", "level", "value", "limit", "opened_at", "seen_at", "closed_at",
        "acknowledged_at", "acknowledged_by", "note",
    )  # fmt: skip
    readonly_fields = fields
    actions_detail = ("acknowledge",)

    @display(description="Level", ordering="level", label=DRIFT_LABELS)
    def standing(self, alert: Alert) -> str:
        return alert.get_level_display()

    @action(description="Acknowledge", url_path="acknowledge", icon="check")
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that it was looked at."""
        alert = self.row_for(request, "acknowledge", object_id)
        if alert is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            alert,
            title="Acknowledge the alert?",
            text="It stays open until the figure is back within its limit.",
            button="Acknowledge",
            do=lambda data: services.alert_acknowledge(
                alert=alert, note=data["note"], actor=self.actor(request)
            ),
            done="Acknowledged.",
            form_class=NoteForm,
        )


@admin.register(Outcome, site=tenant_site)
class OutcomeAdmin(ConsoleAdmin):
    """Defaults that were recorded; made through the API, singly or by file."""

    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {"view": "outcomes.read", "delete": "outcomes.change"}
    list_display = ("company", "occurred_on", "kind", "note", "source", "organization", "created_at")
    list_filter = ("kind", "organization")
    list_select_related = ("company", "organization")
    search_fields = ("company__symbol", "company__name")
    date_hierarchy = "occurred_on"
    fields = ("company", "occurred_on", "kind", "note", "source", "created_at")
    readonly_fields = fields

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.outcome_delete(outcome=obj, actor=self.actor(request))

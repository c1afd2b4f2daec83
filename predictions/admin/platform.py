"""The platform's console: jobs of all tenants without a name in them, and the models that score."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from accounts.console import platform_site
from predictions import wording
from predictions.admin.jobs import bar
from predictions.dashboards import is_stuck
from predictions.registry.models import ModelVersion
from tenants.kernel.console import NOTHING, ConsoleAdmin, ago, percent
from tenants.models import JobTicket

STATUS_LABELS = {"Champion": "success", "Candidate": "info", "Retired": "warning"}


@admin.register(JobTicket, site=platform_site)
class JobTicketAdmin(ConsoleAdmin):
    """How the jobs of all tenants do."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read"}
    list_display = ("short", "tenant", "kind_text", "standing", "done", "age", "heard")
    list_filter = ("state", "kind", "tenant")
    list_select_related = ("tenant",)
    search_fields = ("tenant__name",)
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    fields = ("short", "tenant", "kind_text", "standing", "done", "age", "heard", "created_at", "heartbeat")
    readonly_fields = fields

    @display(description="Job", ordering="id")
    def short(self, ticket: JobTicket) -> str:
        return str(ticket.pk)

    @display(description="Kind", ordering="kind")
    def kind_text(self, ticket: JobTicket) -> str:
        return ticket.kind.capitalize()

    @display(description="State", ordering="state", label={**wording.STATE_LABELS, "Stuck": "danger"})
    def standing(self, ticket: JobTicket) -> str:
        return "Stuck" if is_stuck(ticket, timezone.now()) else wording.state(ticket.state)

    @display(description="Progress")
    def done(self, ticket: JobTicket) -> str:
        share = 100 * ticket.rows_done // ticket.rows if ticket.rows else 0
        return bar(share, f"{ticket.rows_done:,}\xa0of\xa0{ticket.rows:,}", ticket.state)

    @display(description="Started", ordering="created_at")
    def age(self, ticket: JobTicket) -> str:
        return ago(ticket.created_at)

    @display(description="Last heard of", ordering="heartbeat")
    def heard(self, ticket: JobTicket) -> str:
        return ago(ticket.heartbeat)


@admin.register(ModelVersion, site=platform_site)
class ModelVersionAdmin(ConsoleAdmin):
    """Versions of the scoring model and how they were measured."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read"}
    list_display = ("name", "version", "standing", "fingerprint", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "version", "sha256")
    ordering = ("-created_at",)
    detail_template = "console/model.html"

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def standing(self, version: ModelVersion) -> str:
        return version.get_status_display()

    @display(description="SHA-256")
    def fingerprint(self, version: ModelVersion) -> str:
        return version.sha256[:12]

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "version": obj,
            "status": obj.get_status_display(),
            "status_variant": STATUS_LABELS.get(obj.get_status_display(), ""),
            "sample": obj.card.get("data", {}),
            "years": [str(year) for year in obj.card.get("protocol", {}).get("report_years", ())],
            "cutoffs": [(name.capitalize(), percent(value, 0)) for name, value in _cutoffs(obj.card)],
            "figures": [label for _, label, _ in FIGURES],
            "shapes": measured(obj.card),
        }


# Figures of a model card worth a column, each with how it is shown.
FIGURES = (
    ("auc", "AUC", ".3f"),
    ("accuracy_ratio", "Accuracy ratio", ".3f"),
    ("brier", "Brier score", ".4f"),
)


def measured(card: dict[str, Any]) -> list[dict[str, Any]]:
    """How each shape of a model did on years it had not seen, as far as its card says."""
    rows = []
    for shape in card.get("shapes", {}).values():
        metrics = shape.get("metrics", {}).get("report", {}).get("ensemble", {})
        figures = [format(metrics[key], how) if key in metrics else NOTHING for key, _, how in FIGURES]
        rows.append(
            {"label": shape.get("label", ""), "features": len(shape.get("features", ())), "figures": figures}
        )
    return rows


def _cutoffs(card: dict[str, Any]) -> list[tuple[str, float]]:
    return sorted(card.get("cutoffs", {}).items(), key=lambda pair: pair[1])

"""Dry runs on a tenant's console: how the columns are read, what they hold, what is wrong, and going on."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.decorators import action, display

from accounts.console import tenant_site
from predictions import wording
from predictions.dry_runs import services
from predictions.dry_runs.models import UNFINISHED, DryRun
from tenants.kernel.console import ConsoleAdmin

API = "/api/v1/predictions/dry-runs"
LABELS = {"Pending": "info", "Checking": "primary", "Ready": "success", "Failed": "danger"}


def figure(value: float | None) -> str:
    """A number of statistics for people."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.4g}"


def _page_of_job(job_id: UUID) -> str:
    page: str = reverse("admin:predictions_scoringjob_change", args=[job_id])
    return page


@admin.register(DryRun, site=tenant_site)
class DryRunAdmin(ConsoleAdmin):
    """Files that were looked through. They come from the page on which a file is uploaded."""

    module = "bulk_scoring"
    permissions: ClassVar[dict[str, str]] = {
        "view": "jobs.read",
        "proceed": "jobs.create",
        "delete": "jobs.change",
    }
    list_display = (
        *("file", "standing", "scorable", "refused", "organization", "created_by_label", "created_at"),
    )
    list_filter = ("state", "kind", "organization")
    list_select_related = ("organization",)
    search_fields = ("original_filename", "created_by_label")
    ordering = ("-created_at", "-id")
    date_hierarchy = "created_at"
    detail_template = "console/dry_run.html"
    actions_detail = ("proceed",)

    class Media:
        js = ("console/progress.js",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.progress)
        progress = path("<path:object_id>/progress/", view, name="dry_runs_dryrun_progress")
        return [progress, *super().get_urls()]

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.dry_run_delete(row=obj, actor=self.actor(request))

    @display(description="File", ordering="original_filename")
    def file(self, row: DryRun) -> str:
        return row.original_filename

    @display(description="State", ordering="state", label=LABELS)
    def standing(self, row: DryRun) -> str:
        return str(row.get_state_display())

    @display(description="Can be scored", ordering="scorable_rows")
    def scorable(self, row: DryRun) -> str:
        return f"{row.scorable_rows:,}"

    @display(description="Cannot", ordering="refused_rows")
    def refused(self, row: DryRun) -> str:
        return f"{row.refused_rows:,}"

    # -- one dry run --------------------------------------------------------------------------------

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may_delete = obj.job_id is None and self.has_delete_permission(request, obj)
        return {
            "title": obj.original_filename,
            "delete_url": self.address("delete", obj.pk) if may_delete else "",
            **self.standing_of(obj),
        }

    def standing_of(self, row: DryRun) -> dict[str, Any]:
        """How a dry run stands, and what it has found."""
        refusals = sorted(row.refused_counts.items(), key=lambda pair: -pair[1])
        return {
            "row": row,
            "running": row.state in UNFINISHED,
            "progress_url": self.address("progress", row.pk),
            "state": row.get_state_display(),
            "state_variant": LABELS[str(row.get_state_display())],
            "read": f"{row.read_rows:,} of about {row.total_rows:,} rows are read",
            "scorable": f"{row.scorable_rows:,}",
            "refused": f"{row.refused_rows:,}",
            "refusals": [(wording.refusal(code), f"{count:,}") for code, count in refusals],
            "columns": [self._column(column) for column in row.columns],
            "more_findings": max(row.findings_count - len(row.findings), 0),
            "findings_url": f"{API}/{row.pk}/findings.csv" if row.findings_count else "",
            "job_url": _page_of_job(row.job_id) if row.job_id else "",
        }

    @staticmethod
    def _column(column: dict[str, Any]) -> dict[str, Any]:
        counts = ("given", "missing", "unreadable")
        apart = sum(column.get(name, 0) for name in ("sentinels", "impossible", "spreadsheet_errors"))
        return {
            **column,
            **{name: f"{column[name]:,}" if name in column else "" for name in counts},
            "apart": f"{apart:,}" if "given" in column else "",
            **{name: figure(column.get(name)) for name in ("minimum", "median", "maximum")},
        }

    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of its page that changes while the file is read."""
        row = self.row_for(request, "view", object_id)
        if row is None:
            return HttpResponse(status=404)
        return TemplateResponse(request, "console/dry_run_standing.html", self.standing_of(row))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        if row is None or not row.can_proceed or not self.may(request, "proceed", row):
            return []
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return buttons

    @action(description="Score the good rows", url_path="proceed", icon="play_arrow")
    def proceed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then make the job of the stored file."""
        row = self.row_for(request, "proceed", object_id)
        if row is None:
            return self.gone(request, object_id)
        only_own = self.only_own(request, "predictions.change", row.organization_id)
        answer = self.ask(
            request,
            row,
            title=f"Score {row.scorable_rows:,} rows of {row}?",
            text=f"{row.refused_rows:,} rows are refused as they were found. The file is here already.",
            button="Score the good rows",
            do=lambda _: services.dry_run_proceed(row=row, only_own=only_own, actor=self.actor(request)),
            done="The rows are being scored.",
        )
        job_id = DryRun.objects.filter(pk=row.pk).values_list("job_id", flat=True).first()
        if job_id is not None and request.method == "POST":
            return HttpResponseRedirect(_page_of_job(job_id))
        return answer

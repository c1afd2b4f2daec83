"""Scoring jobs on a tenant's console: upload, progress, what came out, what was refused and why."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.console import tenant_site
from companies.admin import chosen_place, place_field
from predictions import selectors, wording
from predictions.dry_runs.services import dry_run_create
from predictions.live.measuring import pace_of, phase_of
from predictions.models import (
    GOING,
    UNFINISHED,
    JobPriority,
    JobState,
    PredictionKind,
    RiskLevel,
    ScoringJob,
    Severity,
)
from predictions.services import jobs, leaving, resuming
from predictions.services.resuming import RETRYABLE
from tenants.kernel.console import ConsoleAdmin, percent
from tenants.kernel.console_forms import ConsoleForm

SHOWN_ISSUES = 50
SHOWN_RESULTS = 10
API = "/api/v1/predictions/jobs"


class UploadForm(ConsoleForm):
    """A file to score."""

    error_fields: ClassVar[dict[str, str]] = {}
    console_request: HttpRequest
    kind = forms.ChoiceField(
        label="Rows are",
        choices=PredictionKind.choices,
        initial=PredictionKind.ANNUAL,
        widget=UnfoldAdminRadioSelectWidget(),
    )
    file = forms.FileField(
        label="File",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xlsx,.gz,.parquet"}),
        help_text="CSV (also as .csv.gz), XLSX or Parquet. One company and period a row. Names of columns "
        "are matched without regard to case and "
        "spaces; missing cells are scored as missing; a faulty row is refused by itself.",
    )
    unit = forms.ChoiceField(
        label="Amounts are in",
        choices=(("units", "units"), ("thousands", "thousands"), ("millions", "millions")),
        widget=UnfoldAdminSelectWidget(),
        help_text="Where the file itself does not say.",
    )
    currency = forms.RegexField(
        r"^[A-Za-z]{3}$",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "USD", "maxlength": 3}),
        help_text="Where the file itself does not say. Three letters.",
    )

    priority = forms.ChoiceField(
        required=False,
        choices=(("", "by its size"), *JobPriority.choices),
        widget=UnfoldAdminSelectWidget(),
        help_text="A small file goes before all others by itself. Low is for what nobody waits for.",
    )

    sheet = forms.CharField(
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Of a workbook. Needed where several sheets hold a portfolio.",
    )

    class Meta:
        model = ScoringJob
        fields = ("kind", "unit", "currency", "sheet", "priority")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place_field(self, self.console_request)

    def _post_clean(self) -> None:
        super()._post_clean()
        # Whatever is wrong with an upload is wrong with its file.
        if self.refusal is not None and "__all__" in self.errors:
            self.errors["file"] = self.errors.pop("__all__")


def bar(percent_done: int, text: str, state: str) -> str:
    """A bar of progress for a list."""
    return format_html(
        '<span class="console-bar" data-state="{}"><i style="width:{}%"></i></span> {}',
        state,
        percent_done,
        text,
    )


@admin.register(ScoringJob, site=tenant_site)
class JobAdmin(ConsoleAdmin):
    """Files being scored, and those that were."""

    module = "bulk_scoring"
    permissions: ClassVar[dict[str, str]] = {
        "view": "jobs.read",
        "add": "jobs.create",
        "cancel": "jobs.change",
        "delete": "jobs.change",
    }
    form = UploadForm
    list_display = (
        "file",
        "standing",
        "done",
        "scored",
        "refused",
        "organization",
        "by",
        "created_at",
    )
    list_filter = ("state", "kind", "priority", "organization")
    list_select_related = ("organization",)
    search_fields = ("original_filename", "created_by_label")
    ordering = ("-created_at", "-id")
    date_hierarchy = "created_at"
    add_form_template = "console/upload.html"
    detail_template = "console/job.html"
    actions_detail = ("cancel", "resume", "retry", "undo")

    class Media:
        js = ("console/progress.js",)

    def get_urls(self) -> list[Any]:
        progress = path(
            "<path:object_id>/progress/",
            self.admin_site.admin_view(self.progress),
            name="predictions_scoringjob_progress",
        )
        return [progress, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        place = ("place",) if len(self.reach(request)) > 1 else ()
        fields = ("kind", "file", "sheet", ("unit", "currency"), "priority", *place)
        return ((None, {"fields": fields}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["fields"] = UploadForm.Meta.fields
        made = super().get_form(request, obj, change=change, **kwargs)
        return type("UploadForm", (made,), {"console_request": request})

    def create(self, request: HttpRequest, form: Any) -> Model:
        data, place = form.cleaned_data, chosen_place(form, request)
        # Of the same form: score the file, or look it through first.
        take = dry_run_create if "_dry_run" in request.POST else jobs.job_create
        return take(
            kind=data["kind"],
            upload=data["file"],
            unit=data["unit"],
            currency=data["currency"],
            priority=data["priority"],
            sheet=data["sheet"],
            organization_id=place,
            only_own=self.only_own(request, "predictions.change", place),
            actor=self.actor(request),
        )

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        if "_dry_run" in request.POST:
            return HttpResponseRedirect(reverse("admin:dry_runs_dryrun_change", args=[obj.pk]))
        return HttpResponseRedirect(self.address("change", obj.pk))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        leaving.job_delete(job=obj, actor=self.actor(request))

    # -- columns ------------------------------------------------------------------------------

    @display(description="File", ordering="original_filename")
    def file(self, job: ScoringJob) -> str:
        return job.original_filename

    @display(description="State", ordering="state", label=wording.STATE_LABELS)
    def standing(self, job: ScoringJob) -> str:
        return wording.state(job.state)

    @display(description="Progress")
    def done(self, job: ScoringJob) -> str:
        return bar(job.progress, f"{job.progress}\xa0%", job.state)

    @display(description="Scored", ordering="scored_rows")
    def scored(self, job: ScoringJob) -> str:
        return f"{job.scored_rows:,}"

    @display(description="Refused", ordering="refused_rows")
    def refused(self, job: ScoringJob) -> str:
        return f"{job.refused_rows:,}"

    @display(description="By", ordering="created_by_label")
    def by(self, job: ScoringJob) -> str:
        return job.created_by_label

    # -- one job ------------------------------------------------------------------------------

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "title": obj.original_filename,
            "delete_url": ""
            if obj.state in (*UNFINISHED, *GOING) or not self.has_delete_permission(request, obj)
            else self.address("delete", obj.pk),
            **self.standing_of(obj),
        }

    def standing_of(self, job: ScoringJob) -> dict[str, Any]:
        """How a job stands: everything that changes while it runs."""
        pace = pace_of(job)
        rate = pace.recent or pace.overall
        results = selectors.scores_of(job)[:SHOWN_RESULTS]
        issues = job.issues.order_by("row_number", "id")
        faults = job.issues.filter(severity=Severity.ERROR)
        return {
            "job": job,
            "processed": f"{job.processed_rows:,} of {job.total_rows:,} rows",
            "scored": f"{job.scored_rows:,}",
            "refused": f"{job.refused_rows:,}",
            "repaired": f"{job.warning_count:,}" if job.warning_count else "",
            "running": job.state in (*UNFINISHED, *GOING),
            "progress_url": self.address("progress", job.pk),
            "stream_path": f"/stream/jobs?job={job.pk}",
            "stream_port": settings.STREAM_PORT or "",
            "state": wording.state(job.state),
            "state_variant": wording.STATE_LABELS.get(wording.state(job.state), ""),
            "time": wording.duration(job.seconds),
            "rate": f"{rate:,.0f}" if rate else "",
            "left": wording.duration(pace.seconds_left) if pace.seconds_left else "",
            "phase": phase_of(job),
            "levels": _levels(job),
            "refusals": sorted(
                ((wording.refusal(code), f"{n:,}") for code, n in job.refused_counts.items()),
                key=lambda pair: -int(pair[1].replace(",", "")),
            ),
            "results": [
                {
                    "prediction": s.prediction_id,
                    "symbol": s.prediction.company.symbol,
                    "name": s.prediction.company.name,
                    "period": f"{s.prediction.fiscal_year}\xa0{s.prediction.quarter_text or ''}".strip(),
                    "pd": percent(s.pd),
                    "level": wording.level(s.risk_level),
                    "variant": wording.LEVEL_LABELS.get(wording.level(s.risk_level), ""),
                }
                for s in results
            ],
            "issues": issues[:SHOWN_ISSUES],
            "more_issues": f"{more:,}" if (more := issues.count() - SHOWN_ISSUES) > 0 else "",
            "report_url": f"{API}/{job.pk}/report"
            if job.scored_rows and job.state not in (*UNFINISHED, *GOING)
            else "",
            "results_url": f"{API}/{job.pk}/results.csv" if job.scored_rows else "",
            "errors_url": f"{API}/{job.pk}/errors/sheet" if faults.exists() else "",
        }

    def progress(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of a job's page that changes while it runs."""
        job = self.row_for(request, "view", object_id)
        if job is None:
            return HttpResponse(status=404)
        return TemplateResponse(request, "console/job_standing.html", self.standing_of(job))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        job = self.get_object(request, str(object_id))
        if job is None or not self.may(request, "cancel", job):
            return []
        ended = job.state not in (*UNFINISHED, *GOING)
        fits = {
            "cancel": job.state in UNFINISHED,
            "resume": job.state not in (JobState.COMPLETED, *GOING),
            "retry": job.state == JobState.COMPLETED and bool(set(RETRYABLE) & set(job.refused_counts)),
            "undo": ended and job.scored_rows > 0,
        }
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return [b for b in buttons if any(fits[name] and b.path.endswith(name) for name in fits)]

    @action(description="Cancel the job", url_path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then stop the job at the next chunk's border."""
        job = self.row_for(request, "cancel", object_id)
        if job is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            job,
            title=f"Cancel {job}?",
            text="It stops after the chunks that are being scored now. Rows scored so far stay.",
            button="Cancel the job",
            do=lambda _: jobs.job_cancel(job=job, actor=self.actor(request)),
            done="The job is cancelled.",
            danger=True,
        )

    @action(description="Resume", url_path="resume", icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then go on with what is not done."""
        job = self.row_for(request, "cancel", object_id)
        if job is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            job,
            title=f"Go on with {job}?",
            text="Rows that are not scored yet are scored, by the model that scored the others.",
            button="Resume",
            do=lambda _: resuming.job_resume(job=job, actor=self.actor(request)),
            done="The job goes on.",
        )

    @action(description="Try failed rows again", url_path="retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then score the rows again that failed for no reason of their own."""
        job = self.row_for(request, "cancel", object_id)
        if job is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            job,
            title=f"Try the failed rows of {job} again?",
            text="Rows that were refused by a fault on our side, or for a colleague's prediction, are tried "
            "as they stand. Rows with a fault of their own come back as a sheet to mend.",
            button="Try again",
            do=lambda _: resuming.job_retry(job=job, actor=self.actor(request)),
            done="The rows are tried again.",
        )

    @action(description="Undo", url_path="undo", icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take back what the job has stored."""
        job = self.row_for(request, "cancel", object_id)
        if job is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            job,
            title=f"Undo {job}?",
            text=f"Its {job.scored_rows:,} scores go. Predictions return to the scores they had before, "
            "or go; so do companies that only this file has made. It can be scored again with Resume.",
            button="Undo the job",
            do=lambda _: leaving.job_undo(job=job, actor=self.actor(request)),
            done="The job is being undone.",
            danger=True,
        )


def _levels(job: ScoringJob) -> list[dict[str, Any]]:
    """Scored rows by risk level, each with its share."""
    scored = job.scored_rows or 1
    return [
        {
            "level": str(level.label),
            "variant": wording.LEVEL_LABELS[str(level.label)],
            "rows": f"{job.level_counts.get(level.value, 0):,}",
            "share": percent(job.level_counts.get(level.value, 0) / scored, 1),
            "width": round(100 * job.level_counts.get(level.value, 0) / scored, 1),
        }
        for level in RiskLevel
    ]

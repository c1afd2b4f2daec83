"""Endpoints of scoring jobs: upload, progress, results, errors, cancel."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.selectors import working_organization
from predictions import exports, selectors
from predictions.api import client
from predictions.api.report_serializers import JobReportOut, ResultsOut
from predictions.api.serializers import (
    IssueOut,
    JobOut,
    JobUploadIn,
    PriorityIn,
    ProgressOut,
    ResultRowOut,
    ResultsIn,
)
from predictions.live import measuring
from predictions.models import JobState, PredictionKind, ScoringJob, Severity
from predictions.reports import workbook
from predictions.reports.summary import summary_of
from predictions.services import jobs, leaving, resuming
from tenants.kernel.filters import one_of
from tenants.kernel.parsers import JSONParser
from tenants.kernel.renderers import FileRenderer
from tenants.kernel.replicas import from_replica
from tenants.kernel.streams import stream_in_scope
from tenants.kernel.viewsets import OwnedViewSet

# The results dialog of the JSON client takes one answer; larger jobs are read page by page.
WHOLE_RESULTS = 10_000
# How often a program may well ask how far a job is.
POLL_SECONDS = 2


class JobFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=JobState.choices, distinct=False)
    kind = django_filters.ChoiceFilter(choices=PredictionKind.choices)


@extend_schema(tags=["jobs"])
class JobViewSet(OwnedViewSet):
    """Files being scored."""

    model = ScoringJob
    serializer_class = JobOut
    filterset_class = JobFilter
    list_aliases: ClassVar[dict[str, str]] = {"list": "jobs"}
    parser_classes = (JSONParser, MultiPartParser)
    module = "bulk_scoring"
    action_modules: ClassVar[dict[str, str]] = {
        "results_csv": "exports",
        "report_xlsx": "exports",
        "report_pdf": "exports",
    }
    permissions: ClassVar[dict[str, str]] = {
        "list": "jobs.read",
        "retrieve": "jobs.read",
        "create": "jobs.create",
        "destroy": "jobs.change",
        "cancel": "jobs.change",
        "prioritise": "jobs.change",
        "resume": "jobs.change",
        "retry": "jobs.change",
        "undo": "jobs.change",
        "progress": "jobs.read",
        "results": "jobs.read",
        "whole_results": "jobs.read",
        "results_csv": "jobs.read",
        "errors": "jobs.read",
        "error_sheet": "jobs.read",
        "report": "jobs.read",
        "report_xlsx": "jobs.read",
        "report_pdf": "jobs.read",
    }
    throttles: ClassVar[dict[str, str]] = {
        "create": "upload",
        "results_csv": "export",
        "whole_results": "export",
        "error_sheet": "export",
        "report": "export",
        "report_xlsx": "export",
        "report_pdf": "export",
    }
    watched: ClassVar[dict[str, str]] = {
        "results_csv": "predictions.job.results_downloaded",
        "whole_results": "predictions.job.results_downloaded",
        "error_sheet": "predictions.job.errors_downloaded",
        "report": "predictions.job.report_read",
        "report_xlsx": "predictions.job.report_downloaded",
        "report_pdf": "predictions.job.report_downloaded",
    }

    def list(self, request: Request) -> Response:
        """Jobs of the caller's organization, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        answer = self.get_paginated_response([client.job(row) for row in page or []])
        body: dict[str, Any] = answer.data
        if "total" in body:
            shown = body["skip"] + len(body["items"])
            keys = {"total": body["total"], "limit": body["limit"], "offset": body["skip"]}
            body["pagination"] = {**keys, "has_more": shown < body["total"]}
        return answer

    def retrieve(self, request: Request, pk: str) -> Response:
        """Status, progress, counts by category and timing of a job. With `If-None-Match` 304 while nothing
        was added."""
        job = self._job()
        tag = measuring.tag_of(measuring.progress_of(job))
        return Response(client.job(job), headers={"ETag": tag})

    @extend_schema(responses=ProgressOut, summary="Follow a job", filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def progress(self, request: Request, pk: str) -> Response:
        """Rows done, rates, time left and counts by category: small, for polling with `If-None-Match`.

        The same comes by itself from `GET /stream/jobs?job=ID` (server-sent events, `event: job`).
        """
        progress = measuring.progress_of(self._job())
        headers = {"ETag": measuring.tag_of(progress)}
        if progress["running"]:
            headers["Retry-After"] = str(POLL_SECONDS)
        return Response(progress, headers=headers)

    @extend_schema(
        request={"multipart/form-data": JobUploadIn}, responses={202: JobOut}, summary="Score a file"
    )
    def create(self, request: Request) -> Response:
        """Upload a file of annual or quarterly rows: CSV (also as .csv.gz), XLSX or Parquet. The answer comes
        before the scoring.

        A file without the needed columns is refused at once; a faulty row later, by itself. Beyond the
        organization's limits 429 `too_many_jobs`, `rows_spent` or `urgent_spent`, with `Retry-After`.
        """
        serializer = JobUploadIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        organization_id = working_organization(self.principal)
        job = jobs.job_create(
            kind=serializer.validated_data["kind"],
            **client.upload(serializer.validated_data),
            organization_id=organization_id,
            only_own=self.principal.only_own("predictions.change", organization_id),
            actor=self.principal.actor,
        )
        return Response(client.job(job), status=202)

    @extend_schema(responses={204: None, 200: JobOut}, summary="Delete a job")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove an ended job with its file and error list; what it scored stays.

        A large one goes in the background: 200, state `deleting`, and 404 when it is gone.
        """
        job = self._job()
        if leaving.job_delete(job=job, actor=self.principal.actor):
            return Response(status=204)
        return Response(client.job(self._job()))

    @extend_schema(request=None, responses=JobOut, summary="Cancel a job")
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop at the next chunk's border; rows scored so far stay."""
        job = jobs.job_cancel(job=self.get_object(), actor=self.principal.actor)
        return Response(client.job(job))

    @extend_schema(request=None, responses=JobOut, summary="Resume a job")
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on with a job that failed, was cancelled or undone, or that seems stuck, by the same model.

        409 `job_ended` for a completed one, `file_gone` where its file is no longer kept.
        """
        job = resuming.job_resume(job=self.get_object(), actor=self.principal.actor)
        return Response(client.job(job))

    @extend_schema(request=None, responses=JobOut, summary="Try failed rows again")
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Score again, in the same job, the rows that were refused as `internal` or `not_yours`.

        409 `nothing_to_retry` where every other refused row must be mended first.
        """
        job = resuming.job_retry(job=self.get_object(), actor=self.principal.actor)
        return Response(client.job(job))

    @extend_schema(request=None, responses={202: JobOut}, summary="Undo a job")
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back all scores of an ended job, in the background; predictions return to what they were.

        Predictions and companies that it alone has made go. `resume` scores the file again. 409
        `scored_since` where later scores have taken its place, `nothing_to_undo`, `job_running`.
        """
        job = leaving.job_undo(job=self.get_object(), actor=self.principal.actor)
        return Response(client.job(job), status=202)

    @extend_schema(request=PriorityIn, responses=JobOut, summary="Change a job's priority")
    @action(detail=True, methods=["post"], url_path="priority")
    def prioritise(self, request: Request, pk: str) -> Response:
        """Let a job that has not ended go before or behind others from its next chunk on.

        400 `too_large_for_urgent` and 429 `urgent_spent` where it cannot be urgent; 409 `job_ended` later.
        """
        row = (
            self.get_object()
        )  # first: who may not see the job learns nothing from what is wrong with the body
        serializer = PriorityIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        job = jobs.job_prioritise(job=row, actor=self.principal.actor, **serializer.validated_data)
        return Response(client.job(job))

    @extend_schema(responses=ResultRowOut(many=True), summary="Results, the worst first", filters=False)
    @action(detail=True, methods=["get"])
    def results(self, request: Request, pk: str) -> Response:
        """Scored rows ranked by PD, paged."""
        rows = selectors.scores_of(self._job())
        page = self.paginate_queryset(rows) or []
        # A walk by cursor goes by identifier: there a row has no rank.
        first = getattr(self.paginator, "offset", None)
        ranks = [None if first is None else first + n for n in range(1, len(page) + 1)]
        rows_out = [client.result_row(row, rank) for row, rank in zip(page, ranks, strict=True)]
        return self.get_paginated_response(rows_out)

    @extend_schema(request=ResultsIn, responses=ResultsOut, summary="All results in one answer")
    @results.mapping.post
    def whole_results(self, request: Request, pk: str) -> Response:
        """Summary, up to 10,000 predictions and errors in one answer, as the JSON client reads it."""
        serializer = ResultsIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted, job = serializer.validated_data, self._job()
        scores = selectors.scores_of(job)
        errors = job.issues.filter(severity=Severity.ERROR)[:WHOLE_RESULTS]
        body = client.results(
            job,
            list(scores[:WHOLE_RESULTS]) if wanted["include_predictions"] else [],
            [{"row": e.row_number, "error": e.message} for e in errors] if wanted["include_errors"] else [],
            scores.values("prediction__company").distinct().order_by().count(),
        )
        return Response(body)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.BINARY}, summary="Results as CSV", filters=False
    )
    @action(detail=True, methods=["get"], url_path=r"results\.csv", renderer_classes=[FileRenderer])
    def results_csv(self, request: Request, pk: str) -> HttpResponseBase:
        """Every scored row ranked by PD, with its inputs."""
        job = self._job()
        answer = StreamingHttpResponse(stream_in_scope(exports.results_csv(job)), content_type="text/csv")
        answer["Content-Disposition"] = exports.disposition(job, "results", "csv")
        return answer

    @extend_schema(
        parameters=[OpenApiParameter("severity", enum=Severity.values)],
        responses=IssueOut(many=True),
        summary="Errors and warnings",
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def errors(self, request: Request, pk: str) -> Response:
        """What is wrong with which cell, paged. `?severity=error` leaves the warnings out."""
        rows = self._job().issues.order_by("row_number", "id")
        if severity := one_of(request, "severity", Severity.values):
            rows = rows.filter(severity=severity)
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response([client.issue(row) for row in page])

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY}, summary="Faulty rows as a sheet", filters=False
    )
    @action(detail=True, methods=["get"], url_path="errors/sheet", renderer_classes=[FileRenderer])
    def error_sheet(self, request: Request, pk: str) -> HttpResponseBase:
        """The refused rows in the columns of the upload, with an error column: mend and upload again."""
        job = self._job()
        file, ending = exports.error_sheet(job)
        answer = FileResponse(file, as_attachment=True)
        answer["Content-Disposition"] = exports.disposition(job, "errors", ending)
        return answer

    @extend_schema(responses=JobReportOut, summary="Summary report", filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def report(self, request: Request, pk: str) -> Response:
        """Counts, distribution, the worst 20, changes since the last run of the same portfolio, and errors
        by reason. 409 `job_running` before the job has ended."""
        return Response(self._summary(self._job()))

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY}, summary="Summary report as XLSX", filters=False
    )
    @action(detail=True, methods=["get"], url_path=r"report\.xlsx", renderer_classes=[FileRenderer])
    def report_xlsx(self, request: Request, pk: str) -> HttpResponseBase:
        """The same as a workbook with typed cells and a sheet of definitions."""
        job = self._job()
        return exports.whole_file(job, workbook.render(self._summary(job)), "summary", "xlsx")

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY}, summary="Summary report as PDF", filters=False
    )
    @action(detail=True, methods=["get"], url_path=r"report\.pdf", renderer_classes=[FileRenderer])
    def report_pdf(self, request: Request, pk: str) -> HttpResponseBase:
        """The same on paper, for whoever decides."""
        job = self._job()
        # Paper brings the statistics library along: 75 MB that a process does without until somebody prints.
        from predictions.reports import paper

        return exports.whole_file(job, paper.render(self._summary(job)), "summary", "pdf")

    def _summary(self, job: ScoringJob) -> dict[str, Any]:
        with from_replica():
            return summary_of(job)

    def _job(self) -> ScoringJob:
        job: ScoringJob = self.get_object()
        return job

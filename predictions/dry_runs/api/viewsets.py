"""Endpoints of dry runs: look a file through, read what was found, score its good rows."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from organizations.selectors import working_organization
from predictions.api import client
from predictions.api.serializers import JobOut, JobUploadIn
from predictions.dry_runs import services
from predictions.dry_runs.api.serializers import DryRunListOut, DryRunOut
from predictions.dry_runs.models import UNFINISHED, DryRun, DryRunState
from predictions.models import PredictionKind
from tenants.kernel.files import safe_name
from tenants.kernel.parsers import JSONParser
from tenants.kernel.renderers import FileRenderer
from tenants.kernel.viewsets import OwnedViewSet

POLL_SECONDS = 2


class DryRunFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=DryRunState.choices)
    kind = django_filters.ChoiceFilter(choices=PredictionKind.choices)


@extend_schema(tags=["dry runs"])
class DryRunViewSet(mixins.ListModelMixin, OwnedViewSet):
    """Portfolio files that are looked through before anything is scored."""

    model = DryRun
    serializer_class = DryRunListOut
    filterset_class = DryRunFilter
    parser_classes = (JSONParser, MultiPartParser)
    module = "bulk_scoring"
    permissions: ClassVar[dict[str, str]] = {
        "list": "jobs.read",
        "retrieve": "jobs.read",
        "create": "jobs.create",
        "destroy": "jobs.change",
        "findings_csv": "jobs.read",
        "proceed": "jobs.create",
    }
    throttles: ClassVar[dict[str, str]] = {"create": "upload", "findings_csv": "export"}
    watched: ClassVar[dict[str, str]] = {"findings_csv": "dry_runs.dry_run.findings_downloaded"}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        # A list shows none of what was found.
        return rows.defer("columns", "findings") if self.action == "list" else rows

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return DryRunListOut if self.action == "list" else DryRunOut

    @extend_schema(responses=DryRunOut, summary="Read a dry run")
    def retrieve(self, request: Request, pk: str) -> Response:
        """How each column of the file is read, its statistics, the first findings, and how many rows could be
        scored. While it is `pending` or `checking`, `Retry-After` says when to ask again."""
        row = self.get_object()
        headers = {"Retry-After": str(POLL_SECONDS)} if row.state in UNFINISHED else {}
        return Response(DryRunOut(row).data, headers=headers)

    @extend_schema(
        request={"multipart/form-data": JobUploadIn},
        responses={
            201: OpenApiResponse(DryRunOut, description="Looked through already."),
            202: OpenApiResponse(DryRunOut, description="A larger file: it is looked through now."),
        },
        summary="Look a file through without scoring it",
    )
    def create(self, request: Request) -> Response:
        """Upload a file as for scoring; every cell is read and checked, and nothing is scored or stored.

        A file of up to 1 MB is answered at once, a larger one is looked through in the background. A file
        whose columns do not suffice is taken, and `blocked_code` says why no row could be scored.
        Kept for a week unless its rows are scored.
        """
        serializer = JobUploadIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        organization_id = working_organization(self.principal)
        row = services.dry_run_create(
            kind=serializer.validated_data["kind"],
            **client.upload(serializer.validated_data),
            organization_id=organization_id,
            only_own=self.principal.only_own("predictions.change", organization_id),
            actor=self.principal.actor,
        )
        return Response(DryRunOut(row).data, status=202 if row.state in UNFINISHED else 201)

    @extend_schema(responses={204: None}, summary="Delete a dry run")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it with its file; one that is under way stops. One with a job goes with the job."""
        services.dry_run_delete(row=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY}, summary="All findings", filters=False)
    @action(detail=True, methods=["get"], url_path=r"findings\.csv", renderer_classes=[FileRenderer])
    def findings_csv(self, request: Request, pk: str) -> HttpResponseBase:
        """Every finding with row, cell, value, reason and a hint what to do, as CSV."""
        row = self.get_object()
        answer = FileResponse(services.findings_of(row), content_type="text/csv; charset=utf-8")
        name = f"{safe_name(row.original_filename)}-findings.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    @extend_schema(request=None, responses={202: JobOut}, summary="Score the good rows")
    @action(detail=True, methods=["post"])
    def proceed(self, request: Request, pk: str) -> Response:
        """Make the job from the file that is stored already; its faulty rows are refused as they were found.

        The job has the id of the dry run. A second call is 409 `already_proceeded`.
        """
        row = self.get_object()
        job = services.dry_run_proceed(
            row=row,
            only_own=self.principal.only_own("predictions.change", row.organization_id),
            actor=self.principal.actor,
        )
        return Response(client.job(job), status=202)

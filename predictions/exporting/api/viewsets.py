"""Endpoints of exports: small lists at once, large ones in the background, a company's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

import django_filters
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies.models import Company
from organizations.selectors import global_data_allowed, working_organization
from predictions.exporting import services
from predictions.exporting.api.serializers import ExportableListOut, ListExportIn, ListExportOut
from predictions.exporting.lists import LISTS
from predictions.exporting.models import Export, ExportState, FileType
from tenants import modules
from tenants.kernel import scope
from tenants.kernel.errors import Absent, Forbidden, InvalidInput
from tenants.kernel.files import safe_name
from tenants.kernel.filters import one_of
from tenants.kernel.renderers import FileRenderer
from tenants.kernel.streams import stream_in_scope
from tenants.kernel.viewsets import OwnedViewSet

_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


class ExportFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=ExportState.choices, distinct=False)
    list = django_filters.ChoiceFilter(
        field_name="list_code", choices=[(code, table.title) for code, table in LISTS.items()]
    )


@extend_schema(tags=["exports"])
class ExportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Lists as files. Whether one may be made, and what it holds, follows from the list's own permission."""

    model = Export
    serializer_class = ListExportOut
    filterset_class = ExportFilter
    module = "exports"
    permissions: ClassVar[dict[str, str]] = {
        "list": "exports.read",
        "retrieve": "exports.read",
        "create": "exports.create",
        "destroy": "exports.change",
        "file": "exports.change",
        "lists": "exports.create",
        "now": "exports.create",
        "company": "exports.create",
    }
    throttles: ClassVar[dict[str, str]] = {
        "create": "export",
        "file": "export",
        "now": "export",
        "company": "export",
    }
    watched: ClassVar[dict[str, str]] = {
        "file": "exporting.export.downloaded",
        "now": "exporting.list.exported",
        "company": "exporting.company.exported",
    }

    @contextmanager
    def _reach(self, permission: str) -> Iterator[None]:
        """Within the organizations in which the caller holds the list's own permission."""
        allowed = self.principal.organizations_with(permission) & frozenset(
            scope.current().organization_ids or ()
        )
        if not self.principal.holds(permission) or not allowed:
            raise Forbidden()
        with scope.organizations(allowed, reason=f"export for {self.principal.user_id}"):
            yield

    @extend_schema(request=ListExportIn, responses={202: ListExportOut}, summary="Have a list made as a file")
    def create(self, request: Request) -> Response:
        """Make the file in the background; a notice tells when it is ready. Kept for a week."""
        serializer = ListExportIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        table = services.table_of(asked["list"])
        with self._reach(table.permission):
            row = services.export_create(
                code=table.code,
                type=asked["type"],
                filters=asked.get("filters") or {},
                organization_id=working_organization(self.principal),
                actor=self.principal.actor,
            )
        return Response(ListExportOut(row).data, status=202)

    @extend_schema(responses={204: None}, summary="Delete an export")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove an export of one's own with its file."""
        services.export_delete(row=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses={(200, "*/*"): OpenApiTypes.BINARY}, summary="The file", filters=False)
    @action(detail=True, methods=["get"], renderer_classes=[FileRenderer])
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """Fetch a file that is ready; only whoever asked for it may. Recorded in the audit log."""
        row = self.get_object()
        if row.created_by_id != self.principal.user_id:
            raise Forbidden("Only whoever asked for the file may fetch it.", code="not_yours")
        answer = FileResponse(services.export_fetch(row=row, actor=self.principal.actor))
        return _named(answer, row.filename, row.type)

    @extend_schema(responses=ExportableListOut(many=True), summary="What can be exported", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def lists(self, request: Request) -> Response:
        """The lists that the caller may export, with their columns, definitions and filters."""
        known = [
            table
            for table in LISTS.values()
            if self.principal.holds(table.permission) and (not table.module or modules.is_on(table.module))
        ]
        return Response(ExportableListOut(known, many=True).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("list", enum=list(LISTS), required=True, description="Which list."),
            OpenApiParameter("type", enum=FileType.values, description="csv by default."),
        ],
        responses={(200, "*/*"): OpenApiTypes.BINARY},
        summary="A small list at once",
        filters=False,
    )
    @action(detail=False, methods=["get"], renderer_classes=[FileRenderer])
    def now(self, request: Request) -> HttpResponseBase:
        """Up to 5,000 rows, streamed. All further parameters are filters of the list."""
        asked = {name: request.query_params.getlist(name) for name in request.query_params}
        code, kind = asked.pop("list", [""])[0], asked.pop("type", ["csv"])[0]
        if kind not in FileType.values:
            raise InvalidInput(
                errors=[{"pointer": "/type", "code": "invalid_choice", "detail": "csv or xlsx."}]
            )
        filters = {name: values if len(values) > 1 else values[0] for name, values in asked.items()}
        table = services.table_of(code)
        with self._reach(table.permission):
            pieces, name = services.export_now(
                code=code, type=kind, filters=filters, actor=self.principal.actor
            )
            answer = StreamingHttpResponse(stream_in_scope(pieces))
        return _named(answer, name, kind)

    @extend_schema(
        parameters=[
            OpenApiParameter("company", OpenApiTypes.UUID, required=True, description="Which company."),
            OpenApiParameter("type", enum=["pdf", "xlsx"], description="pdf by default."),
        ],
        responses={(200, "*/*"): OpenApiTypes.BINARY},
        summary="A company's file",
        filters=False,
    )
    @action(detail=False, methods=["get"], renderer_classes=[FileRenderer])
    def company(self, request: Request) -> HttpResponseBase:
        """One page on the company's risk as PDF, or all its statements, ratios and scores as a workbook."""
        # Drawing brings the statistics library along: 75 MB that a process does without until somebody asks.
        from predictions.exporting.company_file import pdf_of, workbook_of

        kind = one_of(request, "type", ["pdf", "xlsx"], "pdf")
        try:
            key = UUID(request.query_params.get("company", ""))
        except ValueError:
            wrong = {"pointer": "/company", "code": "required", "detail": "Say which company, by its id."}
            raise InvalidInput(errors=[wrong]) from None
        with self._reach("predictions.read"), self._reach("companies.read"):
            row = Company.objects.filter(id=key).first()
            if row is None:
                raise Absent()
            self._row = row
            reference = global_data_allowed(self.principal)
            file = pdf_of(row, reference=reference) if kind == "pdf" else workbook_of(row)
        what = "risk-report" if kind == "pdf" else "file"
        return _named(FileResponse(file), f"{safe_name(row.symbol)}-{what}.{kind}", kind)


def _named(answer: FileResponse | StreamingHttpResponse, name: str, kind: str) -> HttpResponseBase:
    answer["Content-Type"] = _MEDIA[kind]
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer

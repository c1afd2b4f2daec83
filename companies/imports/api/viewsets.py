"""Endpoints of imports: upload, mapping, preview, check, start, progress, faulty rows, undo."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from companies.imports import files, selectors, services
from companies.imports.api.serializers import (
    ColumnMappingOut,
    CompanyImportOut,
    EffectOut,
    ImportIn,
    ImportIssueOut,
    ImportPreviewOut,
    MappingIn,
    StartIn,
    TargetOut,
)
from companies.imports.models import ColumnMapping, Import, ImportState, IssueLevel, Layout
from organizations.selectors import working_organization
from tenants.kernel.files import safe_name
from tenants.kernel.filters import one_of
from tenants.kernel.parsers import JSONParser
from tenants.kernel.renderers import FileRenderer
from tenants.kernel.viewsets import OwnedViewSet


class ImportFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=ImportState.choices, distinct=False)
    layout = django_filters.ChoiceFilter(choices=Layout.choices)


@extend_schema(tags=["imports"])
class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Files of companies and statements on their way in."""

    model = Import
    serializer_class = CompanyImportOut
    filterset_class = ImportFilter
    parser_classes = (JSONParser, MultiPartParser)
    module = "imports"
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "create": "companies.create",
        "partial_update": "companies.change",
        "destroy": "companies.change",
        "targets": "companies.read",
        "template": "companies.read",
        "preview": "companies.read",
        "check": "companies.change",
        "start": "companies.change",
        "cancel": "companies.change",
        "undo": "companies.change",
        "issues": "companies.read",
        "effects": "companies.read",
        "faulty_rows": "companies.read",
    }
    throttles: ClassVar[dict[str, str]] = {"create": "upload", "faulty_rows": "export"}
    watched: ClassVar[dict[str, str]] = {"faulty_rows": "imports.import.faulty_rows_downloaded"}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Imports of the caller's organization, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request={"multipart/form-data": ImportIn}, responses={201: CompanyImportOut}, summary="Upload a file"
    )
    def create(self, request: Request) -> Response:
        """Keep a file and propose how its columns are read. Nothing is written yet: look at `preview`."""
        serializer = ImportIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        organization_id = working_organization(self.principal)
        given = dict(serializer.validated_data)
        row = services.import_create(
            upload=given.pop("file"),
            organization_id=organization_id,
            only_own=self.principal.only_own("companies.change", organization_id),
            actor=self.principal.actor,
            **given,
        )
        return Response(CompanyImportOut(row).data, status=201)

    @extend_schema(request=MappingIn, responses=CompanyImportOut, summary="Say how the columns are read")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Correct the mapping, the unit or the currency, before anything is written."""
        serializer = MappingIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = services.import_remap(
            row=self.get_object(), actor=self.principal.actor, **serializer.validated_data
        )
        return Response(CompanyImportOut(row).data)

    @extend_schema(responses={204: None}, summary="Delete an import")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove an ended import with its file; what it brought stays and can be undone no more."""
        services.import_delete(row=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses=TargetOut(many=True), summary="What a column can be read as", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def targets(self, request: Request) -> Response:
        """Names, definitions and choices, the institution's own fields at the end."""
        return Response(TargetOut(selectors.targets(), many=True).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("layout", enum=Layout.values, description="long by default."),
            OpenApiParameter("type", enum=["csv", "xlsx"], description="xlsx by default."),
        ],
        responses={(200, "*/*"): OpenApiTypes.BINARY},
        summary="Template to fill in",
        filters=False,
    )
    @action(detail=False, methods=["get"], renderer_classes=[FileRenderer])
    def template(self, request: Request) -> HttpResponseBase:
        """A file with the columns and an example row; the workbook defines each column on a second sheet."""
        layout = one_of(request, "layout", Layout.values, Layout.LONG)
        kind = one_of(request, "type", ["csv", "xlsx"], "xlsx")
        answer = FileResponse(files.template(Layout(layout), kind))
        answer["Content-Disposition"] = f'attachment; filename="{layout}-template.{kind}"'
        return answer

    @extend_schema(responses=ImportPreviewOut, summary="The first rows as they are read", filters=False)
    @action(detail=True, methods=["get"])
    def preview(self, request: Request, pk: str) -> Response:
        """What each column is read as, the first rows, and the first errors among the first 200 rows."""
        return Response(ImportPreviewOut(selectors.preview(self.get_object())).data)

    @extend_schema(request=StartIn, responses={202: CompanyImportOut}, summary="Check the whole file")
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Try every row and keep nothing: `forecast`, `fault_counts` and the issues tell the outcome."""
        return self._start(request, dry=True)

    @extend_schema(request=StartIn, responses={202: CompanyImportOut}, summary="Take the file in")
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Write the rows in the background. A faulty row is left out and keeps no other from being taken."""
        return self._start(request, dry=False)

    def _start(self, request: Request, *, dry: bool) -> Response:
        serializer = StartIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = services.import_start(
            row=self.get_object(), dry=dry, actor=self.principal.actor, **serializer.validated_data
        )
        return Response(CompanyImportOut(row).data, status=202)

    @extend_schema(request=None, responses=CompanyImportOut, summary="Cancel")
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop at the next chunk's border; what is written stays, and can be undone."""
        row = services.import_cancel(row=self.get_object(), actor=self.principal.actor)
        return Response(CompanyImportOut(row).data)

    @extend_schema(request=None, responses={200: CompanyImportOut, 202: CompanyImportOut}, summary="Undo")
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back statements that still hold and companies that nothing else has used since. Of a large
        import in the background (202, `undoing`); a notice tells when it is done."""
        row = services.import_undo(row=self.get_object(), actor=self.principal.actor)
        return Response(CompanyImportOut(row).data, status=202 if row.state == ImportState.UNDOING else 200)

    @extend_schema(
        parameters=[OpenApiParameter("level", enum=IssueLevel.values), OpenApiParameter("code")],
        responses=ImportIssueOut(many=True),
        summary="What is wrong with which cell",
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def issues(self, request: Request, pk: str) -> Response:
        """Errors and warnings by row, each with its cell and what to do about it."""
        rows = self.get_object().issues.order_by("row_number", "id")
        if level := one_of(request, "level", IssueLevel.values):
            rows = rows.filter(level=level)
        if code := request.query_params.get("code"):
            rows = rows.filter(code=code)
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(ImportIssueOut(page, many=True).data)

    @extend_schema(responses=EffectOut(many=True), summary="What it brought", filters=False)
    @action(detail=True, methods=["get"])
    def effects(self, request: Request, pk: str) -> Response:
        """Companies and statements that it made or changed, each with its row."""
        rows = self.get_object().effects.select_related("company").order_by("row_number", "id")
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(EffectOut(page, many=True).data)

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY}, summary="Faulty rows as a sheet", filters=False
    )
    @action(detail=True, methods=["get"], url_path="faulty-rows", renderer_classes=[FileRenderer])
    def faulty_rows(self, request: Request, pk: str) -> HttpResponseBase:
        """The rows that were left out, in the upload's own columns, with what is wrong: to be mended."""
        row = self.get_object()
        file, ending = files.faulty_rows(row)
        answer = FileResponse(file)
        answer["Content-Disposition"] = (
            f'attachment; filename="{safe_name(row.original_filename)}-faulty.{ending}"'
        )
        return answer


@extend_schema(tags=["imports"])
class MappingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """How files with a known header are read; kept when somebody corrects a mapping."""

    model = ColumnMapping
    serializer_class = ColumnMappingOut
    module = "imports"
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "destroy": "companies.change",
    }

    @extend_schema(responses={204: None}, summary="Forget a mapping")
    def destroy(self, request: Request, pk: str) -> Response:
        """Read the next file with this header by its names again."""
        services.mapping_forget(row=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

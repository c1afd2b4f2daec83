"""Endpoints of connectors: sources, their runs, running one now."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies.connectors import selectors, services
from companies.connectors.api.serializers import (
    ConnectorRunOut,
    KindOut,
    RunSummaryOut,
    SourceChange,
    SourceIn,
    SourceOut,
)
from companies.connectors.models import ConnectorKind, Run, RunState, Source
from organizations.selectors import working_organization
from tenants.kernel.filters import BooleanFilter
from tenants.kernel.viewsets import OwnedViewSet


class SourceFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=ConnectorKind.choices)
    enabled = BooleanFilter()


@extend_schema(tags=["connectors"])
class SourceViewSet(OwnedViewSet):
    """Where the organization takes statements from, beside people and their files."""

    model = Source
    serializer_class = SourceOut
    filterset_class = SourceFilter
    module = "connectors"
    permissions: ClassVar[dict[str, str]] = {
        "list": "connectors.read",
        "retrieve": "connectors.read",
        "kinds": "connectors.read",
        "create": "connectors.change",
        "partial_update": "connectors.change",
        "destroy": "connectors.change",
        "run": "connectors.change",
        "close_circuit": "connectors.change",
    }

    def narrow(self, rows: Any) -> Any:
        return selectors.with_last_run(rows).order_by("name", "id")

    @extend_schema(summary="List connectors")
    def list(self, request: Request) -> Response:
        """Each with the state of its circuit and its last run."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shown: Any = selectors.shown(page or [])
        answer: Response = self.get_paginated_response(SourceOut(shown, many=True).data)
        return answer

    @extend_schema(summary="Read a connector", responses=SourceOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Options, circuit and last run."""
        return Response(SourceOut(selectors.shown([self.get_object()])[0]).data)

    @extend_schema(
        summary="List the kinds of connectors", responses=KindOut(many=True), filters=False, parameters=[]
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def kinds(self, request: Request) -> Response:
        """What can be set up, and the options of each."""
        return Response(KindOut(selectors.kinds(), many=True).data)

    @extend_schema(request=SourceIn, responses={201: SourceOut}, summary="Set up a connector")
    def create(self, request: Request) -> Response:
        """A source runs at once and then at its pace; without one, only when it is told to."""
        serializer = SourceIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        source = services.source_create(
            organization_id=working_organization(self.principal),
            actor=self.principal.actor,
            **serializer.validated_data,
        )
        return Response(SourceOut(selectors.source_shown(source)).data, status=201)

    @extend_schema(request=SourceChange, responses=SourceOut, summary="Change a connector")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Name, options, pace, or whether it runs."""
        serializer = SourceChange(data=request.data)
        source = self.get_object()
        serializer.is_valid(raise_exception=True)
        source = services.source_update(
            source=source, changes=serializer.validated_data, actor=self.principal.actor
        )
        return Response(SourceOut(selectors.source_shown(source)).data)

    @extend_schema(responses={204: None}, summary="Remove a connector")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove the source and its reports; companies and statements taken from it stay."""
        services.source_delete(source=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses={202: RunSummaryOut}, summary="Run a connector now")
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Fetch in the background what is new; follow it by its id under connectors/runs."""
        run = services.run_request(source=self.get_object(), actor=self.principal.actor)
        return Response(RunSummaryOut(run).data, status=202)

    @extend_schema(request=None, responses=SourceOut, summary="Close a connector's circuit")
    @action(detail=True, methods=["post"], url_path="close-circuit")
    def close_circuit(self, request: Request, pk: str) -> Response:
        """Let calls to the source through at once, instead of when its pause is over."""
        source = self.get_object()
        services.circuit_close(source=source, actor=self.principal.actor)
        return Response(SourceOut(selectors.source_shown(source)).data)


class RunFilter(django_filters.FilterSet):
    source = django_filters.UUIDFilter(field_name="source_id")
    state = django_filters.ChoiceFilter(choices=RunState.choices)


@extend_schema(tags=["connectors"])
class RunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Runs of connectors with what each brought, and what it refused and why."""

    model = Run
    filterset_class = RunFilter
    module = "connectors"
    permissions: ClassVar[dict[str, str]] = {"list": "connectors.read", "retrieve": "connectors.read"}

    def get_serializer_class(self) -> Any:
        return ConnectorRunOut if self.action == "retrieve" else RunSummaryOut

    def narrow(self, rows: Any) -> Any:
        rows = rows.order_by("-queued_at", "-id")
        return rows if self.action == "retrieve" else rows.defer("refusals")

"""Endpoints of monitoring: outcomes, weekly observations, alerts, realised performance."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.selectors import working_organization
from predictions.models import PredictionKind
from predictions.monitoring import selectors, services
from predictions.monitoring.api.serializers import (
    AcknowledgeIn,
    AlertOut,
    ObservationOut,
    OutcomeIn,
    OutcomeOut,
    OutcomesFileIn,
    OverviewOut,
    PerformanceOut,
    TakenOut,
)
from predictions.monitoring.models import Alert, AlertLevel, Observation, Outcome, OutcomeKind
from predictions.monitoring.performance import performance
from tenants.kernel.filters import BooleanFilter
from tenants.kernel.parsers import JSONParser
from tenants.kernel.viewsets import DeclaredViewSet, OwnedViewSet


class OutcomeFilter(django_filters.FilterSet):
    kind = django_filters.MultipleChoiceFilter(choices=OutcomeKind.choices, distinct=False)
    company_symbol = django_filters.CharFilter(field_name="company__symbol", lookup_expr="iexact")
    occurred_on = django_filters.DateFromToRangeFilter()


@extend_schema(tags=["monitoring"])
class OutcomeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Defaults of the organization's companies."""

    model = Outcome
    serializer_class = OutcomeOut
    filterset_class = OutcomeFilter
    parser_classes = (JSONParser, MultiPartParser)
    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {
        "list": "outcomes.read",
        "retrieve": "outcomes.read",
        "create": "outcomes.create",
        "upload": "outcomes.create",
        "destroy": "outcomes.change",
    }

    def narrow(self, rows: Any) -> Any:
        return rows.select_related("company").order_by("-occurred_on", "-id")

    @extend_schema(request=OutcomeIn, responses={201: OutcomeOut}, summary="Record a default")
    def create(self, request: Request) -> Response:
        """Say that a company defaulted, and when."""
        serializer = OutcomeIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        outcome = services.outcome_record(
            organization_id=working_organization(self.principal),
            symbol=given.pop("company_symbol"),
            actor=self.principal.actor,
            **given,
        )
        return Response(OutcomeOut(outcome).data, status=201)

    @extend_schema(
        request={"multipart/form-data": OutcomesFileIn},
        responses=TakenOut,
        summary="Record a file of defaults",
    )
    @action(detail=False, methods=["post"])
    def upload(self, request: Request) -> Response:
        """Take a file; a faulty row is named and keeps no other from being taken. Twice is once."""
        serializer = OutcomesFileIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        taken = services.outcomes_upload(
            upload=serializer.validated_data["file"],
            organization_id=working_organization(self.principal),
            actor=self.principal.actor,
        )
        return Response(asdict(taken))

    @extend_schema(responses={204: None}, summary="Take an outcome back")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove an outcome that was recorded in error."""
        services.outcome_delete(outcome=self.get_object(), actor=self.principal.actor)
        return Response(status=204)


class ObservationFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=PredictionKind.choices)
    shape = django_filters.CharFilter()
    week = django_filters.DateFromToRangeFilter()


@extend_schema(tags=["monitoring"])
class ObservationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """What was seen of each week's scores."""

    model = Observation
    serializer_class = ObservationOut
    filterset_class = ObservationFilter
    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {"list": "monitoring.read", "retrieve": "monitoring.read"}

    def narrow(self, rows: Any) -> Any:
        return rows.order_by("-week", "kind", "shape", "id")


class AlertFilter(django_filters.FilterSet):
    level = django_filters.ChoiceFilter(choices=AlertLevel.choices)
    open = BooleanFilter(field_name="closed_at", lookup_expr="isnull")


@extend_schema(tags=["monitoring"])
class AlertViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Figures beyond their limits."""

    model = Alert
    serializer_class = AlertOut
    filterset_class = AlertFilter
    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {
        "list": "monitoring.read",
        "retrieve": "monitoring.read",
        "acknowledge": "monitoring.change",
    }

    def narrow(self, rows: Any) -> Any:
        return rows.order_by("-opened_at", "-id")

    @extend_schema(request=AcknowledgeIn, responses=AlertOut, summary="Acknowledge an alert")
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Say that it was looked at; it closes once the figure is back within its limit."""
        alert = self.get_object()
        serializer = AcknowledgeIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        alert = services.alert_acknowledge(
            alert=alert, actor=self.principal.actor, **serializer.validated_data
        )
        return Response(AlertOut(alert).data)


@extend_schema(tags=["monitoring"])
class MonitoringViewSet(DeclaredViewSet):
    """Figures over all rows that the caller may see."""

    module = "monitoring"
    permissions: ClassVar[dict[str, str]] = {
        "overview": "monitoring.read",
        "performance": "monitoring.read",
        "refresh": "monitoring.change",
    }

    @extend_schema(responses=OverviewOut, summary="Weeks, alerts and outcomes at a glance", filters=False)
    @action(detail=False, methods=["get"])
    def overview(self, request: Request) -> Response:
        """Weekly scores, mean PD, categories, missing inputs and drift of the score."""
        return Response(OverviewOut(selectors.overview()).data)

    @extend_schema(responses=PerformanceOut, summary="Realised defaults against PDs", filters=False)
    @action(detail=False, methods=["get"])
    def performance(self, request: Request) -> Response:
        """AUC, recall and calibration by cohort, over all closed ones, and by grade with p-values."""
        return Response(PerformanceOut(performance()).data)

    @extend_schema(request=None, responses={202: None}, summary="Observe now")
    @action(detail=False, methods=["post"])
    def refresh(self, request: Request) -> Response:
        """Look at the latest scores now; otherwise it happens once a day."""
        services.observation_request(
            organization_id=working_organization(self.principal), actor=self.principal.actor
        )
        return Response(status=202)

"""Endpoints of predictions: annual, quarterly, and the platform's reference scores."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.selectors import global_data_allowed, working_organization
from predictions import selectors
from predictions.api import client
from predictions.api.score_serializers import ChangeIn, ChangeOut
from predictions.api.serializers import (
    AnnualIn,
    AnnualOut,
    JobOut,
    QuarterlyIn,
    QuarterlyOut,
    ScoreOut,
    UploadIn,
)
from predictions.changes import bridge
from predictions.explaining import drivers_of
from predictions.inputs import request_from_body
from predictions.models import Prediction, PredictionKind, RiskLevel
from predictions.services import jobs, scoring
from predictions.staleness import StaleReason, stale, stale_condition
from tenants.kernel.context import current_tenant, in_a_tenant
from tenants.kernel.filters import BooleanFilter, WholeNumberFilter
from tenants.kernel.viewsets import OwnedViewSet

# Clients load whole portfolios and filter in the browser.
LIST_CAP = 1000


class StableOrderingFilter(django_filters.OrderingFilter):
    """Orders as asked and then by identifier, so that equal rows keep their page."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        ordered: QuerySet[Any] = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "-id") if value else ordered


class PredictionFilter(django_filters.FilterSet):
    risk_level = django_filters.MultipleChoiceFilter(choices=RiskLevel.choices, distinct=False)
    year = WholeNumberFilter(field_name="fiscal_year")
    symbol = django_filters.CharFilter(field_name="company__symbol", lookup_expr="iexact")
    sector = django_filters.CharFilter(field_name="company__sector", lookup_expr="iexact")
    company = django_filters.UUIDFilter(field_name="company_id")
    min_probability = django_filters.NumberFilter(field_name="pd", lookup_expr="gte")
    max_probability = django_filters.NumberFilter(field_name="pd", lookup_expr="lte")
    statement = django_filters.UUIDFilter(
        field_name="current__statement_id", label="The version of a statement that was scored."
    )
    stale = BooleanFilter(method="out_of_date", label="Whether the score is out of date.")
    stale_reason = django_filters.ChoiceFilter(
        choices=[(str(reason), str(reason)) for reason in StaleReason], method="out_of_date_by"
    )
    ordering = StableOrderingFilter(
        fields=(("pd", "probability"), ("created_at", "created_at"), ("fiscal_year", "year")),
        help_text="probability, created_at or year; a minus in front turns it round.",
    )

    def out_of_date(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(stale()) if value else rows.exclude(stale())

    def out_of_date_by(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(stale_condition(value))


class PredictionViewSet(OwnedViewSet):
    """What annual and quarterly predictions share; the subclasses say which kind and which shapes."""

    model = Prediction
    kind: ClassVar[str]
    input_class: ClassVar[type[Any]]
    filterset_class = PredictionFilter
    max_size = LIST_CAP
    action_modules: ClassVar[dict[str, str]] = {"bulk_upload_async": "bulk_scoring"}
    permissions: ClassVar[dict[str, str]] = {
        "list": "predictions.read",
        "retrieve": "predictions.read",
        "create": "predictions.create",
        "update": "predictions.change",
        "destroy": "predictions.change",
        "scores": "predictions.read",
        "change": "predictions.read",
        "system": "predictions.read",
        "bulk_upload_async": "jobs.create",
    }
    throttles: ClassVar[dict[str, str]] = {"bulk_upload_async": "upload"}
    versioned: ClassVar[frozenset[str]] = frozenset({"update", "destroy"})
    # An answer also shows the company, which changes without the prediction.
    tag_is_whole = False

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        mine = rows.filter(kind=self.kind)
        return mine.select_related("company", "current__statement").order_by("-created_at", "-id")

    def _read(self) -> Any:
        serializer = self.input_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return request_from_body(self.kind, serializer.validated_data)

    def _answer(self, prediction: Prediction, status: int = 200) -> Response:
        body = client.prediction(prediction, drivers_of(prediction))
        return self.tagged(self.get_serializer_class()(body).data, prediction, status)

    def _page(self, rows: QuerySet[Any]) -> Response:
        page = self.paginate_queryset(self.filter_queryset(rows).values(*client.LISTED))
        # Rows are plain values of the right types: a serializer per row would only cost time.
        return self.get_paginated_response(client.prediction_rows(list(page or [])))

    def list(self, request: Request) -> Response:
        """Predictions of the caller's organization (tenant admins: of all organizations), newest first.

        The platform's own are no organization's: they are in `system`, for its operators too.
        """
        rows = self.get_queryset()
        return self._page(rows.none() if in_a_tenant() and current_tenant().is_reference else rows)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One prediction with the drivers of its PD."""
        return self._answer(self.get_object())

    def create(self, request: Request) -> Response:
        """Score a company for a period. A period that is there already answers 409."""
        organization_id = working_organization(self.principal)
        prediction = scoring.prediction_create(
            kind=self.kind,
            request=self._read(),
            organization_id=organization_id,
            only_own=self.principal.only_own("companies.change", organization_id),
            actor=self.principal.actor,
        )
        return self._answer(prediction, status=201)

    def update(self, request: Request, pk: str) -> Response:
        """Score again with new inputs; earlier scores stay in the history.

        With `If-Match` only while the score that it names is the current one.
        """
        prediction = self.get_object()
        prediction = scoring.prediction_rescore(
            prediction=prediction,
            request=self._read(),
            only_own=self.principal.only_own("companies.change", prediction.organization_id),
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self._answer(prediction)

    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a prediction with its history.

        With `If-Match` only while the score that it names is the current one.
        """
        scoring.prediction_delete(
            prediction=self.get_object(), expected=self.expected, actor=self.principal.actor
        )
        return Response(status=204)

    @extend_schema(responses=ScoreOut(many=True), summary="History of a prediction", filters=False)
    @action(detail=True, methods=["get"], filterset_class=None)
    def scores(self, request: Request, pk: str) -> Response:
        """Every score this prediction ever had, the newest first."""
        page = self.paginate_queryset(self.get_object().scores.order_by("-id"))
        return self.get_paginated_response([client.score(row) for row in page or []])

    @extend_schema(
        parameters=[ChangeIn],
        responses=ChangeOut,
        summary="What moved the PD between two scores",
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def change(self, request: Request, pk: str) -> Response:
        """Exact parts by input, model version and floor, that do not depend on an order.

        Without parameters it goes from the score before (or the period before) to the current one; 409
        `nothing_to_compare` where there is none.
        """
        asked = ChangeIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        ids = asked.validated_data
        found = bridge(self.get_object(), old_id=ids.get("from"), new_id=ids.get("to"))
        return Response(ChangeOut(client.change(found)).data)

    @extend_schema(summary="Scores of the reference data")
    @action(detail=False, methods=["get"])
    def system(self, request: Request) -> Response:
        """The platform's own predictions; empty for whoever is not entitled to them."""
        if not global_data_allowed(self.principal):
            return self._page(Prediction.objects.none())
        with selectors.in_reference(reason=f"reference data for {self.principal.user_id}"):
            return self._page(selectors.predictions(self.kind))

    @extend_schema(request={"multipart/form-data": UploadIn}, responses={202: JobOut}, summary="Score a file")
    @action(detail=False, methods=["post"], url_path="bulk-upload-async", parser_classes=[MultiPartParser])
    def bulk_upload_async(self, request: Request) -> Response:
        """The same as `POST /predictions/jobs` with this kind."""
        serializer = UploadIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        organization_id = working_organization(self.principal)
        job = jobs.job_create(
            kind=self.kind,
            **client.upload(serializer.validated_data),
            organization_id=organization_id,
            only_own=self.principal.only_own("predictions.change", organization_id),
            actor=self.principal.actor,
        )
        return Response(client.job(job), status=202)


_TAGS = ["predictions"]


@extend_schema(tags=_TAGS, request=AnnualIn, responses=AnnualOut)
@extend_schema_view(system=extend_schema(responses=AnnualOut(many=True)))
class AnnualViewSet(PredictionViewSet):
    """Annual predictions: keyed by organization, company and fiscal year."""

    kind = PredictionKind.ANNUAL
    serializer_class = AnnualOut
    input_class = AnnualIn


@extend_schema(tags=_TAGS, request=QuarterlyIn, responses=QuarterlyOut)
@extend_schema_view(system=extend_schema(responses=QuarterlyOut(many=True)))
class QuarterlyViewSet(PredictionViewSet):
    """Quarterly predictions: keyed by organization, company, fiscal year and quarter."""

    kind = PredictionKind.QUARTERLY
    serializer_class = QuarterlyOut
    input_class = QuarterlyIn

"""Endpoints of own models: train, look at the validation, score, compare."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
import pandas as pd
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.selectors import working_organization
from predictions.own_models import selectors, services
from predictions.own_models.api.serializers import (
    OwnModelComparisonOut,
    OwnModelIn,
    OwnModelOut,
    OwnPdOut,
    ScoreFileIn,
    ScoreRowsIn,
)
from predictions.own_models.models import OwnModel, TrainingState
from tenants.kernel.errors import Conflict
from tenants.kernel.parsers import JSONParser
from tenants.kernel.renderers import FileRenderer
from tenants.kernel.viewsets import OwnedViewSet


class OwnModelFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(choices=TrainingState.choices, distinct=False)


@extend_schema(tags=["own models"])
class OwnModelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Models trained on the organization's own outcomes."""

    model = OwnModel
    serializer_class = OwnModelOut
    filterset_class = OwnModelFilter
    parser_classes = (JSONParser, MultiPartParser)
    module = "own_models"
    permissions: ClassVar[dict[str, str]] = {
        "list": "own_models.read",
        "retrieve": "own_models.read",
        "create": "own_models.create",
        "destroy": "own_models.change",
        "report": "own_models.read",
        "score": "own_models.read",
        "score_file": "own_models.read",
        "compare": "own_models.change",
        "comparison": "own_models.read",
    }

    def narrow(self, rows: Any) -> Any:
        return rows.order_by("-created_at", "-id")

    @extend_schema(
        request={"multipart/form-data": OwnModelIn}, responses={202: OwnModelOut}, summary="Train a model"
    )
    def create(self, request: Request) -> Response:
        """Take a labelled file; the answer comes before the training.

        A file that bears no model (one class, too few defaults, a column that gives the target away) is
        refused at once, with what is wrong.
        """
        serializer = OwnModelIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        model = services.own_model_create(
            upload=given.pop("file"),
            organization_id=working_organization(self.principal),
            actor=self.principal.actor,
            **given,
        )
        return Response(OwnModelOut(model).data, status=202)

    @extend_schema(responses={204: None}, summary="Delete a model")
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a model with its file and everything it scored."""
        services.own_model_delete(model=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Validation report", filters=False)
    @action(detail=True, methods=["get"])
    def report(self, request: Request, pk: str) -> Response:
        """Sample, protocol, findings, accuracy and calibration by member and fold, columns by importance."""
        model = self.get_object()
        if model.report is None:
            raise Conflict("The model is not ready.", code="not_ready")
        return Response(model.report)

    @extend_schema(request=ScoreRowsIn, responses=OwnPdOut(many=True), summary="Score rows")
    @action(detail=True, methods=["post"])
    def score(self, request: Request, pk: str) -> Response:
        """PDs of up to 1,000 rows; a column that a row lacks counts as missing."""
        model = self.get_object()
        serializer = ScoreRowsIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        table = pd.DataFrame(serializer.validated_data["rows"])
        scored = services.score_table(model, table)
        return Response(scored.rename(columns=_FIELDS).to_dict("records"))

    @extend_schema(
        request={"multipart/form-data": ScoreFileIn},
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
        summary="Score a file",
    )
    @action(detail=True, methods=["post"], url_path="score-file", renderer_classes=[FileRenderer])
    def score_file(self, request: Request, pk: str) -> HttpResponseBase:
        """A CSV with the row number of each row of the file (the header is row 1) and its PD."""
        model = self.get_object()
        serializer = ScoreFileIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        scored = services.score_upload(model, serializer.validated_data["file"])
        answer = HttpResponse(scored.to_csv(index=False), content_type="text/csv")
        answer["Content-Disposition"] = 'attachment; filename="scores.csv"'
        return answer

    @extend_schema(request=None, responses={202: None}, summary="Compare with the champion")
    @action(detail=True, methods=["post"])
    def compare(self, request: Request, pk: str) -> Response:
        """Let the model score the organization's current predictions, in the background."""
        services.own_model_compare_request(model=self.get_object(), actor=self.principal.actor)
        return Response(status=202)

    @extend_schema(responses=OwnModelComparisonOut, summary="The comparison", filters=False)
    @action(detail=True, methods=["get"])
    def comparison(self, request: Request, pk: str) -> Response:
        """Agreement with the champion on the same predictions."""
        return Response(OwnModelComparisonOut(selectors.comparison(self.get_object())).data)


_FIELDS = {
    "pd": "probability",
    "low": "probability_low",
    "high": "probability_high",
    "random_forest": "random_forest_probability",
    "gradient_boosting": "gbm_probability",
    "logistic": "logistic_probability",
    "missing": "missing_share",
}

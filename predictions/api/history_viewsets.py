"""The PD of a company over time."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies.models import Company
from predictions.history import Step, pd_history, trend_of
from predictions.models import PredictionKind, RiskLevel
from predictions.registry.selectors import versions
from tenants.kernel import serializers
from tenants.kernel.viewsets import OwnedViewSet

_DIRECTIONS = ("up", "down", "unchanged", "")


class HistoryIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)
    by = serializers.ChoiceField(
        ("period", "date"),
        default="period",
        help_text="The current score of each period, or every score in the order of its making.",
    )
    reasons = serializers.BooleanField(
        default=True, help_text="Work out what moved the PD (for the newest eight steps)."
    )


class MovedByOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    origin = serializers.CharField(help_text="feature, history, shape, model or floor.")
    points = serializers.FloatField(help_text="Its share of the change: 0.01 is one percentage point.")
    text = serializers.CharField()


class StepOut(serializers.Serializer[Any]):
    """A score and how it compares with the one before it."""

    prediction_id = serializers.UUIDField()
    score_id = serializers.UUIDField()
    statement_id = serializers.UUIDField(allow_null=True)
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    scored_at = serializers.DateTimeField()
    probability = serializers.FloatField()
    risk_level = serializers.ChoiceField(RiskLevel.choices)
    grade = serializers.CharField(allow_blank=True)
    model_version = serializers.CharField()
    change = serializers.FloatField(
        allow_null=True, help_text="Since the one before: 0.01 is one percentage point."
    )
    relative_change = serializers.FloatField(allow_null=True, help_text="0.5 is half as much again.")
    direction = serializers.ChoiceField(_DIRECTIONS, help_text="Empty for the first.")
    level_change = serializers.BooleanField(help_text="Whether the risk level is another.")
    reason = serializers.CharField(help_text="What moved it, in words.")
    components = MovedByOut(many=True, help_text="The three parts that moved it most.")


class TrendOut(serializers.Serializer[Any]):
    """Where the PD goes over the periods."""

    direction = serializers.ChoiceField(_DIRECTIONS, help_text="Empty with fewer than three periods.")
    yearly_factor = serializers.FloatField(
        allow_null=True, help_text="By what the odds of default are multiplied each year."
    )
    periods = serializers.IntegerField()
    text = serializers.CharField()


class HistoryOut(serializers.Serializer[Any]):
    """The PD of a company over time."""

    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    kind = serializers.ChoiceField(PredictionKind.choices)
    by = serializers.ChoiceField(("period", "date"))
    trend = TrendOut(help_text="Over the periods, in whichever order the steps are.")
    steps = StepOut(many=True, help_text="From old to new.")


@extend_schema(tags=["predictions"])
class CompanyHistoryViewSet(OwnedViewSet):
    """What became of a company's PD."""

    model = Company
    serializer_class = HistoryOut
    permissions: ClassVar[dict[str, str]] = {"pd_history": "predictions.read"}

    @extend_schema(
        parameters=[HistoryIn], responses=HistoryOut, summary="A company's PD over time", filters=False
    )
    @action(detail=True, methods=["get"], url_path="pd-history", pagination_class=None)
    def pd_history(self, request: Request, pk: str) -> Response:
        """Per period or per day: PD, change, direction within the band, its reason, and the trend."""
        company: Company = self.get_object()
        asked = HistoryIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        steps = pd_history(company_id=company.id, **data)
        periods = steps
        if data["by"] == "date":
            periods = pd_history(company_id=company.id, kind=data["kind"], reasons=False)
        known = versions()
        body = {
            "company_id": company.id,
            "company_symbol": company.symbol,
            "kind": data["kind"],
            "by": data["by"],
            "trend": trend_of(periods),
            "steps": [
                _step(step, steps[place - 1] if place else None, known) for place, step in enumerate(steps)
            ],
        }
        return Response(HistoryOut(body).data)


def _step(step: Step, before: Step | None, known: dict[Any, str]) -> dict[str, Any]:
    score, head = step.score, step.prediction
    return {
        "prediction_id": head.id,
        "score_id": score.id,
        "statement_id": score.statement_id,
        "reporting_year": str(head.fiscal_year),
        "reporting_quarter": head.quarter_text,
        "scored_at": score.created_at,
        "probability": score.pd,
        "risk_level": score.risk_level,
        "grade": score.grade,
        "model_version": known.get(score.model_version_id, ""),
        "change": step.change,
        "relative_change": step.relative,
        "direction": step.direction,
        "level_change": before is not None and before.score.risk_level != score.risk_level,
        "reason": step.reason,
        "components": step.components,
    }

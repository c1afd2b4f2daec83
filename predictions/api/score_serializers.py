"""Shapes of what stands beside one PD: term structure, classic scores, and the bridge between two scores."""

from __future__ import annotations

from typing import Any

from predictions.api.serializers import UNITS, ScoreOut
from tenants.kernel import serializers


class ChangeIn(serializers.Serializer[Any]):
    """Which two scores to compare."""

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of the language, so it cannot be an attribute.
        before = "A score of the same company; by default the one before, or the period before."
        return {
            "from": serializers.UUIDField(required=False, help_text=before),
            "to": serializers.UUIDField(required=False, help_text="By default the current score."),
        }


class ComponentOut(serializers.Serializer[Any]):
    """One part of a change. The effects of all parts add up to the change in log-odds."""

    origin = serializers.ChoiceField(
        ("feature", "history", "shape", "model", "floor"),
        help_text="An input; earlier years that became known; other inputs to rest on (a market value "
        "appeared); another model version; the floor of the PD.",
    )
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    unit = serializers.CharField(allow_blank=True, help_text=UNITS)
    old = serializers.FloatField(allow_null=True)
    new = serializers.FloatField(allow_null=True)
    effect = serializers.FloatField(help_text="Log-odds; positive raised the PD.")
    points = serializers.FloatField(help_text="Its share of the change of the PD; 0.01 is one point.")
    text = serializers.CharField()


class ChangeOut(serializers.Serializer[Any]):
    """What moved the PD from one score to another, the largest part first."""

    to = ScoreOut()
    probability_change = serializers.FloatField()
    log_odds_change = serializers.FloatField()
    summary = serializers.CharField()
    components = ComponentOut(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": ScoreOut(), **super().get_fields()}

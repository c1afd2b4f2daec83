"""Shapes of own models."""

from __future__ import annotations

from typing import Any

from predictions.own_models.models import OwnModel, TrainingState
from tenants.kernel import serializers

MOST_ROWS, MOST_CELLS = 1000, 500


class OwnModelIn(serializers.Serializer[Any]):
    """A labelled file and what its columns mean."""

    file = serializers.FileField(help_text="CSV or XLSX: a row per company, or per company and date.")
    name = serializers.CharField(max_length=100)
    target = serializers.CharField(max_length=200, help_text="Column of 0 and 1: whether the default came.")
    date = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True,
        help_text="Column of years or dates; the model is then validated on later years than it learnt from.",
    )  # fmt: skip
    entity = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True,
        help_text="Column that names the company; its rows are never on both sides of a fold.",
    )  # fmt: skip

    def validate_name(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("A name is needed.")
        return value.strip()


class OwnModelOut(serializers.Serializer[OwnModel]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(TrainingState.choices)
    target_column = serializers.CharField()
    date_column = serializers.CharField(help_text="Empty where the file has none.")
    entity_column = serializers.CharField(help_text="Empty where the file has none.")
    original_filename = serializers.CharField()
    rows = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.CharField(), help_text="What the model reads.")
    protocol = serializers.SerializerMethodField(help_text="How it was validated; null until it is ready.")
    auc = serializers.SerializerMethodField(help_text="On rows it had not learnt from; null until ready.")
    model_sha256 = serializers.CharField()
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    compared_at = serializers.DateTimeField(allow_null=True)
    organization_id = serializers.UUIDField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)

    def get_protocol(self, row: OwnModel) -> str | None:
        return row.report["protocol"]["name"] if row.report else None

    def get_auc(self, row: OwnModel) -> float | None:
        return row.report["figures"]["ensemble"]["auc"] if row.report else None


class ScoreRowsIn(serializers.Serializer[Any]):
    """Rows to be scored, each with the model's columns by name."""

    rows = serializers.ListField(
        child=serializers.DictField(child=serializers.FloatField(allow_null=True)),
        min_length=1,
        max_length=MOST_ROWS,
    )

    def to_internal_value(self, data: Any) -> Any:
        # Counted before the cells are looked at: each of them would cost time and an error.
        rows = data.get("rows") if isinstance(data, dict) else None
        if isinstance(rows, list):
            if len(rows) > MOST_ROWS:
                raise serializers.ValidationError({"rows": [f"At most {MOST_ROWS} rows."]})
            if any(isinstance(row, dict) and len(row) > MOST_CELLS for row in rows):
                raise serializers.ValidationError({"rows": [f"At most {MOST_CELLS} cells a row."]})
        return super().to_internal_value(data)


class OwnPdOut(serializers.Serializer[Any]):
    """The PD of a row, in the order of the request."""

    probability = serializers.FloatField()
    probability_low = serializers.FloatField(help_text="Lower end of the 90 % interval.")
    probability_high = serializers.FloatField(help_text="Upper end of the 90 % interval.")
    random_forest_probability = serializers.FloatField()
    gbm_probability = serializers.FloatField()
    logistic_probability = serializers.FloatField()
    missing_share = serializers.FloatField(help_text="Share of the model's columns that the row lacks.")


class ScoreFileIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV or XLSX with the model's columns.")


class FarthestOut(serializers.Serializer[Any]):
    prediction_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField()
    champion_probability = serializers.FloatField()
    missing_share = serializers.FloatField()


class OwnModelComparisonOut(serializers.Serializer[Any]):
    """The model beside the champion on the organization's current predictions."""

    compared_at = serializers.DateTimeField()
    predictions = serializers.IntegerField()
    rank_correlation = serializers.FloatField(allow_null=True, help_text="Spearman's.")
    mean_pd = serializers.FloatField(allow_null=True)
    champion_mean_pd = serializers.FloatField(allow_null=True)
    same_category = serializers.FloatField(allow_null=True, help_text="Share of predictions, 0 to 1.")
    categories = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="Predictions by the champion's category, then by this model's.",
    )
    farthest = FarthestOut(many=True)

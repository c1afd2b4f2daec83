"""Shapes of comparisons."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone

from predictions.comparison.peers import LEVELS, SIZES
from predictions.models import PredictionKind, RiskLevel
from tenants.kernel import serializers

MOST_SIDE_BY_SIDE = 10
_FIRST = date(2000, 1, 1)


class KindIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)


class SectorsIn(KindIn):
    reference = serializers.BooleanField(
        default=True, help_text="Whether the platform's reference data is taken in, where one may read it."
    )


class BenchmarkIn(SectorsIn):
    company_id = serializers.UUIDField(required=False, help_text="Its sector and size choose the group.")
    sector = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    size = serializers.ChoiceField(tuple(SIZES), required=False, help_text="By total assets.")


class MetricOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    family = serializers.CharField()
    unit = serializers.CharField(help_text="Percent ratios are numbers: 25.5 is 25.5 %.")
    direction = serializers.IntegerField(help_text="1: risk rises with it; -1: risk falls; 0: neither.")
    formula = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="The company's.")
    q1 = serializers.FloatField(allow_null=True)
    median = serializers.FloatField(allow_null=True)
    q3 = serializers.FloatField(allow_null=True)
    known = serializers.IntegerField(help_text="Names of the group whose value is known.")
    percentile = serializers.FloatField(
        allow_null=True, help_text="Share of the group below the company, ties counted half; 0 to 100."
    )
    better_than = serializers.FloatField(
        allow_null=True, help_text="Share of the group that is riskier by this metric; 0 to 100."
    )


class GroupOut(serializers.Serializer[Any]):
    level = serializers.ChoiceField(LEVELS)
    sector = serializers.CharField()
    size = serializers.CharField(allow_null=True)
    names = serializers.IntegerField()
    own = serializers.IntegerField(help_text="Of the organization's own companies.")
    reference = serializers.IntegerField(help_text="Of the platform's reference data.")
    sampled_from = serializers.IntegerField(help_text="Names there are; of many a sample is looked at.")
    least = serializers.IntegerField(help_text="Smaller groups are widened.")
    passed = serializers.ListField(
        child=serializers.JSONField(), help_text="Narrower groups that were too small: level and names."
    )
    text = serializers.CharField()


class BenchmarkOut(serializers.Serializer[Any]):
    company_id = serializers.UUIDField(allow_null=True)
    company_symbol = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    group = GroupOut()
    metrics = MetricOut(many=True)


class SideBySideIn(SectorsIn):
    ids = serializers.CharField(help_text=f"2 to {MOST_SIDE_BY_SIDE} companies, separated by commas.")

    def validate_ids(self, value: str) -> list[Any]:
        field = serializers.UUIDField()
        ids = list(dict.fromkeys(field.to_internal_value(part.strip()) for part in value.split(",")))
        if not 2 <= len(ids) <= MOST_SIDE_BY_SIDE:
            raise serializers.ValidationError(f"2 to {MOST_SIDE_BY_SIDE} different companies are needed.")
        return ids


class ComparedCompanyOut(serializers.Serializer[Any]):
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    sector = serializers.CharField()
    country = serializers.CharField()
    size = serializers.CharField(allow_null=True)
    prediction_id = serializers.UUIDField(allow_null=True)
    reporting_year = serializers.CharField(allow_null=True)
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField(allow_null=True)
    risk_level = serializers.CharField(allow_null=True)
    grade = serializers.CharField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    probability_before = serializers.FloatField(allow_null=True, help_text="Of the period before.")
    percentile = serializers.FloatField(allow_null=True, help_text="Of its PD among its sector's names.")


class SideMetricOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    family = serializers.CharField()
    unit = serializers.CharField()
    direction = serializers.IntegerField()
    values = serializers.ListField(
        child=serializers.FloatField(allow_null=True), help_text="In the order of the companies."
    )
    best = serializers.UUIDField(
        allow_null=True, help_text="The least risky by it; null where it tells none."
    )
    worst = serializers.UUIDField(allow_null=True)


class SideBySideOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    companies = ComparedCompanyOut(many=True)
    metrics = SideMetricOut(many=True)


class SectorFiguresOut(serializers.Serializer[Any]):
    sector = serializers.CharField(help_text="Empty where none is known.")
    names = serializers.IntegerField()
    mean_pd = serializers.FloatField()
    q1 = serializers.FloatField()
    median_pd = serializers.FloatField()
    q3 = serializers.FloatField()
    worst_pd = serializers.FloatField()
    levels = serializers.DictField(child=serializers.IntegerField())
    weak_share = serializers.FloatField(help_text="High and critical.")


class SectorsOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    own = SectorFiguresOut(many=True)
    reference = SectorFiguresOut(many=True)


class RankedOut(serializers.Serializer[Any]):
    rank = serializers.IntegerField(help_text="1 is the riskiest.")
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    sector = serializers.CharField()
    prediction_id = serializers.UUIDField()
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField()
    probability_before = serializers.FloatField(allow_null=True, help_text="Of the period before.")
    risk_level = serializers.CharField()
    risk_level_before = serializers.CharField(allow_null=True)
    grade = serializers.CharField()
    organization_id = serializers.UUIDField()


class RankingIn(KindIn):
    sector = serializers.CharField(required=False)
    risk_level = serializers.ListField(
        child=serializers.ChoiceField(RiskLevel.choices), required=False, help_text="May come several times."
    )


class MigrationIn(KindIn):
    start = serializers.DateField(help_text="How things stood at the end of this day (UTC).")
    end = serializers.DateField(required=False, help_text="The same of a later day; today if left out.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        today = timezone.now().date()
        attrs.setdefault("end", today)
        if not _FIRST <= attrs["start"] <= attrs["end"] <= today:
            raise serializers.ValidationError("The first day is not after the second, and none is to come.")
        return attrs


class MigrationOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    start = serializers.DateField()
    end = serializers.DateField()
    names = serializers.IntegerField(help_text="Companies that were scored on both days.")
    matrix = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="From category to category; NONE is not scored then.",
    )
    shares = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField(allow_null=True)),
        help_text="Shares of a row of those scored on both days.",
    )
    stayed = serializers.IntegerField()
    worse = serializers.IntegerField()
    better = serializers.IntegerField()
    came = serializers.IntegerField(help_text="Scored on the second day only.")
    went = serializers.IntegerField(help_text="Scored on the first day only.")


class DistributionIn(KindIn):
    quarters = serializers.IntegerField(min_value=2, max_value=20, default=8)


class QuarterOut(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="The quarter's last day; of the running one, today.")
    quarter = serializers.CharField()
    names = serializers.IntegerField()
    levels = serializers.DictField(child=serializers.IntegerField())
    mean_pd = serializers.FloatField(allow_null=True)


class DistributionOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    quarters = QuarterOut(many=True)

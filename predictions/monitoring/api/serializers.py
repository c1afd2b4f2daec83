"""Shapes of monitoring."""

from __future__ import annotations

from typing import Any

from predictions.monitoring.models import Alert, AlertLevel, Observation, Outcome, OutcomeKind
from tenants.kernel import serializers


class OutcomeIn(serializers.Serializer[Any]):
    company_symbol = serializers.CharField(max_length=30)
    occurred_on = serializers.DateField(help_text="The day of the default.")
    kind = serializers.ChoiceField(OutcomeKind.choices, default=OutcomeKind.BANKRUPTCY)
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class OutcomeOut(serializers.Serializer[Outcome]):
    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField(source="company.symbol")
    occurred_on = serializers.DateField()
    kind = serializers.ChoiceField(OutcomeKind.choices)
    note = serializers.CharField()
    source = serializers.CharField(help_text="File and row; empty if typed in.")  # type: ignore[assignment]
    organization_id = serializers.UUIDField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()


class OutcomesFileIn(serializers.Serializer[Any]):
    file = serializers.FileField(
        help_text="CSV or XLSX with company_symbol and occurred_on; kind and note may be there."
    )


class FaultOut(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="As a spreadsheet counts: the header is row 1.")
    column = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class TakenOut(serializers.Serializer[Any]):
    """What a file of outcomes brought."""

    rows = serializers.IntegerField()
    recorded = serializers.IntegerField()
    repeated = serializers.IntegerField(help_text="Rows that say what is recorded already.")
    faults = FaultOut(many=True)


class DriftOut(serializers.Serializer[Any]):
    variable = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    psi = serializers.FloatField(help_text="Population stability index against the development sample.")
    watch_from = serializers.FloatField(help_text="0.10, or what chance reaches at this sample's size.")
    alarm_from = serializers.FloatField(help_text="0.25, or what chance reaches at this sample's size.")
    missing = serializers.FloatField(help_text="Share of scores without the variable.")
    missing_reference = serializers.FloatField(help_text="The same in the development sample.")
    level = serializers.ChoiceField(("steady", "watch", "alarm", "too_few"))


class ObservationOut(serializers.Serializer[Observation]):
    """One week's scores by one model in one input shape."""

    id = serializers.UUIDField()
    week = serializers.DateField(help_text="Its Monday.")
    kind = serializers.CharField()
    shape = serializers.CharField()
    model_sha256 = serializers.CharField()
    scores = serializers.IntegerField()
    looked_at = serializers.IntegerField(help_text="Scores whose inputs were compared.")
    mean_pd = serializers.FloatField()
    levels = serializers.DictField(child=serializers.IntegerField())
    missing = serializers.FloatField()
    out_of_range = serializers.FloatField()
    drift = DriftOut(many=True)
    organization_id = serializers.UUIDField()
    observed_at = serializers.DateTimeField()


class AlertOut(serializers.Serializer[Alert]):
    id = serializers.UUIDField()
    subject = serializers.CharField()
    level = serializers.ChoiceField(AlertLevel.choices)
    value = serializers.FloatField()
    limit = serializers.FloatField()
    text = serializers.CharField()
    opened_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(help_text="When it was last found.")
    closed_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField()
    note = serializers.CharField()
    organization_id = serializers.UUIDField()


class AcknowledgeIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class WeekOut(serializers.Serializer[Any]):
    week = serializers.DateField()
    scores = serializers.IntegerField()
    mean_pd = serializers.FloatField(allow_null=True)
    levels = serializers.DictField(child=serializers.IntegerField())
    missing = serializers.FloatField(allow_null=True)
    out_of_range = serializers.FloatField(allow_null=True)
    score_drift = serializers.DictField(child=serializers.FloatField(allow_null=True))


class OverviewOut(serializers.Serializer[Any]):
    """Up to 26 weeks, the oldest first."""

    weeks = WeekOut(many=True)
    open_alerts = serializers.DictField(child=serializers.IntegerField())
    outcomes_by_year = serializers.DictField(child=serializers.IntegerField())


class IntervalOut(serializers.Serializer[Any]):
    value = serializers.FloatField()
    low = serializers.FloatField(help_text="Lower 95 % bound.")
    high = serializers.FloatField(help_text="Upper 95 % bound.")


class MeasuredOut(serializers.Serializer[Any]):
    names = serializers.IntegerField()
    defaults = serializers.IntegerField()
    mean_pd = serializers.FloatField()
    default_rate = serializers.FloatField()
    jeffreys_p = serializers.FloatField(help_text="Small values say that the PDs are too low.")
    auc = IntervalOut(allow_null=True, help_text="Null below five defaults.")
    recall_worst_tenth = serializers.FloatField(allow_null=True)


class CohortOut(MeasuredOut):
    kind = serializers.CharField()
    period = serializers.CharField()
    closed = serializers.BooleanField(help_text="Whether its window has passed.")
    closes_on = serializers.DateField()


class GradeOut(serializers.Serializer[Any]):
    grade = serializers.CharField()
    names = serializers.IntegerField()
    defaults = serializers.IntegerField()
    mean_pd = serializers.FloatField()
    default_rate = serializers.FloatField()
    jeffreys_p = serializers.FloatField()
    verdict = serializers.ChoiceField(("fits", "too_low", "too_high"))


class TotalOut(MeasuredOut):
    cohorts = serializers.IntegerField()
    grades = GradeOut(many=True)


class PerformanceOut(serializers.Serializer[Any]):
    """Realised defaults against PDs."""

    outcomes = serializers.IntegerField()
    window_days = serializers.IntegerField()
    definition = serializers.CharField()
    cohorts = CohortOut(many=True)
    total = serializers.DictField(child=TotalOut(allow_null=True), help_text="Closed cohorts, by kind.")

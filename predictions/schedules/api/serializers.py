"""Shapes of saved portfolios and their runs."""

from __future__ import annotations

from typing import Any

from predictions.models import PredictionKind
from predictions.schedules.models import Frequency, Source, Weekday
from tenants.kernel import serializers


class ScheduleIn(serializers.Serializer[Any]):
    """A saved portfolio: what is scored, and when."""

    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        Source.choices, help_text="file: the last upload of `file_name`; companies: those of `symbols`."
    )
    file_name = serializers.CharField(max_length=255, required=False, allow_blank=True)
    symbols = serializers.ListField(child=serializers.CharField(max_length=50), required=False)
    frequency = serializers.ChoiceField(Frequency.choices)
    at = serializers.TimeField(help_text="Time of day in `time_zone`.")
    weekday = serializers.ChoiceField(
        Weekday.choices, required=False, help_text="Of weekly runs; 0 is Monday."
    )
    day = serializers.IntegerField(
        min_value=1, max_value=31, required=False,
        help_text="Of monthly runs; a day that a month does not have is its last one.",
    )  # fmt: skip
    time_zone = serializers.CharField(max_length=64, default="UTC", help_text="Such as Europe/Zurich.")
    subscribers = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="Who is told; without it, you."
    )


class ScheduledRunOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    due_at = serializers.DateTimeField()
    begun_at = serializers.DateTimeField()
    begun_by = serializers.UUIDField(source="begun_by_id", allow_null=True, help_text="Null for the clock.")
    state = serializers.CharField(help_text="running, completed, failed, cancelled, refused or gone.")
    refusal = serializers.CharField(allow_blank=True, help_text="Why nothing could be scored.")
    job_id = serializers.UUIDField(allow_null=True)
    large_changes = serializers.IntegerField(
        allow_null=True, help_text="Companies whose PD moved by more than 5 % since the run before."
    )


class ScheduleOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    file_name = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    frequency = serializers.CharField()
    at = serializers.TimeField()
    weekday = serializers.IntegerField()
    day = serializers.IntegerField()
    time_zone = serializers.CharField()
    subscribers = serializers.ListField(child=serializers.UUIDField())
    paused = serializers.SerializerMethodField()
    next_run_at = serializers.DateTimeField(allow_null=True, help_text="In UTC; null while paused.")
    created_at = serializers.DateTimeField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)

    def get_paused(self, row: Any) -> bool:
        return row.paused_at is not None

"""The shape of a job's summary report. PDs and shares are fractions: 0.05 is 5 %."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ReportCountsOut(serializers.Serializer[Any]):
    rows = serializers.IntegerField()
    scored = serializers.IntegerField()
    refused = serializers.IntegerField()
    warnings = serializers.IntegerField(help_text="Cells that were repaired or taken as missing.")
    companies = serializers.IntegerField()


class JobReportOut(serializers.Serializer[Any]):
    """What a scored file says as a whole."""

    job = serializers.DictField(help_text="File, kind, organization, times, model version and hashes.")
    scheduled = serializers.CharField(
        allow_null=True,
        help_text="Name of the saved portfolio whose clock or button started the job.",
    )
    counts = ReportCountsOut()
    distribution = serializers.DictField(
        help_text="mean, least, most, p5, p25, median, p75, p95, and rows by_risk_level, by_pd, by_grade, "
        "by_sector."
    )
    worst = serializers.ListField(child=serializers.DictField(), help_text="The 20 rows with the highest PD.")
    changes = serializers.DictField(
        allow_null=True,
        help_text="Against the last completed job of the same file name; null where there is none. `largest` "
        "names up to 100 companies whose PD moved by more than 5 % of what it was.",
    )
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(), help_text="Refused rows by reason, with the first rows of each."
    )
    definitions = serializers.ListField(child=serializers.DictField(), help_text="What the words mean.")
    made_at = serializers.DateTimeField()

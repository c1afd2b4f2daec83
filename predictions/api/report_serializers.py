"""The shape of a job's summary report. PDs and shares are fractions: 0.05 is 5 %."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


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


class ResultsSummaryOut(serializers.Serializer[Any]):
    job_type = serializers.CharField()
    file_name = serializers.CharField()
    total_rows = serializers.IntegerField()
    successful_rows = serializers.IntegerField()
    failed_rows = serializers.IntegerField()
    success_rate = serializers.FloatField(help_text="Percent of the rows done.")
    processing_time_seconds = serializers.FloatField()
    rows_per_second = serializers.FloatField()


class ResultsCreatedOut(serializers.Serializer[Any]):
    predictions_count = serializers.IntegerField()
    companies_count = serializers.IntegerField()
    predictions = serializers.ListField(
        child=serializers.DictField(),
        help_text="Up to 10,000: id, period, company, financial_metrics and prediction.",
    )


class ResultsErrorsOut(serializers.Serializer[Any]):
    has_errors = serializers.BooleanField()
    error_count = serializers.IntegerField()
    error_details = serializers.DictField(help_text="errors: row and error of each, up to 10,000.")


class ResultsOut(serializers.Serializer[Any]):
    """Everything of a job in one answer."""

    success = serializers.BooleanField()
    job_id = serializers.UUIDField()
    status = serializers.CharField()
    job_summary = ResultsSummaryOut()
    created_data = ResultsCreatedOut()
    errors = ResultsErrorsOut()  # type: ignore[assignment]  # the client's name

"""Shapes of dry runs."""

from __future__ import annotations

from typing import Any

from companies.sheets.columns import Measure, Role
from predictions.dry_runs.models import DryRun, DryRunState
from tenants.kernel import serializers

_MEASURES = Measure.__args__  # type: ignore[attr-defined]
_ROLES = Role.__args__  # type: ignore[attr-defined]
_OF = "Of the rows that can be read; amounts in millions of their currency, ratios as they stand."


class FileColumnOut(serializers.Serializer[Any]):
    """A column of the file: what it is read as, and what it holds. Counts are over all rows."""

    header = serializers.CharField(help_text="As it stands in the file.")
    letter = serializers.CharField(help_text="As spreadsheets count: A, B, ... AA.")
    read_as = serializers.CharField(allow_null=True, help_text="The input; null where it is not used.")
    suggestion = serializers.CharField(
        required=False, allow_null=True, help_text="Of a column that is not known: what was perhaps meant."
    )
    repeats = serializers.CharField(
        required=False, allow_null=True, help_text="The input that another column of the file gives."
    )
    role = serializers.ChoiceField(_ROLES, required=False)
    measure = serializers.ChoiceField(_MEASURES, required=False)
    unit_in_header = serializers.IntegerField(
        required=False, allow_null=True, help_text="Whole units in one, where the header says so: 1000."
    )
    given = serializers.IntegerField(required=False, help_text="Cells with a value.")
    missing = serializers.IntegerField(required=False, help_text="Empty cells, and words for empty.")
    unreadable = serializers.IntegerField(required=False, help_text="Filled cells without a value.")
    sentinels = serializers.IntegerField(required=False, help_text="Placeholders such as -999.")
    impossible = serializers.IntegerField(required=False, help_text="Numbers that cannot be.")
    spreadsheet_errors = serializers.IntegerField(required=False, help_text="#DIV/0! and the like.")
    distinct = serializers.IntegerField(required=False, help_text="Of texts: different ones, up to 100,000.")
    minimum = serializers.FloatField(required=False, allow_null=True, help_text=_OF)
    median = serializers.FloatField(required=False, allow_null=True, help_text=_OF)
    maximum = serializers.FloatField(required=False, allow_null=True, help_text=_OF)
    p95_size = serializers.FloatField(
        required=False, allow_null=True, help_text="Size that 95 % of the values do not exceed. " + _OF
    )


class SuspicionOut(serializers.Serializer[Any]):
    column = serializers.CharField()
    code = serializers.ChoiceField(("perhaps_fractions", "unit_too_small", "unit_too_large"))
    detail = serializers.CharField()


class DryRunFindingOut(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="As a spreadsheet counts, the header included.")
    cell = serializers.CharField(allow_blank=True, help_text="Such as D17; empty where it is about the row.")
    severity = serializers.ChoiceField(("error", "warning"), help_text="An error refuses its row.")
    column = serializers.CharField(allow_blank=True, help_text="The input.")
    value = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField(help_text="What to do about it.")


class DryRunListOut(serializers.ModelSerializer[DryRun]):
    """A dry run in a list."""

    state = serializers.ChoiceField(DryRunState.choices)
    progress_percentage = serializers.IntegerField(source="progress")
    can_proceed = serializers.BooleanField(help_text="Whether `proceed` would make a job now.")
    job_id = serializers.UUIDField(allow_null=True, help_text="The job that scores its good rows.")

    class Meta:
        model = DryRun
        fields: tuple[str, ...] = (
            *("id", "organization_id", "kind", "state", "original_filename", "file_size", "format", "sheet"),
            *("unit", "currency", "total_rows", "read_rows", "progress_percentage", "scorable_rows"),
            *("refused_rows", "can_proceed", "job_id", "blocked_code", "blocked_detail", "error_message"),
            *("created_at", "created_by_id", "created_by_label", "completed_at"),
        )


class DryRunOut(DryRunListOut):
    """What a file holds and what is wrong with it."""

    columns = FileColumnOut(many=True)
    missing_columns = serializers.ListField(child=serializers.CharField())
    absent_inputs = serializers.ListField(child=serializers.CharField())
    suspicions = SuspicionOut(many=True)
    findings = DryRunFindingOut(many=True, help_text="The first 100; `findings.csv` has all.")
    refused_counts = serializers.DictField(child=serializers.IntegerField())
    error_counts = serializers.DictField(child=serializers.IntegerField())
    warning_counts = serializers.DictField(child=serializers.IntegerField())

    class Meta(DryRunListOut.Meta):
        fields = (
            *DryRunListOut.Meta.fields,
            *("sha256", "columns", "missing_columns", "absent_inputs", "suspicions", "refused_counts"),
            *("error_counts", "warning_counts", "findings_count", "findings"),
        )

"""Shapes of imports."""

from __future__ import annotations

from typing import Any

from companies.imports.models import ColumnMapping, Import, ImportEffect, ImportIssue
from companies.quality import CONFIRMABLE
from tenants.kernel import serializers

UNITS = ("units", "thousands", "millions")
_CURRENCY = r"^[A-Za-z]{3}$"


class ImportIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV or XLSX, with a row of column names.")
    unit = serializers.ChoiceField(
        UNITS,
        required=False,
        help_text="Of the amounts, where the file itself does not say; units by default.",
    )
    currency = serializers.RegexField(
        _CURRENCY, required=False, allow_blank=True, help_text="ISO 4217, where the file itself does not say."
    )


class MappingIn(serializers.Serializer[Any]):
    """How the columns are read; remembered for the next file with the same header."""

    mapping = serializers.ListField(
        child=serializers.CharField(allow_blank=True, max_length=80),
        required=False,
        max_length=1000,
        help_text="By position the target of each column ('' to leave it out): a name of `targets`, such as "
        "`net_sales`; of an earlier year `net_sales@-1`; of a named year `net_sales@2022`.",
    )
    unit = serializers.ChoiceField(UNITS, required=False)
    currency = serializers.RegexField(_CURRENCY, required=False, allow_blank=True)


class StartIn(serializers.Serializer[Any]):
    confirmed = serializers.ListField(
        child=serializers.ChoiceField(CONFIRMABLE),
        required=False,
        max_length=50,
        help_text="Codes of doubts about statements (such as a jump by a thousand) that hold for this file.",
    )


class CompanyImportOut(serializers.ModelSerializer[Import]):
    progress = serializers.IntegerField(help_text="Whole percent of rows that are accounted for.")
    processed_rows = serializers.IntegerField()

    class Meta:
        model = Import
        fields = (
            *("id", "organization_id", "state", "dry", "layout", "original_filename", "file_size", "sha256"),
            *(
                "header",
                "mapping",
                "unit",
                "currency",
                "confirmed",
                "total_rows",
                "processed_rows",
                "ok_rows",
            ),
            *("faulty_rows", "warning_count", "progress", "forecast", "counts", "fault_counts"),
            *("error_message", "created_at", "created_by_id", "created_by_label", "started_at"),
            *("completed_at", "undone_at"),
        )


class ImportIssueOut(serializers.ModelSerializer[ImportIssue]):
    row = serializers.IntegerField(source="row_number", help_text="As a spreadsheet numbers it.")

    class Meta:
        model = ImportIssue
        fields = ("row", "level", "cell", "column", "target", "code", "message", "hint", "value")
        extra_kwargs = {"level": {"help_text": "error: the row was left out; warning: it was taken."}}  # noqa: RUF012


class EffectOut(serializers.ModelSerializer[ImportEffect]):
    row = serializers.IntegerField(source="row_number")
    company_symbol = serializers.CharField(source="company.symbol", allow_null=True, default=None)

    class Meta:
        model = ImportEffect
        fields = ("row", "kind", "company_id", "company_symbol", "statement_id", "undone")


class ImportColumnOut(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    letter = serializers.CharField(help_text="As a spreadsheet names the column.")
    header = serializers.CharField()
    target = serializers.CharField(help_text="What it is read as; empty for nothing.")
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    by = serializers.CharField(help_text="name: known by its name; chosen: by somebody, now or before.")
    suggestion = serializers.CharField(
        help_text="What was perhaps meant, for a column that is read as nothing."
    )
    unit = serializers.IntegerField(
        allow_null=True, help_text="Whole units in one, where the header says it."
    )
    currency = serializers.CharField()
    samples = serializers.ListField(child=serializers.CharField())


class ImportFindingOut(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    cell = serializers.CharField()
    column = serializers.CharField()
    target = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()
    value = serializers.CharField()


class ReadRowOut(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    company = serializers.DictField()
    periods = serializers.ListField(child=serializers.DictField())


class RawRowOut(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    cells = serializers.ListField(child=serializers.CharField(allow_blank=True))


class ImportPreviewOut(serializers.Serializer[Any]):
    """The first rows as they are read."""

    layout = serializers.CharField(
        help_text="companies, long (a period a row) or wide (periods side by side)."
    )
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="Why no row could be taken as the columns are read."
    )
    columns = ImportColumnOut(many=True)
    rows = RawRowOut(many=True, help_text="The first rows as they stand in the file.")
    read = ReadRowOut(many=True, help_text="The first rows as they are read; amounts in millions.")
    looked_at = serializers.IntegerField(help_text="Rows that were looked at.")
    faulty = serializers.IntegerField(help_text="Of these, rows with an error.")
    errors = ImportFindingOut(many=True)  # type: ignore[assignment]  # the word of the field


class TargetOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    part = serializers.CharField(help_text="company, period, amount or custom.")
    measure = serializers.CharField()
    definition = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())


class ColumnMappingOut(serializers.ModelSerializer[ColumnMapping]):
    class Meta:
        model = ColumnMapping
        fields = (
            "id",
            "organization_id",
            "header",
            "mapping",
            "unit",
            "currency",
            "used_at",
            "created_by_id",
        )

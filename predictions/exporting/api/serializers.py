"""Shapes of exports."""

from __future__ import annotations

from typing import Any

from predictions.exporting.lists import LISTS
from predictions.exporting.models import Export, FileType
from tenants.kernel import serializers


class ListExportIn(serializers.Serializer[Any]):
    list = serializers.ChoiceField(tuple(LISTS), help_text="Which list; see `exports/lists`.")
    type = serializers.ChoiceField(FileType.choices, default=FileType.XLSX)
    filters = serializers.DictField(required=False, help_text="As the list itself takes them.")


class ListExportOut(serializers.ModelSerializer[Export]):
    list = serializers.CharField(source="list_code")

    class Meta:
        model = Export
        fields = (
            *("id", "organization_id", "list", "type", "filters", "state", "filename", "rows", "file_size"),
            *("sha256", "error_message", "created_at", "created_by_id", "created_by_label", "completed_at"),
            *("expires_at", "fetched_at"),
        )


class ExportColumnOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField(help_text="text, whole, number, share, money, date, moment or yes_no.")
    definition = serializers.CharField()


class ExportableListOut(serializers.Serializer[Any]):
    list = serializers.CharField(source="code")
    title = serializers.CharField()
    filters = serializers.ListField(child=serializers.CharField(), source="filter_names")
    needs = serializers.ListField(
        child=serializers.CharField(), source="needed", help_text="Filters that must be given."
    )
    columns = ExportColumnOut(many=True)

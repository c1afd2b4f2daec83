"""Reads of companies that span tables or take a caller."""

from __future__ import annotations

from companies.models import CustomField


def custom_fields(*, archived: bool = False) -> list[CustomField]:
    """The institution's own fields of companies in their order; for forms, imports and exports."""
    rows = CustomField.objects.all()
    return list(rows if archived else rows.filter(archived_at=None))


def custom_fields_by_name() -> dict[str, CustomField]:
    """The fields that hold now, by name: what ``companies.cleaning.clean`` asks for."""
    return {definition.name: definition for definition in custom_fields()}

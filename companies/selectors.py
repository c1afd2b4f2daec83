"""Reads of companies that span tables or take a caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from companies.models import CustomField
from tenants.kernel import scope
from tenants.kernel.context import in_tenant
from tenants.selectors import reference_tenant


@contextmanager
def in_reference(*, reason: str) -> Iterator[None]:
    """The one door to the reference tenant's rows: everything must be read inside, nothing is joined."""
    with in_tenant(reference_tenant()), scope.every_organization(reason=reason):
        yield


def custom_fields(*, archived: bool = False) -> list[CustomField]:
    """The institution's own fields of companies in their order; for forms, imports and exports."""
    rows = CustomField.objects.all()
    return list(rows if archived else rows.filter(archived_at=None))


def custom_fields_by_name() -> dict[str, CustomField]:
    """The fields that hold now, by name: what ``companies.cleaning.clean`` asks for."""
    return {definition.name: definition for definition in custom_fields()}

"""What is thought of companies, told by an app above that the settings name (COMPANY_OUTLOOK)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

RISK_LEVELS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


class Outlook(Protocol):
    """A module with these two functions."""

    def of(self, company_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
        """The latest PD of each company, its level and its change."""
        ...

    def narrowed(
        self,
        rows: QuerySet[Any],
        *,
        has: bool | None = None,
        risk_levels: Sequence[str] = (),
        lowest: float | None = None,
        highest: float | None = None,
    ) -> QuerySet[Any]:
        """Companies with such an outlook."""
        ...


def outlook() -> Outlook:
    return cast(Outlook, import_module(settings.COMPANY_OUTLOOK))

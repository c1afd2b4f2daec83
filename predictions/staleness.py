"""Which scores are out of date, and why: told by what a list has read already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from predictions.registry.selectors import in_use


class StaleReason(StrEnum):
    """Why a score should not be relied on without another look."""

    RESTATED = "restated"
    """The version of the statement that it rests on holds no longer."""
    MODEL = "model_superseded"
    """Another version of the model scores now."""
    OLD = "old_statement"
    """The statement's period ended more than STALE_MONTHS ago."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What makes a score stale just now; asked for once, however many scores are held against it."""

    champion_sha256: str | None
    """None where no model scores."""
    oldest: date

    @classmethod
    def now(cls) -> Yardstick:
        """As things are at this moment."""
        champion = in_use().champion
        return cls(champion.sha256 if champion is not None else None, oldest())

    def reasons(
        self, *, year: int, model_sha256: str, statement_holds: bool | None, statement_end: date | None
    ) -> list[str]:
        """Why a score of that fiscal year is out of date; empty where it is not.

        ``statement_holds`` says whether the version of the statement that it rests on is the current one;
        it and the statement's end are None for a score that rests on none.
        """
        found = []
        if statement_holds is False:
            found.append(StaleReason.RESTATED)
        if self.champion_sha256 is not None and model_sha256 != self.champion_sha256:
            found.append(StaleReason.MODEL)
        if (statement_end or date(year, 12, 31)) < self.oldest:
            found.append(StaleReason.OLD)
        return [str(reason) for reason in found]


def stale_condition(reason: str) -> Q:
    """The same as a condition on predictions."""
    if reason == StaleReason.RESTATED:
        return Q(current__statement__isnull=False, current__statement__current=False)
    if reason == StaleReason.MODEL:
        champion = in_use().champion
        return ~Q(current__model_sha256=champion.sha256) if champion is not None else Q(pk__in=[])
    limit = oldest()
    by_year = Q(current__statement__period_end__isnull=True, fiscal_year__lt=limit.year)
    return Q(current__statement__period_end__lt=limit) | by_year


def stale() -> Q:
    """The condition that any reason holds."""
    found = Q(pk__in=[])
    for reason in StaleReason:
        found |= stale_condition(reason)
    return found


def oldest() -> date:
    """The day before which a period must not have ended."""
    today = timezone.now().date()
    months = today.year * 12 + today.month - 1 - settings.STALE_MONTHS
    return date(months // 12, months % 12 + 1, min(today.day, 28))

"""Which scores are out of date, and why: told by what a list has read already."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
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


def with_staleness(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Predictions with what staleness is told by, in the same query."""
    told: QuerySet[Any] = rows.annotate(
        statement_holds=F("current__statement__current"),
        statement_end=F("current__statement__period_end"),
    )
    return told


def stale_reasons(prediction: Any) -> list[str]:
    """Why the current score of a prediction is out of date; empty where it is not."""
    score = prediction.current
    if score is None:
        return []
    if not hasattr(prediction, "statement_holds"):
        statement = score.statement
        prediction.statement_holds = statement.current if statement is not None else None
        prediction.statement_end = statement.period_end if statement is not None else None
    champion, found = in_use().champion, []
    if score.statement_id is not None and not prediction.statement_holds:
        found.append(StaleReason.RESTATED)
    if champion is not None and score.model_sha256 != champion.sha256:
        found.append(StaleReason.MODEL)
    if (prediction.statement_end or date(prediction.fiscal_year, 12, 31)) < oldest():
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

"""Whether a default followed a period, by the definition of the development data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from predictions.models import PredictionKind
from predictions.monitoring.models import Outcome

WINDOW = timedelta(days=548)
"""From the end of a period to the default that still counts for it: twelve months, and half a year in which a
statement is not published yet."""

Outcomes = dict[UUID, list[date]]
Period = tuple[UUID, str, int, int | None]
"""Company, kind of prediction, fiscal year and quarter."""


def period_end(year: int, quarter: int | None) -> date:
    """The last day of a fiscal year or quarter, taken as one of the calendar."""
    month = 3 * quarter if quarter else 12
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def is_closed(year: int, quarter: int | None, today: date) -> bool:
    """Whether a period's window has passed: before that its survivors are none yet."""
    return period_end(year, quarter) + WINDOW <= today


def known_outcomes() -> Outcomes:
    """Days of default by company, in the active scope."""
    found: Outcomes = defaultdict(list)
    for company, day in Outcome.objects.order_by("occurred_on").values_list("company_id", "occurred_on"):
        found[company].append(day)
    return found


def followed(periods: Sequence[Period], outcomes: Outcomes) -> list[bool]:
    """For each period, whether a default within its window belongs to it.

    A quarter is followed by every default within the window. Of annual statements only the last one before
    the default is: the others were followed by a further year.
    """
    near: list[list[date]] = []
    last: dict[tuple[UUID, date], date] = {}
    for company, kind, year, quarter in periods:
        end = period_end(year, quarter)
        days = [day for day in outcomes.get(company, ()) if end < day <= end + WINDOW]
        near.append(days)
        if kind == PredictionKind.ANNUAL:
            for day in days:
                last[company, day] = max(last.get((company, day), end), end)
    return [
        any(last[company, day] == period_end(year, quarter) for day in days)
        if kind == PredictionKind.ANNUAL
        else bool(days)
        for (company, kind, year, quarter), days in zip(periods, near, strict=True)
    ]

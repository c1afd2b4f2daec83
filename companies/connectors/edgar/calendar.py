"""Fiscal years and quarters from the dates of periods, never from a filer's labels alone.

A filer's ``fy`` and ``fp`` say in which report a figure stands, so a comparative of the year before carries
the year after; and companies count their years differently. Here a fiscal year has the calendar year in
which it ends. One that ends in the first days of January (years of 52 or 53 weeks) belongs to the year
before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Span = Literal["quarter", "half", "nine_months", "year"]
YEAR = 365.25
QUARTER = YEAR / 4
# Days of a year that ends so early in January still belong to the year before.
_SPILLS_OVER = 10
_SPANS: tuple[tuple[Span, int, int], ...] = (
    # Retailers have quarters of 12 and of 16 or 17 weeks.
    ("quarter", 75, 125),
    ("half", 155, 215),
    ("nine_months", 245, 295),
    ("year", 340, 380),
)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A period of three months within its fiscal year."""

    fiscal_year: int
    quarter: int


def span_of(start: date, end: date) -> Span | None:
    """What kind of period these days are; None for one that no statement covers."""
    days = (end - start).days + 1
    return next((span for span, low, high in _SPANS if low <= days <= high), None)


def fiscal_year(end: date) -> int:
    """The name of a fiscal year that ends on this day."""
    return end.year - 1 if end.month == 1 and end.day <= _SPILLS_OVER else end.year


def day_of_year(year: int, month_and_day: str) -> date | None:
    """The day that ``0926`` means in a year; None for what is no day."""
    if len(month_and_day) != 4 or not month_and_day.isdigit():
        return None
    month, day = int(month_and_day[:2]), int(month_and_day[2:])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    while day:
        try:
            return date(year, month, day)
        except ValueError:  # the 29th of February
            day -= 1
    return None


class FiscalCalendar:
    """The ends of a company's fiscal years, and where other days lie between them."""

    def __init__(self, year_ends: Iterable[date], *, usual_end: str = "") -> None:
        self.year_ends = sorted(set(year_ends))
        self.usual_end = usual_end

    def position(self, end: date) -> Position | None:
        """Year and quarter of a quarter that ends on this day; None where the calendar does not say."""
        if not self.year_ends:
            return self._by_usual_end(end)
        index = bisect_left(self.year_ends, end - timedelta(days=10))
        if index < len(self.year_ends):
            year_end, year = self.year_ends[index], fiscal_year(self.year_ends[index])
            back = round((year_end - end).days / QUARTER)
            # A year end far ahead says nothing of a quarter years before it: go back in whole years.
            return Position(year - back // 4, 4 - back % 4)
        last = self.year_ends[-1]
        ahead = round((end - last).days / QUARTER)
        return Position(fiscal_year(last) + (ahead + 3) // 4, (ahead - 1) % 4 + 1)

    def _by_usual_end(self, end: date) -> Position | None:
        for year in (end.year, end.year + 1):
            year_end = day_of_year(year, self.usual_end)
            if year_end is not None and year_end >= end - timedelta(days=10):
                back = round((year_end - end).days / QUARTER)
                return Position(fiscal_year(year_end) - back // 4, 4 - back % 4)
        return None

"""Checks of the period: its end, its length, its age."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date

from companies.quality.amounts import Hit
from companies.quality.frames import Books, Case, Period

_EARLY = 6
"""Last month of an end by which a fiscal year may bear the name of the year before."""


def month_end(year: int, month: int) -> date:
    """The last day of a month; months beyond 12 or below 1 run into the years beside."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, calendar.monthrange(year, month)[1])


def end_of(period: Period, fiscal_year_end: int | None = None) -> date:
    """The period's end, reckoned from the fiscal year where the source does not give it.

    A fiscal year that ends by May is taken to be named by the year before, as is usual (a year that ends in
    January 2025 is most of 2024).
    """
    if period.period_end is not None:
        return period.period_end
    month = fiscal_year_end or 12
    year = period.fiscal_year + (1 if month < _EARLY else 0)
    return month_end(year, month - 3 * (4 - (period.fiscal_quarter or 4)))


def periods(books: Books, today: date) -> Iterator[Hit]:
    """What is odd about the period of each case; `today` is the day on which it comes in."""
    for at, case in enumerate(books.cases):
        for code, measure, text in _period(case, today):
            yield code, at, measure, (), text


def _period(case: Case, today: date) -> Iterator[tuple[str, float, str]]:
    now = case.now
    end = end_of(now, case.fiscal_year_end)
    age = (today - end).days
    # Without an end of its own a year may well have ended earlier than we reckon.
    if age < 0 and (now.period_end is not None or age < -366):
        yield "future_period", -age, f"The period ends on {end.isoformat()}, which is still to come."
    elif case.newest and age > 0:
        yield "stale", age, f"The period ended on {end.isoformat()}, {age // 30} months ago."
    yield from _length(now)
    if now.period_end is None:
        return
    apart = now.period_end.year - now.fiscal_year
    usual = now.kind != "annual" or apart in {0, 1}
    late = apart == 1 and now.period_end.month > _EARLY and now.kind == "annual"
    if not usual or late or abs(apart) > 1:
        measure = 1.0 if late or abs(apart) == 1 else float(abs(apart))
        text = f"Fiscal year {now.fiscal_year} ends on {now.period_end.isoformat()}."
        yield "fiscal_year_off", measure, text
    if case.fiscal_year_end is not None:
        month = case.fiscal_year_end - 3 * (4 - (now.fiscal_quarter or 4))
        gap = abs((now.period_end.month - month + 6) % 12 - 6)
        # A year of 52 weeks may end a few days into the next month.
        if gap == 1 and now.period_end.day <= 7:
            gap = 0
        if gap:
            text = f"The period ends in {calendar.month_name[now.period_end.month]}, expected was "
            yield "period_end_off", float(gap), text + f"{calendar.month_name[(month - 1) % 12 + 1]}."
    if case.before is not None and case.before.period_end is not None:
        days = (now.period_end - case.before.period_end).days
        if away := abs(days - 365):
            yield "periods_overlap", float(away), f"It ends {days} days after the period a year before."


def _length(now: Period) -> Iterator[tuple[str, float, str]]:
    if now.months is None:
        return
    if now.kind == "quarterly":
        if now.months > 3:
            yield "not_a_quarter", now.months - 3.0, f"Its flows cover {now.months} months."
        elif now.months < 3:
            yield "part_year", 3.0 - now.months, f"The quarter's flows cover {now.months} months only."
    elif now.months < 12:
        yield "part_year", 12.0 - now.months, f"Its flows cover {now.months} months."
    elif now.months > 12:
        yield "long_year", now.months - 12.0, f"Its flows cover {now.months} months."

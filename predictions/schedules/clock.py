"""When a schedule is due next, in a time zone of its own. Plain functions of the time that they are given.

A wall clock has days of 23 and 25 hours. A time that a spring day leaves out is taken at the first moment
after the gap; one that an autumn day has twice is taken the first time, and not again. A day that a month
does not have is its last one, so that a run of the 31st comes every month.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"


@dataclass(frozen=True, slots=True)
class Rule:
    """Every day, every week on ``weekday`` (0 is Monday), or every month on ``day``, at a time in a zone."""

    frequency: str
    at: time
    zone: str
    weekday: int = 0
    day: int = 1


def next_due(rule: Rule, after: datetime) -> datetime:
    """The first time strictly after ``after`` (aware) at which the rule is due, in UTC."""
    zone = ZoneInfo(rule.zone)
    local = after.astimezone(zone).date()
    # From the day before: its wall time may lie after, where the zone's offset has just changed.
    day = local - timedelta(days=1)
    while True:
        if _fits(rule, day):
            due = moment(day, rule.at, zone)
            if due > after:
                return due
        day += timedelta(days=1)


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A wall time of a day in UTC: the first of two, or the end of the gap in which it lies."""
    wall = datetime.combine(day, at.replace(tzinfo=None))
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # In a gap the reading before the change is later than the one after it; the change lies between.
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = found
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def _fits(rule: Rule, day: date) -> bool:
    if rule.frequency == DAILY:
        return True
    if rule.frequency == WEEKLY:
        return day.weekday() == rule.weekday
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day == min(rule.day, last)

"""The quality gate of statements: plain functions over amounts and the period a year before.

``check_all`` looks at a set in arrays, thousands of statements at a time; ``check`` at one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain

from companies.quality import amounts, periods, quarters, years
from companies.quality.findings import GRAVITY, Finding, Level, worst
from companies.quality.frames import Books, Case, Period
from companies.quality.limits import CHECKS, CONFIRMABLE, Check
from companies.quality.periods import end_of

__all__ = [
    "CHECKS",
    "CONFIRMABLE",
    "Case",
    "Check",
    "Finding",
    "Level",
    "Period",
    "check",
    "check_all",
    "end_of",
    "worst",
]


def check(case: Case, *, today: date) -> list[Finding]:
    """What the checks find in one statement, the gravest first."""
    return check_all([case], today=today)[0]


def check_all(cases: Sequence[Case], *, today: date) -> list[list[Finding]]:
    """What the checks find in each statement, the gravest first; errors refuse it.

    Parameters
    ----------
    cases : sequence of Case
        Amounts in millions by line item (unknown names raise KeyError), the period a year before beside it.
    today : date
        The day on which the statements come in: age and future are reckoned from it.
    """
    found: list[list[Finding]] = [[] for _ in cases]
    if not cases:
        return found
    for code, at, measure, items, message in _hits(Books(cases), today):
        row = CHECKS[code]
        level = _level(row, measure)
        if level is None:
            continue
        finding = Finding(code, level, message, items or row.items, row.hint, row.confirmable)
        if level == Level.ERROR and row.confirmable and code in cases[at].confirmed:
            finding = finding.confirm()
        found[at].append(finding)
    for findings in found:
        findings.sort(key=lambda f: -GRAVITY[f.level])
    return found


def _hits(books: Books, today: date) -> Iterator[amounts.Hit]:
    return chain(
        amounts.amounts(books),
        amounts.sums(books),
        amounts.parts(books),
        amounts.ratios(books),
        years.years(books),
        quarters.quarters(books),
        periods.periods(books, today),
    )


def _level(row: Check, measure: float) -> Level | None:
    """The gravest level whose boundary the measure exceeds."""
    boundaries = ((Level.ERROR, row.error), (Level.WARNING, row.warning), (Level.INFO, row.info))
    return next((level for level, limit in boundaries if limit is not None and measure > limit), None)

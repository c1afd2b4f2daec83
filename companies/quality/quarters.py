"""Checks of a year beside its quarters: flows of the four add up to the year's."""

from __future__ import annotations

from collections.abc import Iterator

from companies.quality.amounts import Hit
from companies.quality.frames import Books, Period
from companies.quality.limits import CHECKS
from companies.quality.naming import amount, label
from ml.features import FLOW_ITEMS

_FOUR = 4
_CODE = "quarters_off"


def quarters(books: Books) -> Iterator[Hit]:
    """Where the statement completes a year whose quarters are all known: by how much they miss it.

    Only flows of one currency are added; stocks are those of a day.
    """
    least = CHECKS[_CODE].info or 0.0
    for at, case in enumerate(books.cases):
        if case.year is None or len(case.quarters) != _FOUR:
            continue
        if len({period.currency for period in (case.year, *case.quarters)}) > 1:
            continue
        # Five amounts are rounded, not three.
        gaps = _gaps(case.year, case.quarters, slack=2.0 * float(books.slack[at]))
        if not gaps:
            continue
        worst, measure = max(gaps.items(), key=lambda pair: pair[1])
        whole = float(case.year.amounts[worst])
        four = sum(float(period.amounts[worst]) for period in case.quarters)
        items = tuple(name for name, gap in gaps.items() if gap > least) or (worst,)
        text = f"{label(worst)} of the quarters adds up to {amount(four)}, the year's is {amount(whole)}."
        yield _CODE, at, measure, items, text


def _gaps(year: Period, four: tuple[Period, ...], *, slack: float) -> dict[str, float]:
    """Of each flow that all know, the gap beyond rounding in percent of the larger."""
    found = {}
    for name in sorted(FLOW_ITEMS):
        if name not in year.amounts or any(name not in period.amounts for period in four):
            continue
        whole, total = float(year.amounts[name]), sum(float(p.amounts[name]) for p in four)
        gap = abs(total - whole) - slack
        if gap > 0:
            found[name] = 100.0 * gap / max(abs(whole), abs(total))
    return found

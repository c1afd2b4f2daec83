"""Checks beside the same period a year before: wrong units, copied columns, leaps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from companies.quality.amounts import Hit
from companies.quality.frames import ITEMS, Array, Books, Mask
from companies.quality.limits import (
    ITEM_JUMP_HIGH,
    ITEM_JUMP_LOW,
    JUMP_HIGH,
    JUMP_LOW,
    JUMP_SHARE,
    LEAST_FOR_JUMP,
)
from companies.quality.naming import amount, label

# A market value or a number of shares stands in a unit of its own.
_APART = np.array([name not in {"market_cap", "shares_outstanding"} for name in ITEMS])


def _about(factors: Array, power: int, low: float, high: float) -> Mask:
    """Which factors are about a thousand to the power; the bounds are those of the power 1."""
    centre = 1000.0 ** (power - np.sign(power))
    if power < 0:
        low, high = 1 / high, 1 / low
    with np.errstate(invalid="ignore"):
        found: Mask = (factors >= low * centre) & (factors <= high * centre)
    return found


def years(books: Books) -> Iterator[Hit]:
    """What the year before makes doubtful."""
    factors = books.factors[_APART]
    names = [name for name, apart in zip(ITEMS, _APART.tolist(), strict=True) if apart]
    known = (~np.isnan(factors)).sum(axis=0)
    leapt: Mask = np.zeros(len(books), dtype=bool)
    for power, words in ((1, "1,000 times"), (-1, "a thousandth of"), (2, "1,000,000 times"),
                         (-2, "a millionth of")):  # fmt: skip
        jumped = _about(factors, power, JUMP_LOW, JUMP_HIGH)
        count = jumped.sum(axis=0)
        whole = (known >= LEAST_FOR_JUMP) & (count >= JUMP_SHARE * known) & ~leapt
        leapt |= whole
        for at in np.flatnonzero(whole).tolist():
            items = tuple(np.array(names)[jumped[:, at]].tolist())
            text = f"{count[at]} of {known[at]} amounts are about {words} those of the year before."
            yield "unit_jump", at, 1.0, items, text
        alone = _about(factors, power, ITEM_JUMP_LOW, ITEM_JUMP_HIGH) & ~whole & (known >= LEAST_FOR_JUMP)
        for row, at in zip(*np.nonzero(alone), strict=True):
            name = names[row]
            now, last = books[name][at], books.last(name)[at]
            text = f"{label(name)} of {amount(now)} is about {words} last year's {amount(last)}."
            yield "item_jump", int(at), 1.0, (name,), text
    yield from _copied(books)
    for name, code in (("net_sales", "sales_moved"), ("total_assets", "assets_moved")):
        now, last = books[name], books.last(name)
        with np.errstate(invalid="ignore", divide="ignore"):
            measure = np.abs(np.log10(np.where((now > 0) & (last > 0), now / last, np.nan)))
            moved = np.flatnonzero((measure > 0) & ~leapt)
        for at in moved.tolist():
            text = f"{label(name)} went from {amount(last[at])} to {amount(now[at])}."
            yield code, at, float(measure[at]), (), text
    for at, case in enumerate(books.cases):
        if case.before is not None and case.before.currency != case.now.currency:
            text = f"Amounts are in {case.now.currency}, those of the year before in {case.before.currency}."
            yield "currency_changed", at, 1.0, (), text


def _copied(books: Books) -> Iterator[Hit]:
    with np.errstate(invalid="ignore"):
        same = (books.now == books.before) & (books.now != 0)
        both = ~np.isnan(books.now) & ~np.isnan(books.before) & ((books.now != 0) | (books.before != 0))
    same, both = same[_APART], both[_APART]
    count, of = same.sum(axis=0), both.sum(axis=0)
    for at in np.flatnonzero((count > 0) & (count == of)).tolist():
        text = f"All {of[at]} amounts known in both years are the same."
        yield "copied_year", at, float(count[at]), (), text

"""Statements side by side as arrays: one array per line item, NaN where it is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml.features import LINE_ITEMS

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
ITEMS = tuple(LINE_ITEMS)
_PLACES = {name: place for place, name in enumerate(ITEMS)}
_IN_MILLIONS = {"units": 1e-6, "thousands": 1e-3, "millions": 1.0}


@dataclass(frozen=True, slots=True)
class Period:
    """One statement as the checks take it: amounts in millions of ``currency`` by line item."""

    kind: str
    """``annual``, ``quarterly`` or ``ttm``."""
    fiscal_year: int
    fiscal_quarter: int | None
    amounts: Mapping[str, Decimal | float]
    currency: str = "USD"
    unit: str = "millions"
    """What the source's numbers are in: amounts are rounded to it."""
    period_end: date | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A statement on its way in, with what stands beside it."""

    now: Period
    before: Period | None = None
    """The same period a year earlier, if it is known."""
    fiscal_year_end: int | None = None
    """Month in which the company's fiscal year ends, if it is known."""
    newest: bool = True
    """Whether the company has no later statement of this kind."""
    confirmed: frozenset[str] = field(default=frozenset())
    """Codes of checks to which whoever brings the statement has said: it is so."""
    year: Period | None = None
    """The annual statement of the fiscal year that this one belongs to, where it completes the year."""
    quarters: tuple[Period, ...] = ()
    """The four quarters of that year, where all are known, this one among them."""


def matrix(periods: Sequence[Period | None]) -> Array:
    """Amounts of the periods, shape (items, n)."""
    table = np.full((len(ITEMS), len(periods)), np.nan)
    for column, period in enumerate(periods):
        if period is not None:
            for name, value in period.amounts.items():
                table[_PLACES[name], column] = value
    return table


class Books:
    """A set of cases as arrays of length n."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = cases
        self.now = matrix([case.now for case in cases])
        self.before = matrix([case.before for case in cases])
        self.same_currency = np.array(
            [case.before is not None and case.before.currency == case.now.currency for case in cases],
            dtype=bool,
        )
        # What is said in another currency is no measure of growth.
        self.before[:, ~self.same_currency] = np.nan

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, name: str) -> Array:
        row: Array = self.now[_PLACES[name]]
        return row

    def last(self, name: str) -> Array:
        """The item a year before."""
        row: Array = self.before[_PLACES[name]]
        return row

    @cached_property
    def slack(self) -> Array:
        """What rounding of the amounts can add up to in a sum of three, in millions.

        Two of the declared unit where every amount is whole in it, else a hundredth of one of it.
        """
        step = np.array([_IN_MILLIONS[case.now.unit] for case in self.cases])
        scaled = self.now / step
        with np.errstate(invalid="ignore"):
            whole = np.isnan(scaled) | (np.abs(scaled - np.round(scaled)) < 1e-6)
        return np.where(whole.all(axis=0), 2.0 * step, 0.02 * step)

    @cached_property
    def factors(self) -> Array:
        """Each amount over that of a year before, shape (items, n); NaN unless both are known, not zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.abs(np.where((self.now != 0) & (self.before != 0), self.now / self.before, np.nan))

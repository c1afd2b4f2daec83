"""What unit amounts are in, where nobody says it: told with how sure one can be, never taken silently."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from ml.features import LINE_ITEMS

Number = Decimal | float
# Exponents of ten that turn a number of the unit into millions.
UNITS: Mapping[str, int] = {"units": -6, "thousands": -3, "millions": 0}
SURE = 0.95
"""Confidence from which a detected unit may stand without a word of whoever brought the amounts."""

# Total assets of companies, decimal logarithm in millions: of 68,933 firm-years of listed US companies the
# middle is 2.6 with a deviation of 1.1; small and private companies lie lower.
_CENTRE, _SPREAD = 1.8, 1.6
_STOCKS = ("total_assets", "net_sales", "total_liabilities", "current_assets")


@dataclass(frozen=True, slots=True)
class Detected:
    """A unit, how sure it is (0 to 1), and why."""

    unit: str
    confidence: float
    reason: str

    @property
    def sure(self) -> bool:
        """Whether it may stand without being confirmed."""
        return self.confidence >= SURE


def detect_unit(given: Mapping[str, Number], *, before: Mapping[str, Number] | None = None) -> Detected:
    """The likeliest unit of raw amounts.

    Parameters
    ----------
    given : mapping of line item to number
        As the source has them, in an unknown unit.
    before : mapping of line item to number, optional
        The same company's amounts of another period, in millions: they decide nearly always.
    """
    if before and (found := _beside(given, before)) is not None:
        return found
    return _by_size(given)


def _beside(given: Mapping[str, Number], before: Mapping[str, Number]) -> Detected | None:
    shared = [
        math.log10(abs(float(given[name]) / float(before[name])))
        for name in given.keys() & before.keys()
        if name != "shares_outstanding" and given[name] and before[name]
    ]
    if not shared:
        return None
    middle = median(shared)
    unit = min(UNITS, key=lambda name: abs(middle + UNITS[name]))
    away = abs(middle + UNITS[unit])
    # Half way between two units (a factor of 32) is a coin's toss; each amount more makes it firmer.
    confidence = max(0.5, 1.0 - 0.5 * (away / 1.5) ** 2) if away < 1.5 else 0.5
    if len(shared) < 3:
        confidence = min(confidence, 0.9)
    reason = f"Beside the amounts of another period, {len(shared)} of them, they fit {unit} best."
    return Detected(unit, round(confidence, 2), reason)


def _by_size(given: Mapping[str, Number]) -> Detected:
    known = [abs(float(given[name])) for name in _STOCKS if given.get(name)]
    known = known or [abs(float(value)) for name, value in given.items() if value and name in LINE_ITEMS]
    if not known:
        return Detected("millions", 0.0, "There is no amount to judge by.")
    size = math.log10(max(known))
    weights = {
        unit: math.exp(-0.5 * ((size + power - _CENTRE) / _SPREAD) ** 2) for unit, power in UNITS.items()
    }
    unit = max(weights, key=weights.__getitem__)
    total = sum(weights.values())
    if total == 0.0:
        return Detected(unit, 0.5, "No company is of such a size in any unit.")
    # Size alone never settles it: a large company in thousands is a small one in units.
    confidence = min(weights[unit] / total, 0.9)
    reason = f"A company of this size is likeliest where the amounts are {unit}."
    return Detected(unit, round(confidence, 2), reason)

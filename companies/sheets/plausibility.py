"""Placeholders and impossible values in columns of numbers: found, named, never scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from companies.sheets.columns import LARGEST_MARKET_CAP, Column

Array = NDArray[np.float64]
Finding = tuple[int, str, str]

LARGEST_ANY_CURRENCY: Final = 1.0e12
"""Millions of a currency with small units beyond which no company's amount lies."""

_LEAST_SENTINEL: Final = 998.0
_NEGATIVE_NINES: Final = 3
_RATIO_NINES: Final = 4
_AMOUNT_NINES: Final = 5
_RATIO_ZEROS: Final = 6
# How far below a power of ten the least number of nines can lie, with room for rounding.
_NINES_DISTANCE: Final = 1.001 * 10.0**-_AMOUNT_NINES
_MACHINE_LIMITS: Final = frozenset({2.0**31 - 1, 2.0**31, 2.0**32 - 1, 2.0**63, 2.0**64})
_MILLION: Final = 1_000_000


def is_sentinel(value: float, *, amount: bool = False) -> bool:
    """True for a number that stands for no value: nines, a one with zeros, the ends of a machine's integers.

    An amount may well be 100000000, -999 or 9999; a ratio cannot or hardly.
    """
    size = abs(value)
    if size < _LEAST_SENTINEL:
        return False
    if size in _MACHINE_LIMITS:
        return True
    text = format(size, ".15g")
    mantissa, _, exponent = text.partition("e")
    whole, _, decimals = mantissa.partition(".")
    if set(whole + decimals) == {"9"}:
        least = _AMOUNT_NINES if amount else _NEGATIVE_NINES if value < 0 else _RATIO_NINES
        return bool(exponent) or len(whole) >= least
    if amount:
        return False
    power_of_ten = whole[0] == "1" and not (whole[1:] + decimals).strip("0")
    return power_of_ten and (bool(exponent) or len(whole) > _RATIO_ZEROS)


def check_ratio(column: Column, values: Array) -> Iterator[Finding]:
    """(index, code, message) of the ratios that are placeholders or outside what a ratio can be."""
    outside = (values < column.low) | (values > column.high)
    for index in np.flatnonzero(outside | (np.abs(values) >= _LEAST_SENTINEL)).tolist():
        if is_sentinel(values[index]):
            yield index, "sentinel_value", "A placeholder, not a ratio: taken as missing."
        elif outside[index]:
            yield index, "impossible_value", "No company has such a ratio: taken as missing."


def check_amount(
    column: Column, values: Array, factors: Array, dollars: NDArray[np.bool_]
) -> Iterator[Finding]:
    """(index, code, message) of the amounts that are placeholders or cannot be.

    `factors` are the whole units in one of the numbers, `dollars` the rows in US dollars or with no currency:
    the upper limits are in dollars, and no rate of exchange is at hand here.
    """
    millions = values * (factors / _MILLION)
    high = np.where(dollars, column.high, LARGEST_ANY_CURRENCY)
    low = np.where(dollars | (column.low == 0.0), column.low, -LARGEST_ANY_CURRENCY)
    too_small = (millions <= low) if column.low_is_open else (millions < low)
    suspicious = _ends_in_nines(np.abs(values))
    for index in np.flatnonzero(
        too_small | (millions > high) | suspicious | (np.abs(values) >= 1e15)
    ).tolist():
        if is_sentinel(values[index], amount=True):
            yield index, "sentinel_value", "A placeholder, not an amount: taken as missing."
        elif millions[index] > high[index]:
            yield index, "impossible_value", _too_large(column)
        elif too_small[index]:
            yield index, "impossible_value", "This amount cannot be so small: taken as missing."


def _ends_in_nines(sizes: Array) -> NDArray[np.bool_]:
    """Where an amount may be written with nines alone: it ends in one and lies just below a power of ten.

    In whole dollars one amount in ten ends in a nine; looking at each of those alone would take longer than
    all the rest of reading a sheet.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        nine = (sizes >= _LEAST_SENTINEL) & (np.mod(sizes, 10.0) >= 9.0)
        power = 10.0 ** np.rint(np.log10(sizes, where=nine, out=np.zeros_like(sizes)))
        close: NDArray[np.bool_] = nine & (np.abs(power - sizes) <= _NINES_DISTANCE * power)
    return close


def _too_large(column: Column) -> str:
    if column.high == LARGEST_MARKET_CAP:
        return "Above 10 trillion US dollars: taken as missing."
    return "Larger than any company's amount: taken as missing."

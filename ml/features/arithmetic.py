"""Vectorised arithmetic that gives NaN, silently, where a ratio has no meaning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST_RATIO = 1.0e30
"""Beyond it a ratio is no number of a company, and soon none that float32 holds."""

STATE_WORST = 1.0e6
"""Code of a ratio whose denominator is not positive: above every real value, so the order of risk holds."""


def ratio(numerator: Array, denominator: Array) -> Array:
    """Numerator over denominator; NaN where the denominator is not positive or either is missing.

    A denominator so small that the ratio leaves what the trees can hold is no denominator.
    """
    with np.errstate(over="ignore"):
        value = np.divide(numerator, np.where(denominator > 0, denominator, np.nan))
    return np.where(np.abs(value) < LARGEST_RATIO, value, np.nan)


def percent(numerator: Array, denominator: Array) -> Array:
    """The ratio times 100: 25.5 means 25.5 %."""
    return 100.0 * ratio(numerator, denominator)


def burden(numerator: Array, denominator: Array) -> Array:
    """Debt over earnings or capital, with a state of its own where the denominator is zero or negative.

    A negative EBITDA makes debt/EBITDA undefined, not small. The state `STATE_WORST` ranks above every
    defined value, so a constraint "more is riskier" covers it too.
    """
    known = ~(np.isnan(numerator) | np.isnan(denominator))
    value = ratio(np.maximum(numerator, 0.0), denominator)
    return np.where(known & (denominator <= 0), STATE_WORST, np.minimum(value, STATE_WORST / 10))


def log_positive(values: Array) -> Array:
    """Natural logarithm; NaN where the value is not positive."""
    return np.log(np.where(values > 0, values, np.nan))


def growth(now: Array, before: Array) -> Array:
    """Logarithmic growth in percent from `before` to `now`; NaN unless both are positive."""
    return 100.0 * (log_positive(now) - log_positive(before))


def spread(values: Array) -> Array:
    """Standard deviation along the last axis over what is known; NaN with fewer than two known values."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0)
    mean = total.sum(axis=1) / np.maximum(count, 1)
    deviation = np.where(known, values - mean[:, None], 0.0)
    variance = (deviation**2).sum(axis=1) / np.maximum(count - 1, 1)
    return np.where(count >= 2, np.sqrt(variance), np.nan)


def mean_known(values: Array, at_least: int = 1) -> Array:
    """Mean along the last axis over what is known; NaN with fewer than `at_least` known values."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count >= at_least, mean, np.nan)


def highest_known(values: Array) -> Array:
    """Largest known value along the last axis; NaN where nothing is known."""
    filled = np.where(np.isnan(values), -np.inf, values)
    best: Array = filled.max(axis=1)
    return np.where(np.isfinite(best), best, np.nan)


def lowest_known(values: Array) -> Array:
    """Smallest known value along the last axis; NaN where nothing is known."""
    return -highest_known(-values)

"""Fitting the term structure: a discrete-time hazard on the years to default, censoring stated.

A firm-year is at risk for h years up to min(2016, the firm's last fiscal year + 1) - its fiscal year, and as
long as it has not defaulted; then it is censored. Only fiscal years of the rolling origins enter (2005 and
later), each with the log-odds that models of the years before gave it. What a calendar year brought to all
(its defaults against those expected by the one-year PD) is an offset, so that the hazards are those of an
average year and a horizon that happens to miss a crisis is not taken for a safe one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ml.dataset import FirmYears
from ml.features import Array
from ml.term import YEARS, TermStructure

LAST_KNOWN = 2016
"""Bankruptcies are known to the end of this year."""
SHOWN_PDS: tuple[float, ...] = (0.001, 0.005, 0.01, 0.03, 0.07, 0.15, 0.3)
_CREDIBILITY = 5.0
"""Defaults added to both sides of a calendar year's count: a quiet year is not taken at its word."""


@dataclass(frozen=True)
class Observed:
    """What each scored firm-year shows of the years after it, shape (n,) each."""

    log_odds: Array
    fiscal_year: NDArray[np.int64]
    default_in: Array
    """Years to a known bankruptcy, 1 = next year; NaN where none is known."""
    at_risk: NDArray[np.int64]
    """Years for which a default would have been seen."""


def observe(data: FirmYears, rows: NDArray[np.intp], log_odds: Array) -> Observed:
    """The rows with their future.

    Raises
    ------
    ValueError
        If the data does not say when firms defaulted.
    """
    if data.years_to_default is None:
        raise ValueError("the data has no column years_to_default")
    firm = np.unique(data.company, return_inverse=True)[1]
    last = np.zeros(firm.max() + 1, dtype=np.int64)
    np.maximum.at(last, firm, data.year)
    seen = np.minimum(LAST_KNOWN, last[firm] + 1) - data.year
    return Observed(log_odds, data.year[rows], data.years_to_default[rows], seen[rows])


def fit_term(
    data: FirmYears, rows: NDArray[np.intp], log_odds: Array
) -> tuple[TermStructure | None, dict[str, Any] | None]:
    """The term structure of a shape and its figures from pooled out-of-time log-odds.

    Nothing of either where the data does not say when firms defaulted.
    """
    if data.years_to_default is None:
        return None, None
    return fit(observe(data, rows, log_odds))


def fit(sample: Observed) -> tuple[TermStructure, dict[str, Any]]:
    """The fitted structure, and what the fit rests on: counts, calendar years, sensitivity to exits."""
    calendar = _calendar(sample)
    structure = _fit(sample, calendar, [_events(sample, year) for year in range(2, YEARS + 1)])
    return structure, {
        **structure.as_json(),
        "years": _counts(sample, structure),
        "calendar": {str(year): value for year, value in calendar.items()},
        "exit_sensitivity": _exits(sample, structure, calendar),
    }


@dataclass(frozen=True)
class _Events:
    """Rows at risk in one year of the horizon, with how much of a default each counts."""

    rows: NDArray[np.intp]
    default: Array


def _events(sample: Observed, year: int) -> _Events:
    reached = ~(sample.default_in < year)
    rows = np.flatnonzero(reached & (sample.at_risk >= year))
    return _Events(rows, (sample.default_in[rows] == year).astype(np.float64))


def _calendar(sample: Observed) -> dict[int, float]:
    """Log of defaults over expected ones in each calendar year, by the one-year PD."""
    found = {}
    for year in np.unique(sample.fiscal_year).tolist():
        inside = sample.fiscal_year == year
        defaults = float((sample.default_in[inside] == 1).sum())
        expected = float(expit(sample.log_odds[inside]).sum())
        found[year + 1] = float(np.log((defaults + _CREDIBILITY) / (expected + _CREDIBILITY)))
    return found


def _fit(sample: Observed, calendar: Mapping[int, float], events: list[_Events]) -> TermStructure:
    """Maximum likelihood for the years after the first, slopes never rising from year to year."""
    data = []
    for year, seen in enumerate(events, start=2):
        when = sample.fiscal_year[seen.rows] + year
        offset = np.array([calendar.get(y, 0.0) for y in range(when.min(), when.max() + 1)])
        data.append((sample.log_odds[seen.rows], offset[when - when.min()], seen.default))
    width = len(events)

    def loss(theta: Array) -> tuple[float, Array]:
        slopes = np.exp(-np.cumsum(theta[width:]))
        value, slope_of = 0.0, np.zeros(2 * width)
        for place, (z, offset, default) in enumerate(data):
            score = theta[place] + slopes[place] * z + offset
            value += float((np.logaddexp(0.0, score) - default * score).sum())
            gap = expit(score) - default
            slope_of[place] = gap.sum()
            slope_of[width : width + place + 1] -= float(gap @ z) * slopes[place]
        return value, slope_of

    bounds = [(None, None)] * width + [(0.0, 2.0)] * width
    start = np.append(np.full(width, -1.0), np.full(width, 0.2))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
    return TermStructure(np.append(0.0, found[:width]), np.append(1.0, np.exp(-np.cumsum(found[width:]))))


def _counts(sample: Observed, structure: TermStructure) -> list[dict[str, float]]:
    hazard = structure.curve(expit(sample.log_odds)).conditional
    rows = []
    for year in range(1, YEARS + 1):
        seen = _events(sample, year)
        rows.append(
            {
                "year": year,
                "at_risk": len(seen.rows),
                "defaults": int(seen.default.sum()),
                "default_rate": float(seen.default.mean()),
                "mean_hazard": float(hazard[seen.rows, year - 1].mean()),
            }
        )
    return rows


def _exits(
    sample: Observed, structure: TermStructure, calendar: Mapping[int, float]
) -> dict[str, dict[str, float]]:
    """Five-year PDs by one-year PD, were firms that left the data safer or riskier than those that stayed.

    "never_default" keeps them at risk without a default to the end of 2016; "twice_the_hazard" lets them
    default at twice the rate of a firm of their last score.
    """
    hazard = structure.curve(expit(sample.log_odds)).conditional
    cases = {"as_fitted": structure}
    for name, factor in (("never_default", 0.0), ("twice_the_hazard", 2.0)):
        events = []
        for year in range(2, YEARS + 1):
            seen = _events(sample, year)
            left = np.flatnonzero(
                np.isnan(sample.default_in)
                & (sample.at_risk < year)
                & (sample.fiscal_year + year <= LAST_KNOWN)
            )
            risk = np.minimum(factor * hazard[left, year - 1], 1.0)
            events.append(_Events(np.append(seen.rows, left), np.append(seen.default, risk)))
        cases[name] = _fit(sample, calendar, events)
    return {
        name: dict(
            zip(
                (f"{pd_:g}" for pd_ in SHOWN_PDS),
                case.curve(np.array(SHOWN_PDS)).cumulative[:, -1].tolist(),
                strict=True,
            )
        )
        for name, case in cases.items()
    }

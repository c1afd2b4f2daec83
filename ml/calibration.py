"""Calibration and the year-to-year band: from pooled out-of-time log-odds to PDs one can stand behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import binom

from ml.estimators import LogOddsBlend
from ml.features import Array
from ml.model import Affine
from ml.shapes import MEMBERS

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Blend:
    """The members' calibrations, their weights and the ensemble's intercept."""

    calibration: Mapping[str, Affine]
    weights: Mapping[str, float]
    intercept: float

    def log_odds(self, raw: Mapping[str, Array]) -> Array:
        """The ensemble's log-odds from the members' uncalibrated ones."""
        z = self.members(raw)
        return self.intercept + sum((self.weights[m] * z[m] for m in MEMBERS), np.zeros(len(z[MEMBERS[0]])))

    def members(self, raw: Mapping[str, Array]) -> dict[str, Array]:
        """The members' calibrated log-odds."""
        return {m: self.calibration[m].slope * raw[m] + self.calibration[m].intercept for m in MEMBERS}


def fit_blend(raw: Mapping[str, Array], target: Array, anchor: float) -> Blend:
    """Calibrate each member and the blend on pooled out-of-time log-odds, then anchor the mean PD.

    Parameters
    ----------
    raw : member to log-odds of shape (n,), each predicted by a model that had not seen the row's year
    target : array of 0 and 1
    anchor : float
        Long-run default rate that the mean PD is moved to, by a shift in log-odds.
    """
    calibration = {}
    for member in MEMBERS:
        fitted = LogOddsBlend(penalty=0.0).fit(raw[member][:, None], target)
        slope = float(fitted.coef_[0])
        intercept = _anchored(raw[member] * slope + fitted.intercept_, anchor) + fitted.intercept_
        calibration[member] = Affine(slope, float(intercept))
    z = np.column_stack([calibration[m].slope * raw[m] + calibration[m].intercept for m in MEMBERS])
    blend = LogOddsBlend(penalty=0.5).fit(z, target)
    shift = _anchored(blend.decision_function(z), anchor)
    weights = {m: float(w) for m, w in zip(MEMBERS, blend.coef_, strict=True)}
    return Blend(calibration, weights, float(blend.intercept_ + shift))


def _anchored(log_odds: Array, anchor: float) -> float:
    """The shift in log-odds after which the mean PD equals the anchor."""
    low, high = -5.0, 5.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        if float(expit(log_odds + middle).mean()) < anchor:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@dataclass(frozen=True)
class Cells:
    """Cells of year and PD bin: names, defaults and mean PD of each."""

    year: Array
    names: Array
    defaults: Array
    pd: Array


def cells(pd_: Array, target: Array, year: Array, least: int = 300) -> Cells:
    """Cut each year's names, ordered by PD, into up to ten bins of at least `least` names."""
    rows = []
    for when in np.unique(year):
        inside = np.flatnonzero(year == when)
        order = inside[np.argsort(pd_[inside], kind="stable")]
        bins = max(1, min(10, len(order) // least))
        for part in np.array_split(order, bins):
            rows.append((float(when), len(part), target[part].sum(), pd_[part].mean()))
    table = np.array(rows, dtype=np.float64)
    return Cells(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def count_distribution(names: float, pd_: float, sigma: float) -> tuple[Array, Array]:
    """Probability and distribution function of the count of defaults when log-odds err by N(0, sigma^2)."""
    counts = np.arange(int(names) + 1)
    shifted = expit(logit(pd_) + sigma * _NODES)
    mass = (binom.pmf(counts[:, None], int(names), shifted[None, :]) * _WEIGHTS).sum(axis=1)
    return mass, np.cumsum(mass)


def fit_sigma(table: Cells) -> float:
    """Maximum-likelihood standard deviation of the default rate's log-odds around the PD, over the cells."""

    def loss(sigma: float) -> float:
        shifted = expit(logit(table.pd)[:, None] + sigma * _NODES[None, :])
        mass = binom.pmf(table.defaults[:, None], table.names[:, None], shifted) @ _WEIGHTS
        return float(-np.log(np.maximum(mass, 1e-300)).sum())

    return float(minimize_scalar(loss, bounds=(0.02, 2.0), method="bounded", options={"xatol": 1e-4}).x)

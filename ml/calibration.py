"""Calibration and the year-to-year band: from pooled out-of-time log-odds to PDs one can stand behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import beta, binom

from ml.estimators import LogOddsBlend
from ml.features import Array
from ml.model import Affine
from ml.shapes import MEMBERS

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Raw:
    """Uncalibrated log-odds of the members, shape (n,) each, and what was missing, shape (n, p)."""

    members: Mapping[str, Array]
    missing: NDArray[np.bool_]


@dataclass(frozen=True)
class Blend:
    """The members' calibrations, their weights, the ensemble's intercept and the shift for each gap."""

    calibration: Mapping[str, Affine]
    weights: Mapping[str, float]
    intercept: float
    gap_shift: Array
    """Added to every log-odds for each missing feature that marks an input, shape (p,)."""

    def log_odds(self, raw: Raw) -> Array:
        """The ensemble's log-odds."""
        shift = raw.missing @ self.gap_shift
        z = {m: self.calibration[m].slope * raw.members[m] + self.calibration[m].intercept for m in MEMBERS}
        return self.intercept + shift + sum((self.weights[m] * z[m] for m in MEMBERS), np.zeros(len(shift)))

    def member_log_odds(self, raw: Raw) -> dict[str, Array]:
        """The members' calibrated log-odds."""
        shift = raw.missing @ self.gap_shift
        return {
            m: self.calibration[m].slope * raw.members[m] + self.calibration[m].intercept + shift
            for m in MEMBERS
        }


def fit_blend(
    complete: Raw, gaps: Mapping[str, Raw], markers: Mapping[str, int], target: Array, anchor: float
) -> Blend:
    """Calibrate each member, the blend and the gaps on pooled out-of-time log-odds, and anchor the mean PD.

    Parameters
    ----------
    complete : Raw
        n rows, each predicted by models that had not seen the row's year.
    gaps : input name to Raw
        The same rows with that input missing throughout.
    markers : input name to the position of the feature that is missing when the input is
    target : array of 0 and 1, shape (n,)
    anchor : float
        Long-run default rate that the mean PD is moved to, by shifts in log-odds.
    """
    calibration = {}
    for member in MEMBERS:
        raw = complete.members[member]
        fitted = LogOddsBlend(penalty=0.0).fit(raw[:, None], target)
        slope = float(fitted.coef_[0])
        shift = _anchored(raw * slope + fitted.intercept_, anchor)
        calibration[member] = Affine(slope, float(shift + fitted.intercept_))
    z = np.column_stack(
        [calibration[m].slope * complete.members[m] + calibration[m].intercept for m in MEMBERS]
    )
    fitted = LogOddsBlend(penalty=0.5).fit(z, target)
    weights = {m: float(w) for m, w in zip(MEMBERS, fitted.coef_, strict=True)}
    plain = Blend(calibration, weights, fitted.intercept_, np.zeros(complete.missing.shape[1]))
    return _with_gap_shift(plain, complete, gaps, markers, anchor)


_SWEEPS = 30


def _with_gap_shift(
    blend: Blend, complete: Raw, gaps: Mapping[str, Raw], markers: Mapping[str, int], anchor: float
) -> Blend:
    """The blend with a shift for each missing input, such that each single gap keeps the mean PD.

    A model that lost an input spreads its scores differently, and their mean PD drifts off the default rate
    (an average of log-odds is not one of probabilities). Inputs overlap in what they make missing, so the
    shifts are found together, in sweeps; with several gaps the shifts add up.
    """
    for _ in range(_SWEEPS):
        blend = replace(blend, intercept=blend.intercept + _step(blend.log_odds(complete), anchor))
        for name, raw in gaps.items():
            shift = blend.gap_shift.copy()
            shift[markers[name]] += _step(blend.log_odds(raw), anchor)
            blend = replace(blend, gap_shift=shift)
    return replace(blend, intercept=blend.intercept + _anchored(blend.log_odds(complete), anchor))


def _step(log_odds: Array, anchor: float) -> float:
    return float(np.log(anchor / expit(log_odds).mean()))


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


@dataclass(frozen=True)
class Coverage:
    """Share of the cells whose count of defaults lay in its 90 % predictive range, with its 95 % bounds."""

    cells: int
    share: float
    low: float
    high: float


def coverage(table: Cells) -> Coverage:
    """Empirical coverage of the 90 % interval, each year judged with the sigma of the other years.

    The predictive range of a cell joins the band of the PD and binomial noise; its ends are counted half
    (mid-P), since counts are discrete. The bounds are Clopper-Pearson's.
    """
    inside = 0
    for year in np.unique(table.year):
        this = table.year == year
        rest = Cells(table.year[~this], table.names[~this], table.defaults[~this], table.pd[~this])
        sigma = fit_sigma(rest)
        for names, defaults, pd_ in zip(table.names[this], table.defaults[this], table.pd[this], strict=True):
            mass, total = count_distribution(names, pd_, sigma)
            middle = total[int(defaults)] - 0.5 * mass[int(defaults)]
            inside += bool(0.05 <= middle <= 0.95)
    count = len(table.year)
    low = float(beta.ppf(0.025, inside, count - inside + 1)) if inside else 0.0
    high = float(beta.ppf(0.975, inside + 1, count - inside)) if inside < count else 1.0
    return Coverage(count, inside / count, low, high)

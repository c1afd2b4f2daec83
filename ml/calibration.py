"""Calibration and the year-to-year band: from pooled out-of-time log-odds to PDs one can stand behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
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
    """Added to every log-odds for each missing feature, shape (p,)."""

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


def fit_blend(complete: Raw, gapped: Raw, target: Array, anchor: float) -> Blend:
    """Calibrate each member, the blend and the gaps on pooled out-of-time log-odds, then anchor the mean PD.

    Parameters
    ----------
    complete, gapped : Raw
        The same n rows, complete and with inputs missing at random, each predicted by models that had not
        seen the row's year.
    target : array of 0 and 1, shape (n,)
    anchor : float
        Long-run default rate that the mean PD is moved to, by a shift in log-odds.
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
    gap_shift = _gap_shift(plain, complete, gapped, target)
    blend = replace(plain, gap_shift=gap_shift)
    return replace(blend, intercept=blend.intercept + _anchored(blend.log_odds(complete), anchor))


_GAP_PENALTY = 1.0


def _gap_shift(blend: Blend, complete: Raw, gapped: Raw, target: Array) -> Array:
    """Shift in log-odds for each missing feature, by ridge-penalised likelihood with the score as offset.

    A model that lost an input spreads its scores less, and their mean PD drifts off the default rate (an
    average of log-odds is not one of probabilities). At the optimum expected and realised defaults agree over
    the rows that miss a feature, but for the penalty.
    """
    offset = np.concatenate([blend.log_odds(complete), blend.log_odds(gapped)])
    flags = np.vstack([complete.missing, gapped.missing]).astype(np.float64)
    y = np.tile(target, 2)

    def loss(theta: Array) -> tuple[float, Array]:
        score = offset + theta[-1] + flags @ theta[:-1]
        gap = expit(score) - y
        value = float((np.logaddexp(0.0, score) - y * score).sum()) + 0.5 * _GAP_PENALTY * float(
            theta @ theta
        )
        return value, np.append(gap @ flags, gap.sum()) + _GAP_PENALTY * theta

    found = minimize(loss, np.zeros(flags.shape[1] + 1), jac=True, method="L-BFGS-B")
    shift: Array = found.x[:-1]
    return shift


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

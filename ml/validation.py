"""Measures of discrimination, calibration and stability, each checked against published or exact values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta, binom, chi2, rankdata
from sklearn.metrics import average_precision_score

from ml.features.arithmetic import Array


def auc(target: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve, ties counted half; NaN with one class only."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    bad = y.sum()
    good = len(y) - bad
    if bad == 0 or good == 0:
        return float("nan")
    return float((rankdata(s)[y > 0].sum() - bad * (bad + 1) / 2) / (bad * good))


def accuracy_ratio(target: ArrayLike, score: ArrayLike) -> float:
    """Accuracy ratio (Gini) in the range -1 to 1: 2 AUC - 1."""
    return 2.0 * auc(target, score) - 1.0


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % bounds."""

    value: float
    low: float
    high: float


def auc_interval(
    target: ArrayLike, score: ArrayLike, *, repeats: int = 1000, random_state: int = 0
) -> Interval:
    """AUC with its 95 % percentile bootstrap interval (defaults and survivors resampled apart)."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    rng = np.random.default_rng(random_state)
    place = rankdata(s, method="dense").astype(np.int64) - 1
    width = int(place.max()) + 1
    bad, good = place[y > 0], place[y == 0]
    found = np.empty(repeats)
    for i in range(repeats):
        b = np.bincount(rng.choice(bad, bad.size), minlength=width)
        g = np.bincount(rng.choice(good, good.size), minlength=width)
        below = np.cumsum(g) - 0.5 * g
        found[i] = (b @ below) / (bad.size * good.size)
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(auc(y, s), float(low), float(high))


def ks(target: ArrayLike, score: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance between the scores of defaults and survivors."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    grid = np.unique(s)
    bad, good = np.sort(s[y > 0]), np.sort(s[y == 0])
    gap = np.searchsorted(bad, grid, "right") / bad.size - np.searchsorted(good, grid, "right") / good.size
    return float(np.abs(gap).max())


def brier(target: ArrayLike, pd_: ArrayLike) -> float:
    """Mean squared distance between PD and outcome."""
    return float(np.mean((np.asarray(pd_, dtype=np.float64) - np.asarray(target, dtype=np.float64)) ** 2))


def pr_auc(target: ArrayLike, score: ArrayLike) -> float:
    """Average precision."""
    return float(average_precision_score(np.asarray(target), np.asarray(score)))


def recall_in_worst(target: ArrayLike, score: ArrayLike, share: float = 0.1) -> float:
    """Share of the defaults found among the worst `share` of the scores."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    worst = np.argsort(-s, kind="stable")[: round(share * len(s))]
    return float(y[worst].sum() / y.sum())


def jeffreys_p(names: int, defaults: float, pd_: float) -> float:
    """Jeffreys p-value that the default rate is not above the PD (ECB 2019 instructions on model validation).

    Small values say that the PD is too low.
    """
    return float(beta.cdf(pd_, defaults + 0.5, names - defaults + 0.5))


def binomial_p(names: int, defaults: float, pd_: float) -> float:
    """Probability of at least this many defaults if the PD holds."""
    return float(binom.sf(defaults - 1, names, pd_))


def pluto_tasche_upper(names: int, defaults: int, level: float) -> float:
    """Most prudent upper bound of a PD from few defaults (Pluto and Tasche 2005, independent names)."""
    return float(beta.ppf(level, defaults + 1, names - defaults))


def hosmer_lemeshow(target: ArrayLike, pd_: ArrayLike, groups: int = 10) -> tuple[float, float]:
    """Hosmer-Lemeshow statistic over equal groups and its p-value (out of sample: `groups` degrees)."""
    table = deciles(target, pd_, groups=groups)
    statistic = sum(
        (row.defaults - row.names * row.mean_pd) ** 2
        / max(row.names * row.mean_pd * (1.0 - row.mean_pd), 1e-12)
        for row in table
    )
    return float(statistic), float(chi2.sf(statistic, groups))


def psi(expected: ArrayLike, actual: ArrayLike, bins: int = 10) -> float:
    """Population stability index over quantile bins of the expected sample."""
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    edges = np.unique(np.quantile(e, np.linspace(0, 1, bins + 1)[1:-1]))
    p = np.bincount(np.searchsorted(edges, e, "right"), minlength=len(edges) + 1) / len(e)
    q = np.bincount(np.searchsorted(edges, a, "right"), minlength=len(edges) + 1) / len(a)
    p, q = np.maximum(p, 1e-6), np.maximum(q, 1e-6)
    return float(((q - p) * np.log(q / p)).sum())


@dataclass(frozen=True)
class Decile:
    """Calibration of one group of scores."""

    names: int
    defaults: int
    mean_pd: float
    default_rate: float
    jeffreys_p: float
    rejected: bool
    """True when the PD lies outside the 95 % Jeffreys interval of the default rate."""


def deciles(target: ArrayLike, pd_: ArrayLike, groups: int = 10) -> list[Decile]:
    """Calibration by equal groups of rising PD."""
    y, p = np.asarray(target, dtype=np.float64), np.asarray(pd_, dtype=np.float64)
    rows = []
    for part in np.array_split(np.argsort(p, kind="stable"), groups):
        names, defaults, mean = len(part), int(y[part].sum()), float(p[part].mean())
        value = jeffreys_p(names, defaults, mean)
        rejected = value < 0.025 or value > 0.975
        rows.append(Decile(names, defaults, mean, defaults / names, value, rejected))
    return rows


def summary(target: Array, pd_: Array, *, repeats: int = 1000) -> dict[str, Any]:
    """Every figure of one score on one sample, ready for JSON."""
    table = deciles(target, pd_)
    area = auc_interval(target, pd_, repeats=repeats)
    return {
        "names": len(target),
        "defaults": int(target.sum()),
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
        "accuracy_ratio": 2 * area.value - 1,
        "accuracy_ratio_low": 2 * area.low - 1,
        "accuracy_ratio_high": 2 * area.high - 1,
        "pr_auc": pr_auc(target, pd_),
        "ks": ks(target, pd_),
        "brier": brier(target, pd_),
        "recall_worst_tenth": recall_in_worst(target, pd_),
        "mean_pd": float(pd_.mean()),
        "default_rate": float(target.mean()),
        "rejected_deciles": sum(row.rejected for row in table),
        "deciles": [asdict(row) for row in table],
    }

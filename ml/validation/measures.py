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


@dataclass(frozen=True)
class Difference:
    """What one score gains over another on the same rows, in AUC, with the 95 % bounds of the gain."""

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """ "better" or "worse" where the interval leaves out zero, else "not distinguishable"."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "not distinguishable"


def auc_difference(
    target: ArrayLike, score: ArrayLike, other: ArrayLike, *, repeats: int = 1000, random_state: int = 0
) -> Difference:
    """AUC of `score` minus that of `other`, by a paired bootstrap: both are drawn on the same rows.

    Defaults and survivors are resampled apart. A repeat's AUC is the mean placement of its drawn defaults
    among its drawn survivors, found from the sorted survivors' cumulated counts.
    """
    y = np.asarray(target, dtype=np.float64) > 0
    pairs = [np.asarray(values, dtype=np.float64) for values in (score, other)]
    rng = np.random.default_rng(random_state)
    bad, good = np.flatnonzero(y), np.flatnonzero(~y)
    places = []
    for values in pairs:
        order = np.argsort(values[good], kind="stable")
        ranked = values[good][order]
        left = np.searchsorted(ranked, values[bad], "left")
        right = np.searchsorted(ranked, values[bad], "right")
        places.append((order, left, right))
    found = np.empty(repeats)
    for i in range(repeats):
        drawn_bad = rng.integers(bad.size, size=bad.size)
        drawn_good = np.bincount(rng.integers(good.size, size=good.size), minlength=good.size)
        areas = []
        for order, left, right in places:
            below = np.concatenate([[0], np.cumsum(drawn_good[order])])
            placed = 0.5 * (below[left] + below[right])
            areas.append(placed[drawn_bad].mean() / good.size)
        found[i] = areas[0] - areas[1]
    low, high = np.quantile(found, (0.025, 0.975))
    return Difference(auc(y, pairs[0]) - auc(y, pairs[1]), float(low), float(high))


def roc_curve(target: ArrayLike, score: ArrayLike, points: int = 101) -> list[tuple[float, float]]:
    """The ROC curve at evenly spaced shares of false alarms: (false alarms, hits), each 0 to 1."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    values, place = np.unique(-s, return_inverse=True)
    bad = np.bincount(place, weights=y, minlength=len(values))
    good = np.bincount(place, minlength=len(values)) - bad
    hits = np.concatenate([[0.0], np.cumsum(bad) / bad.sum()])
    alarms = np.concatenate([[0.0], np.cumsum(good) / good.sum()])
    grid = np.linspace(0.0, 1.0, points)
    # Straight between the points a cut-off can reach: what a tie broken at random would give.
    return [(float(x), float(h)) for x, h in zip(grid, np.interp(grid, alarms, hits), strict=True)]


def cap_curve(target: ArrayLike, score: ArrayLike, points: int = 101) -> list[tuple[float, float]]:
    """The cumulative accuracy profile: (share of all names from the worst on, share of defaults in it)."""
    y, s = np.asarray(target, dtype=np.float64), np.asarray(score, dtype=np.float64)
    values, place = np.unique(-s, return_inverse=True)
    bad = np.bincount(place, weights=y, minlength=len(values))
    names = np.bincount(place, minlength=len(values))
    hits = np.concatenate([[0.0], np.cumsum(bad) / bad.sum()])
    share = np.concatenate([[0.0], np.cumsum(names) / len(y)])
    grid = np.linspace(0.0, 1.0, points)
    return [(float(x), float(h)) for x, h in zip(grid, np.interp(grid, share, hits), strict=True)]


def brier_parts(target: ArrayLike, pd_: ArrayLike, groups: int = 10) -> dict[str, float]:
    """Murphy's decomposition of the Brier score over equal groups of rising PD.

    Brier = reliability - resolution + uncertainty, up to what the PDs vary inside a group (`within`).
    """
    y, p = np.asarray(target, dtype=np.float64), np.asarray(pd_, dtype=np.float64)
    rate = y.mean()
    reliability = resolution = 0.0
    for part in np.array_split(np.argsort(p, kind="stable"), groups):
        share = len(part) / len(y)
        reliability += share * (p[part].mean() - y[part].mean()) ** 2
        resolution += share * (y[part].mean() - rate) ** 2
    score, uncertainty = brier(y, p), float(rate * (1.0 - rate))
    return {
        "brier": score,
        "reliability": float(reliability),
        "resolution": float(resolution),
        "uncertainty": uncertainty,
        "within": float(score - reliability + resolution - uncertainty),
        "skill": float(1.0 - score / uncertainty) if uncertainty else float("nan"),
    }


def jeffreys_interval(names: int, defaults: float, level: float = 0.95) -> tuple[float, float]:
    """Equal-tailed Jeffreys interval of a default rate; an end is 0 or 1 where nobody or everybody fell."""
    tail = 0.5 * (1.0 - level)
    low = float(beta.ppf(tail, defaults + 0.5, names - defaults + 0.5)) if defaults else 0.0
    high = float(beta.ppf(1.0 - tail, defaults + 0.5, names - defaults + 0.5)) if defaults < names else 1.0
    return low, high


def psi_limit(expected: int, actual: int, bins: int = 10, level: float = 0.95) -> float:
    """What the PSI of two samples of these sizes stays below, with this probability, if nothing has moved.

    PSI / (1/n + 1/m) follows a chi-square with bins - 1 degrees (Yurdakul 2018), so the usual 0.10 and 0.25
    are met by chance in small samples and miss real moves in large ones.
    """
    return float(chi2.ppf(level, bins - 1) * (1.0 / expected + 1.0 / actual))


def herfindahl(shares: ArrayLike) -> float:
    """Herfindahl-Hirschman index of shares that add up to 1: 1 / n when even, 1 when all is in one."""
    values = np.asarray(shares, dtype=np.float64)
    return float((values**2).sum())


def variance_inflation(X: ArrayLike) -> Array:
    """Variance inflation factor of each column on the ranks of the values, shape (p,).

    Ranks, because ratios have tails in which a single company would carry the figure; a missing value takes
    the middle rank, and a column without spread gets 1.
    """
    values = np.asarray(X, dtype=np.float64)
    correlation = rank_correlation(values)
    return np.maximum(np.diag(np.linalg.pinv(correlation, hermitian=True)), 1.0)


def rank_correlation(X: ArrayLike) -> Array:
    """Spearman correlation of the columns, shape (p, p); missing values take the middle rank."""
    values = np.asarray(X, dtype=np.float64)
    ranks = np.empty_like(values)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        ranks[:, column] = 0.0
        if known.any():
            found = rankdata(values[known, column])
            ranks[known, column] = (found - found.mean()) / max(len(found), 1)
    spread = ranks.std(axis=0)
    ranks[:, spread > 0] /= spread[spread > 0]
    ranks[:, spread > 0] -= ranks[:, spread > 0].mean(axis=0)
    correlation: Array = ranks.T @ ranks / len(ranks)
    np.fill_diagonal(correlation, 1.0)
    return correlation

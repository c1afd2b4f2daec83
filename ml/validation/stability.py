"""Evidence on stability: drift of the score and of the variables, migration between grades, the cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.features import Array
from ml.fitting import FIT_FROM
from ml.masterscale import MasterScale
from ml.validation.measures import jeffreys_interval, psi_limit
from ml.validation.study import Study

BINS = 10
LEAST_YEARS = 3


def characteristic_psi(expected: ArrayLike, actual: ArrayLike, bins: int = BINS) -> tuple[float, int]:
    """PSI over quantile bins of the expected values and one bin for the missing, and how many bins were used.

    Half a name is added to each bin, so that an empty one gives a finite figure.
    """
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    known = e[~np.isnan(e)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if known.size else np.array([])
    count = len(edges) + 2

    def shares(values: Array) -> Array:
        place = np.where(np.isnan(values), count - 1, np.searchsorted(edges, values, "right"))
        found = np.bincount(place, minlength=count).astype(np.float64)
        if not (np.isnan(e).any() or np.isnan(a).any()):
            found = found[:-1]
        smoothed: Array = (found + 0.5) / (len(values) + 0.5 * len(found))
        return smoothed

    p, q = shares(e), shares(a)
    return float(((q - p) * np.log(q / p)).sum()), len(p)


def drift(found: Study) -> list[dict[str, Any]]:
    """PSI of the score of each year against all years before it, with what chance alone allows.

    One model scores all years, the one fitted up to the last year of selection: what moves is the sample.
    """
    years = np.concatenate([found.year(found.in_time), found.year(found.report)])
    scores = np.concatenate([found.in_time.log_odds["ensemble"], found.report.log_odds["ensemble"]])
    rows = []
    for year in np.unique(years)[LEAST_YEARS:]:
        before, now = scores[years < year], scores[years == year]
        value, bins = characteristic_psi(before, now)
        rows.append({"year": int(year), "psi": value, "limit": psi_limit(len(before), len(now), bins)})
    return rows


def cycle(found: Study) -> dict[str, Any]:
    """Default rate and mean PD by year, and the long-run averages the anchor could have been."""
    data, rolling = found.data, found.rolling
    years = found.year(rolling)
    pd_ = rolling.pd()
    table = []
    for year in np.unique(data.year):
        inside = data.year == year
        names, defaults = int(inside.sum()), int(data.default[inside].sum())
        low, high = jeffreys_interval(names, defaults)
        scored = years == year
        table.append(
            {
                "year": int(year),
                "names": names,
                "defaults": defaults,
                "rate": defaults / names,
                "low": low,
                "high": high,
                "mean_pd": float(pd_[scored].mean()) if scored.any() else None,
                "used": bool(year >= FIT_FROM),
            }
        )
    used = [row for row in table if row["used"]]
    both = [row for row in used if row["mean_pd"] is not None]
    rates, means = (np.array([row[key] for row in both], dtype=np.float64) for key in ("rate", "mean_pd"))
    moving = len(both) > 2 and rates.std() > 0 and means.std() > 0
    return {
        "by_year": table,
        "anchor": float(data.default[data.year >= FIT_FROM].mean()),
        "mean_of_years": float(np.mean([row["rate"] for row in used])),
        "with_all_years": float(data.default.mean()),
        "first_year": FIT_FROM,
        "pd_to_rate_spread": float(means.std() / rates.std()) if moving else None,
        "pd_to_rate_correlation": float(np.corrcoef(means, rates)[0, 1]) if moving else None,
    }


def position(scale: MasterScale, pd_: ArrayLike) -> NDArray[np.int64]:
    """Place of each PD's grade on the scale, from 0 for the best."""
    ends = [grade.upper for grade in scale.grades[:-1]]
    found: NDArray[np.int64] = np.searchsorted(ends, np.asarray(pd_, dtype=np.float64), side="right")
    return found


def migration(found: Study, scale: MasterScale) -> dict[str, Any]:
    """Where the companies of each grade stand a year later: a grade, default, or gone from the data."""
    rows = found.rolling.rows
    place = position(scale, found.rolling.pd())
    keys = zip(found.data.company[rows].tolist(), found.data.year[rows].tolist(), strict=True)
    at = dict(zip(keys, place.tolist(), strict=True))
    last = int(found.data.year[rows].max())
    size = len(scale.grades)
    counts = np.zeros((size, size + 2), dtype=np.int64)
    for row, grade, default in zip(rows.tolist(), place.tolist(), found.rolling.target.tolist(), strict=True):
        year = int(found.data.year[row])
        if default:
            counts[grade, size] += 1
        elif year < last:
            following = at.get((str(found.data.company[row]), year + 1))
            counts[grade, size + 1 if following is None else following] += 1
    inside = counts[:, :size]
    steps = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    total = inside.sum()
    return {
        "grades": [grade.grade for grade in scale.grades],
        "counts": counts.tolist(),
        "same": float(inside[steps == 0].sum() / total) if total else None,
        "within_one": float(inside[steps <= 1].sum() / total) if total else None,
    }

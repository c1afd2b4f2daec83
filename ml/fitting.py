"""Fitting by the protocol: members on the years before, calibration on the years after, refit on all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ml.calibration import Blend, Cells, cells, fit_blend, fit_sigma
from ml.dataset import FirmYears
from ml.estimators import BoundedLogistic, MonotoneTrees
from ml.features import STATE_WORST, Array
from ml.model import Affine, Development, ShapeModel
from ml.sampling import Presented, present
from ml.shapes import MEMBERS, Shape

GAPPED_WEIGHT = 0.4
"""Weight in training of the copy with gaps, beside 1 for the complete one."""
FIRST_ORIGIN = 2005
ANCHOR_FROM = 2003
"""Defaults before 2003 are under-recorded: no rate is taken from these years."""
SEED = 20240501
_SURVIVORS = 3.0


@dataclass(frozen=True)
class Members:
    """The three fitted members of one shape."""

    forest: MonotoneTrees
    boosting: MonotoneTrees
    logistic: BoundedLogistic
    offset: float
    """Log-odds of the training rows' default rate.

    The share of recorded defaults differs between training windows (it is far too low before 2003), and would
    move every score of an origin up or down: members count from it. The forest is fitted with balanced
    classes and does not depend on it.
    """

    def log_odds(self, X: Array) -> dict[str, Array]:
        """Uncalibrated log-odds of each member, against the default rate it was trained with."""
        return {
            "random_forest": self.forest.decision_function(X),
            "gradient_boosting": self.boosting.decision_function(X) - self.offset,
            "logistic": self.logistic.decision_function(X) - self.offset,
        }

    def absolute(self, calibration: Mapping[str, Affine]) -> dict[str, Affine]:
        """The calibrations for the members' own log-odds, the offset moved into the intercept."""
        moved = {m: 0.0 if m == "random_forest" else self.offset for m in MEMBERS}
        return {
            m: Affine(calibration[m].slope, calibration[m].intercept - calibration[m].slope * moved[m])
            for m in MEMBERS
        }


@dataclass
class OutOfTime:
    """Pooled log-odds of the members, each year predicted from the years before it."""

    rows: NDArray[np.intp]
    raw: dict[str, Array]


@dataclass
class Workshop:
    """One shape's data and the fits made on it; fits are kept, since origins are shared between purposes."""

    shape: Shape
    data: FirmYears
    nthread: int = 1
    presented: Presented = field(init=False)
    _fits: dict[int, Members] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.presented = present(self.shape, self.data, SEED)

    def fit_before(self, year: int) -> Members:
        """Members fitted on the fiscal years before `year`."""
        if year not in self._fits:
            self._fits[year] = self.fit(np.flatnonzero(self.data.year < year))
        return self._fits[year]

    def fit(self, rows: NDArray[np.intp]) -> Members:
        """Members fitted on the given firm-years, complete and with gaps."""
        X = np.vstack([self.presented.complete[rows], self.presented.gapped[rows]])
        y = np.tile(self.data.default[rows], 2)
        weight = np.repeat([1.0, GAPPED_WEIGHT], len(rows))
        offset = float(logit(self.data.default[rows].mean()))
        kept, thinned = _thin(y, weight)
        shared = {"directions": self.shape.directions, "nthread": self.nthread, "random_state": SEED % 2**31}
        return Members(
            MonotoneTrees(kind="forest", **shared, **self.shape.forest).fit(X, y, weight),
            MonotoneTrees(kind="boosting", **shared, **self.shape.boosting).fit(X, y, weight),
            BoundedLogistic(directions=self.shape.directions, **self.shape.logistic).fit(
                X[kept], y[kept], thinned
            ),
            offset,
        )

    def out_of_time(self, first: int, last: int) -> OutOfTime:
        """Rolling origins: each year from `first` to `last` predicted from the years before it."""
        rows, parts = [], []
        for year in range(first, last + 1):
            chosen = np.flatnonzero(self.data.year == year)
            rows.append(chosen)
            parts.append(self.fit_before(year).log_odds(self.presented.complete[chosen]))
        return OutOfTime(np.concatenate(rows), {m: np.concatenate([p[m] for p in parts]) for m in MEMBERS})

    def calibrate(self, last: int) -> tuple[Blend, OutOfTime]:
        """Blend calibrated on the rolling origins to `last`, anchored on the rate from 2003 to `last`."""
        pooled = self.out_of_time(FIRST_ORIGIN, last)
        years = (self.data.year >= ANCHOR_FROM) & (self.data.year <= last)
        anchor = float(self.data.default[years].mean())
        return fit_blend(pooled.raw, self.data.default[pooled.rows], anchor), pooled

    def band(self, blend: Blend, pooled: OutOfTime) -> tuple[float, Cells]:
        """The year-to-year standard deviation in log-odds, and the cells it was estimated on."""
        pd_ = 1.0 / (1.0 + np.exp(-blend.log_odds(pooled.raw)))
        table = cells(pd_, self.data.default[pooled.rows], self.data.year[pooled.rows])
        return fit_sigma(table), table

    def model(self, members: Members, blend: Blend, sigma: float, rows: NDArray[np.intp]) -> ShapeModel:
        """The finished model, with the development sample's description taken from `rows`."""
        X = self.presented.complete[rows]
        centre = members.logistic.contributions(X)[:, :-1].mean(axis=0)
        width = len(self.shape.features)
        model = ShapeModel(
            shape=self.shape,
            forest=members.forest.booster_,
            boosting=members.boosting.booster_,
            logistic=members.logistic,
            centre=centre,
            calibration=members.absolute(blend.calibration),
            weights=blend.weights,
            intercept=blend.intercept,
            sigma=sigma,
            development=_development(X, np.full(width, 1.0 / width)),
        )
        sample = np.random.default_rng(SEED).choice(len(X), size=min(3000, len(X)), replace=False)
        log_odds = model.blend(model.members(X[sample]))
        effect = np.abs(model.contributions(X[sample], log_odds)[:, :-1]).mean(axis=0)
        importance = effect / effect.sum()
        return ShapeModel(**{**vars(model), "development": _development(X, importance)})


def _thin(y: Array, weight: Array) -> tuple[NDArray[np.intp], Array]:
    """All defaults and every third survivor at three times its weight: the logistic member needs no more."""
    keep = y > 0
    keep |= np.random.default_rng(SEED).random(len(y)) < 1.0 / _SURVIVORS
    kept = np.flatnonzero(keep)
    return kept, np.where(y[kept] > 0, 1.0, _SURVIVORS) * weight[kept]


def _development(X: Array, importance: Array) -> Development:
    known = np.where(X == STATE_WORST, np.nan, X)
    low, median, high = np.nanquantile(known, (0.005, 0.5, 0.995), axis=0)
    return Development(median, low, high, importance)

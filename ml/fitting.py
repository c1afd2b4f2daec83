"""Fitting by the protocol: members on the years before, calibration on the years after, refit on all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ml.calibration import Blend, Cells, Raw, cells, fit_blend, fit_sigma
from ml.dataset import FirmYears
from ml.estimators import BoundedLogistic, MonotoneTrees
from ml.features import STATE_WORST, Array
from ml.model import Affine, Development, ShapeModel
from ml.sampling import Presented, present, single_gap
from ml.shapes import MEMBERS, SIZE, Shape

FIRST_ORIGIN = 2005
FIT_FROM = 2003
"""Defaults before 2003 are under-recorded: nothing is fitted, anchored or calibrated on those years.

They still serve as the prior years of later statements. (Fitted on, they teach that a company without a known
prior year is safe, since in 1999 all are, and cost discrimination.)"""
SEED = 20240501
_SURVIVORS = 3.0


@dataclass(frozen=True)
class Members:
    """The three fitted members of one shape."""

    forest: MonotoneTrees
    boosting: MonotoneTrees
    logistic: BoundedLogistic
    offset: float
    """Log-odds of the share of defaults in what the members were fitted on, echoes included.

    This share differs between training windows and would move every score of an origin up or down: members
    count from it. The forest is fitted with balanced classes and does not depend on it.
    """

    def log_odds(self, X: Array) -> Raw:
        """Uncalibrated log-odds of each member, against the default rate it was trained with."""
        members = {
            "random_forest": self.forest.decision_function(X),
            "gradient_boosting": self.boosting.decision_function(X) - self.offset,
            "logistic": self.logistic.decision_function(X) - self.offset,
        }
        return Raw(members, np.isnan(X))

    def absolute(self, calibration: Mapping[str, Affine]) -> dict[str, Affine]:
        """The calibrations for the members' own log-odds, the offset moved into the intercept."""
        moved = {m: 0.0 if m == "random_forest" else self.offset for m in MEMBERS}
        return {
            m: Affine(calibration[m].slope, calibration[m].intercept - calibration[m].slope * moved[m])
            for m in MEMBERS
        }


@dataclass(frozen=True)
class _Sample:
    """Rows to fit on: matrix, target and weight."""

    X: Array
    default: Array
    weight: Array


@dataclass
class OutOfTime:
    """Pooled log-odds of the members, each year predicted from the years before it."""

    rows: NDArray[np.intp]
    raw: Raw


@dataclass
class Workshop:
    """One shape's data and the fits made on it; fits are kept, since origins are shared between purposes."""

    shape: Shape
    data: FirmYears
    nthread: int = 1
    device: str = field(default="cpu", kw_only=True)
    presented: Presented = field(init=False)
    _fits: dict[int, Members] = field(default_factory=dict)
    _predicted: dict[tuple[str, int], Raw] = field(default_factory=dict)
    _matrices: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.presented = present(self.shape, self.data, SEED)

    def fit_before(self, year: int) -> Members:
        """Members fitted on the fiscal years from 2003 to the one before `year`."""
        if year not in self._fits:
            self._fits[year] = self.fit(
                np.flatnonzero((self.data.year >= FIT_FROM) & (self.data.year < year))
            )
        return self._fits[year]

    def fit(self, rows: NDArray[np.intp]) -> Members:
        """Members fitted on the given firm-years, complete and with gaps."""
        sample = self._sample(rows)
        X, y, weight = sample.X, sample.default, sample.weight
        shared: dict[str, Any] = {
            "directions": self.shape.directions,
            "nthread": self.nthread,
            "device": self.device,
            "random_state": SEED % 2**31,
        }
        return Members(
            MonotoneTrees(kind="forest", **shared, **self.shape.forest).fit(X, y, weight),
            MonotoneTrees(kind="boosting", **shared, **self.shape.boosting).fit(X, y, weight),
            BoundedLogistic(directions=self.shape.directions, **self.shape.logistic).fit(X, y, weight),
            float(logit(np.average(y, weights=weight))),
        )

    def _sample(self, rows: NDArray[np.intp]) -> _Sample:
        """What members are fitted on: each firm-year twice, survivors thinned, and echoes of defaults.

        All defaults stay and every third survivor at three times its weight: members need no more. An echo
        is a statement from the years before a bankruptcy that the last of `rows` already knows of.
        """
        data, last = self.data, int(self.data.year[rows].max())
        echoed, loud = [rows[:0]], [np.empty(0)]
        if data.years_to_default is not None:
            ahead, when = data.years_to_default[rows], data.year[rows]
            for years, weight in self.shape.echoes.items():
                echoed.append(rows[(ahead == years) & (when + years - 1 <= last)])
                loud.append(np.full(len(echoed[-1]), weight))
        every, echo = np.concatenate([rows, *echoed]), np.concatenate(loud)
        y = np.concatenate([data.default[rows], np.ones(len(echo))])
        keep = np.random.default_rng(SEED).random((2, len(y))) < 1.0 / _SURVIVORS
        keep |= y > 0
        once = np.concatenate([np.where(data.default[rows] > 0, 1.0, _SURVIVORS), echo])
        return _Sample(
            np.vstack([self.presented.complete[every[keep[0]]], self.presented.gapped[every[keep[1]]]]),
            np.concatenate([y[keep[0]], y[keep[1]]]),
            np.concatenate([once[keep[0]], self.shape.gapped_weight * once[keep[1]]]),
        )

    def out_of_time(self, first: int, last: int, gap: str = "") -> OutOfTime:
        """Rolling origins: each year from `first` to `last` predicted from the years before it.

        With `gap`, that input is missing throughout what is predicted.
        """
        years = range(first, last + 1)
        parts = [self._predict_year(year, gap) for year in years]
        members = {m: np.concatenate([part.members[m] for part in parts]) for m in MEMBERS}
        rows = np.concatenate([np.flatnonzero(self.data.year == year) for year in years])
        return OutOfTime(rows, Raw(members, np.concatenate([part.missing for part in parts])))

    def _predict_year(self, year: int, gap: str) -> Raw:
        if (gap, year) not in self._predicted:
            if gap and gap not in self._matrices:
                self._matrices[gap] = single_gap(self.shape, self.data, self.presented.complete, gap)
            matrix = self._matrices[gap] if gap else self.presented.complete
            chosen = np.flatnonzero(self.data.year == year)
            self._predicted[gap, year] = self.fit_before(year).log_odds(matrix[chosen])
        return self._predicted[gap, year]

    def calibrate(self, last: int) -> tuple[Blend, OutOfTime]:
        """Blend calibrated on the rolling origins to `last`, anchored on the rate from 2003 to `last`."""
        pooled = self.out_of_time(FIRST_ORIGIN, last)
        years = (self.data.year >= FIT_FROM) & (self.data.year <= last)
        anchor = float(self.data.default[years].mean())
        markers = {gap: self.shape.features.index(name) for gap, name in self.shape.gap_markers.items()}
        gaps = {gap: self.out_of_time(FIRST_ORIGIN, last, gap).raw for gap in markers}
        return fit_blend(pooled.raw, gaps, markers, self.data.default[pooled.rows], anchor), pooled

    def band(self, blend: Blend, pooled: OutOfTime) -> tuple[float, Cells]:
        """The year-to-year standard deviation in log-odds, and the cells it was estimated on."""
        pd_ = 1.0 / (1.0 + np.exp(-blend.log_odds(pooled.raw)))
        table = cells(pd_, self.data.default[pooled.rows], self.data.year[pooled.rows].astype(np.float64))
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
            gap_shift=blend.gap_shift,
            sigma=sigma,
            development=_development(self.shape, X, np.full(width, 1.0 / width)),
        )
        sample = np.random.default_rng(SEED).choice(len(X), size=min(3000, len(X)), replace=False)
        log_odds = model.log_odds(X[sample])
        effect = np.abs(model.contributions(X[sample], log_odds)[:, :-1]).mean(axis=0)
        importance = effect / effect.sum()
        return ShapeModel(**{**vars(model), "development": _development(self.shape, X, importance)})


def _development(shape: Shape, X: Array, importance: Array) -> Development:
    known = np.where(X == STATE_WORST, np.nan, X)
    low, median, high = np.nanquantile(known, (0.005, 0.5, 0.995), axis=0)
    whole = Development(median, low, high, importance)
    if SIZE not in shape.features:
        return whole
    assets = np.exp(X[:, shape.features.index(SIZE)])
    whole = replace(whole, size_bounds=np.quantile(assets, (0.25, 0.5, 0.75)))
    classes = whole.size_class(assets)
    return replace(
        whole, median_by_size=np.stack([np.nanmedian(known[classes == c], axis=0) for c in range(4)])
    )

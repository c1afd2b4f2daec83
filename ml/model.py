"""The fitted model of one input shape: members, calibration and blend, all additive in log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.drift import Reference
from ml.estimators import BoundedLogistic
from ml.features import Array
from ml.few import fast_margin
from ml.shapes import MEMBERS, Shape
from ml.term import TermStructure


@dataclass(frozen=True)
class Affine:
    """A map z -> slope * z + intercept in log-odds."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Development:
    """What the development sample looked like, feature by feature: for confidence, reasons and drivers."""

    median: Array
    low: Array
    high: Array
    importance: Array
    """Share of each feature in the mean absolute contribution; sums to 1."""
    size_bounds: Array | None = None
    """Quartiles of total assets (USD millions), which part the sample into four size classes; None for shapes
    that do not know the size."""
    median_by_size: Array | None = None
    """Median of each feature in each size class, shape (4, p)."""

    def size_class(self, assets: Array) -> NDArray[np.int64]:
        """Size class of total assets in USD millions, 0 to 3; -1 where it is not known."""
        if self.size_bounds is None:
            return np.full(len(assets), -1)
        found: NDArray[np.int64] = np.searchsorted(self.size_bounds, assets, side="right")
        return np.where(np.isnan(assets), -1, found)


@dataclass(frozen=True)
class ShapeModel:
    """One shape's ensemble, ready to score.

    `calibration` turns each member's own log-odds into calibrated ones; `weights` and `intercept` blend these
    into the ensemble's; `sigma` is the standard deviation of the default rate's log-odds around the PD that
    remained from year to year and bin to bin out of time (it carries the interval).
    """

    shape: Shape
    forest: xgb.Booster
    boosting: xgb.Booster
    logistic: BoundedLogistic
    centre: Array
    calibration: Mapping[str, Affine]
    weights: Mapping[str, float]
    intercept: float
    gap_shift: Array
    sigma: float
    development: Development
    term: TermStructure | None = None
    """PDs beyond one year; None in a folder that was written without them."""
    reference: Reference | None = None
    """The development sample that drift is measured against."""

    def members(self, X: Array) -> dict[str, Array]:
        """Calibrated log-odds of each member, shape (n,) each."""
        raw = {
            "random_forest": fast_margin(self.forest, X),
            "gradient_boosting": fast_margin(self.boosting, X),
            "logistic": self.logistic.score_matrix(X),
        }
        shift = self._shift(X)
        return {
            name: self.calibration[name].slope * raw[name] + self.calibration[name].intercept + shift
            for name in MEMBERS
        }

    def blend(self, X: Array, members: Mapping[str, Array]) -> Array:
        """The ensemble's log-odds from the members' calibrated ones, shape (n,)."""
        shift = self._shift(X)
        total = self.intercept + shift
        for name in MEMBERS:
            total = total + self.weights[name] * (members[name] - shift)
        return total

    def log_odds(self, X: Array) -> Array:
        """The ensemble's log-odds, shape (n,)."""
        return self.blend(X, self.members(X))

    def _shift(self, X: Array) -> Array:
        shift: Array = np.isnan(X).astype(np.float64) @ self.gap_shift
        return shift

    def contributions(self, X: Array, log_odds: Array) -> Array:
        """Contributions of the features to `log_odds`, shape (n, p + 1); the last column is the base value.

        Exact Shapley values of the trees (Lundberg et al. 2020, as XGBoost computes them) and of the additive
        logistic member, blended as the score is. XGBoost's are float32 and miss the margin by about 1e-5;
        that remainder is spread over the features in proportion to their size, so that every row adds up to
        the float64 score.
        """
        data = xgb.DMatrix(X, missing=np.nan, nthread=1)
        parts = {
            "random_forest": np.asarray(self.forest.predict(data, pred_contribs=True), dtype=np.float64),
            "gradient_boosting": np.asarray(
                self.boosting.predict(data, pred_contribs=True), dtype=np.float64
            ),
            "logistic": self.logistic.contributions(X, self.centre),
        }
        total = np.zeros((len(X), X.shape[1] + 1))
        total[:, :-1] = np.isnan(X) * self.gap_shift
        total[:, -1] = self.intercept
        for name in MEMBERS:
            total += self.weights[name] * self.calibration[name].slope * parts[name]
            total[:, -1] += self.weights[name] * self.calibration[name].intercept
        size = np.abs(total[:, :-1]) + 1e-12
        gap = log_odds - total.sum(axis=1)
        total[:, :-1] += gap[:, None] * size / size.sum(axis=1, keepdims=True)
        return total

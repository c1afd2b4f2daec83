"""The blend of the members in log-odds, and with a single column the affine calibration of one member."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit

from ml.estimators.base import LogOddsClassifier
from ml.features.arithmetic import Array


class LogOddsBlend(LogOddsClassifier):
    """An affine map of log-odds with positive slopes: it recalibrates, blends, and reorders no column.

    Parameters
    ----------
    penalty : float
        Pull of the slopes towards equal weights that sum to one, relative to the weight of the rarer class.
    least_slope : float
        Lower bound of each slope; above zero, so that the map stays strictly monotone in every column.

    Attributes
    ----------
    coef_, intercept_ : array of shape (k,), float
        Slopes and intercept in log-odds.
    """

    _allows_missing = False

    def __init__(self, *, penalty: float = 0.05, least_slope: float = 0.01) -> None:
        self.penalty = penalty
        self.least_slope = least_slope

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Slopes are positive by design: a column that falls with the target cannot be learnt from.
        tags.classifier_tags.poor_score = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on log-odds of shape (n, k) and a target of two classes."""
        matrix, target, weight = self._checked_sample(X, y, sample_weight)
        width = matrix.shape[1]
        prior = np.full(width, 1.0 / width)
        events = max(float((weight * target).sum()), 1e-12)
        rarer = min(events, max(float(weight.sum()) - events, 1e-12))
        ridge = self.penalty * rarer

        def loss(theta: Array) -> tuple[float, Array]:
            score = matrix @ theta[:-1] + theta[-1]
            gap = weight * (expit(score) - target)
            pull = theta[:-1] - prior
            value = float(weight @ (np.logaddexp(0.0, score) - target * score) + 0.5 * ridge * pull @ pull)
            return value / rarer, np.append(gap @ matrix + ridge * pull, gap.sum()) / rarer

        bounds = [(self.least_slope, None)] * width + [(None, None)]
        options = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-9}
        found = minimize(
            loss, np.append(prior, 0.0), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        self.coef_ = found.x[:-1]
        self.intercept_ = float(found.x[-1])
        self.n_iter_ = int(found.nit)
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Blended log-odds of the second class, shape (n,)."""
        matrix = self._checked(X)
        score: Array = matrix @ self.coef_ + self.intercept_
        return score

"""A logistic regression whose effect of each variable is monotone where economics says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from ml.estimators.base import LogOddsClassifier
from ml.features.arithmetic import STATE_WORST, Array

_KNOT_SHARES = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)


class BoundedLogistic(LogOddsClassifier):
    """Logistic regression on winsorised piecewise-linear terms, sign-bounded, with flags for missing values.

    Each variable enters through ramps between its quantiles (values beyond the outer ones are winsorised), so
    the effect bends but, with a direction of +1 or -1, never turns. A missing value has a coefficient of its
    own, and so has the state "denominator not positive". Fitted by penalised maximum likelihood (L-BFGS-B).

    Parameters
    ----------
    directions : sequence of {-1, 0, 1}, optional
        Direction in which risk moves with each variable; none means unconstrained.
    penalty : float
        Ridge penalty per term, relative to the sum of the weights of the rarer class.
    max_iter : int
        Bound on the optimiser's iterations.

    Attributes
    ----------
    knots_ : list of arrays
        Distinct quantiles of each variable, at which its effect may bend.
    coef_, intercept_ : array, float
        Weights of the terms (ramps, then flags for missing, then flags for the worst state), log-odds.
    """

    def __init__(
        self, *, directions: Sequence[int] | None = None, penalty: float = 0.02, max_iter: int = 400
    ) -> None:
        self.directions = directions
        self.penalty = penalty
        self.max_iter = max_iter

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on a matrix of shape (n, p), NaN where missing, and a target of two classes.

        Raises
        ------
        ValueError
            If the target has not exactly two classes, or the directions do not match the columns.
        """
        matrix, target, weight = self._checked_sample(X, y, sample_weight)
        directions = self._directions(matrix.shape[1])
        used = weight > 0
        self.knots_ = [_knots(matrix[used, j], weight[used]) for j in range(matrix.shape[1])]
        terms = self._terms(matrix)
        lower, upper = self._bounds(matrix[used], directions)
        self.coef_, self.intercept_, self.n_iter_ = self._solve(terms, target, weight, lower, upper)
        return self

    def _directions(self, width: int) -> NDArray[np.int64]:
        if self.directions is None:
            return np.zeros(width, dtype=np.int64)
        given = np.asarray(self.directions, dtype=np.int64)
        if given.shape != (width,) or not np.isin(given, (-1, 0, 1)).all():
            raise ValueError(f"directions must be {width} values out of -1, 0 and 1")
        return given

    def _bounds(self, X: Array, directions: NDArray[np.int64]) -> tuple[Array, Array]:
        lower, upper = [], []
        for knots, sign in zip(self.knots_, directions, strict=True):
            steps = max(len(knots) - 1, 0)
            lower += [0.0 if sign > 0 else -np.inf] * steps
            upper += [0.0 if sign < 0 else np.inf] * steps
        missing = np.isnan(X)
        known = [bool(column.any() and not column.all()) for column in missing.T]
        worst = [bool((column == STATE_WORST).any()) for column in X.T]
        lower += [-np.inf if seen else 0.0 for seen in known]
        upper += [np.inf if seen else 0.0 for seen in known]
        lower += [0.0] * len(worst)
        upper += [np.inf if seen else 0.0 for seen in worst]
        return np.array(lower), np.array(upper)

    def _terms(self, X: Array) -> Array:
        blocks = []
        for j, knots in enumerate(self.knots_):
            if len(knots) > 1:
                # At the first knot every ramp is zero: a missing value acts through its flag alone.
                column = np.where(np.isnan(X[:, j]), knots[0], X[:, j])[:, None]
                blocks.append(np.clip((column - knots[:-1]) / np.diff(knots), 0.0, 1.0))
        flags = (np.isnan(X), X == STATE_WORST)
        return np.hstack([*blocks, *(flag.astype(np.float64) for flag in flags)])

    def _solve(
        self, terms: Array, target: Array, weight: Array, lower: Array, upper: Array
    ) -> tuple[Array, float, int]:
        events = max(float((weight * target).sum()), 1e-12)
        rarer = min(events, max(float(weight.sum()) - events, 1e-12))
        ridge = self.penalty * rarer
        centre = (weight @ terms) / weight.sum()
        start = np.zeros(terms.shape[1] + 1)
        start[-1] = np.log(events / max(float(weight.sum()) - events, 1e-12))

        def loss(theta: Array) -> tuple[float, Array]:
            beta = theta[:-1]
            score = terms @ beta + (theta[-1] - centre @ beta)
            gap = weight * (expit(score) - target)
            value = float(weight @ (np.logaddexp(0.0, score) - target * score) + 0.5 * ridge * beta @ beta)
            total = float(gap.sum())
            slope = np.append(gap @ terms - total * centre + ridge * beta, total)
            return value / rarer, slope / rarer

        bounds = [*zip(lower, upper, strict=True), (None, None)]
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": self.max_iter}
        )
        beta = found.x[:-1]
        return beta, float(found.x[-1] - centre @ beta), int(found.nit)

    def decision_function(self, X: ArrayLike) -> Array:
        """Log-odds of the second class, shape (n,)."""
        return self.score_matrix(self._checked(X))

    def score_matrix(self, X: Array) -> Array:
        """The same for a float matrix that is known to fit, without looking it over again."""
        score: Array = self._effects(X).sum(axis=1) + self.intercept_
        return score

    def _effects(self, X: Array) -> Array:
        """What each variable adds in log-odds, shape (n, p): its ramps are a broken line over the knots."""
        width, start = X.shape[1], 0
        steps = [max(len(knots) - 1, 0) for knots in self.knots_]
        height = np.append(0.0, np.cumsum(self.coef_[: sum(steps)]))
        of_missing, of_worst = self.coef_[sum(steps) :].reshape(2, width)
        effects, below = np.zeros(X.shape), np.zeros(width)
        for j, (knots, step) in enumerate(zip(self.knots_, steps, strict=True)):
            if step:
                effects[:, j] = np.interp(X[:, j], knots, height[start : start + step + 1])
                below[j] = height[start]
                start += step
        effects -= below
        missing, worst = np.isnan(X), X == STATE_WORST
        if missing.any():
            # Every ramp of a missing value is zero: it acts through its flag alone.
            effects = np.where(missing, of_missing, effects)
        return effects + of_worst * worst if worst.any() else effects

    def contributions(self, X: ArrayLike, centre: ArrayLike | None = None) -> Array:
        """Additive contributions in log-odds, shape (n, p + 1); the last column is the base value.

        The effect of a variable is counted from its mean effect `centre` (shape (p,)), or from zero.
        """
        effects = self._effects(self._checked(X))
        width = effects.shape[1]
        middle = np.zeros(width) if centre is None else np.asarray(centre, dtype=np.float64)
        base = np.full((len(effects), 1), self.intercept_ + middle.sum())
        return np.hstack([effects - middle, base])


def _knots(column: Array, weight: Array) -> Array:
    known = ~np.isnan(column) & (column != STATE_WORST)
    if not known.any():
        return np.empty(0)
    # The inverted distribution function makes a weight of two the same as the row twice.
    found = np.quantile(column[known], _KNOT_SHARES, weights=weight[known], method="inverted_cdf")
    knots = np.unique(found)
    wide = np.append(True, np.diff(knots) > 1e-9 * max(1.0, float(np.abs(knots).max())))
    kept: Array = knots[wide]
    return kept

"""Monotone tree ensembles on XGBoost: gradient boosting and a random forest behind one estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import xgboost as xgb
from numpy.typing import ArrayLike

from ml.device import usable
from ml.estimators.base import LogOddsClassifier
from ml.features.arithmetic import Array


class MonotoneTrees(LogOddsClassifier):
    """Trees that never let risk fall in a variable's direction of risk; missing values are native.

    Parameters
    ----------
    kind : {"boosting", "forest"}
        "boosting" adds shallow trees one after another; "forest" averages deep trees on random subsamples
        (an XGBoost forest, fitted with balanced classes so that its mean is close to additive in log-odds).
    directions : sequence of {-1, 0, 1}, optional
        Direction in which risk moves with each variable; none means unconstrained.
    n_trees, max_depth, learning_rate, subsample, colsample, min_child_weight, reg_lambda, gamma
        As in XGBoost. `colsample` is drawn at each node; a forest's learning rate is 1.
    nthread : int
        Threads used to fit and to predict.
    device : {"cpu", "cuda"}
        Where trees are grown; without a usable GPU a warning says so and the processor does it.
    random_state : int
        Seed.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The fitted trees; their margin is in log-odds.
    """

    def __init__(
        self,
        *,
        kind: Literal["boosting", "forest"] = "boosting",
        directions: Sequence[int] | None = None,
        n_trees: int = 100,
        max_depth: int = 3,
        learning_rate: float = 0.1,
        subsample: float = 0.7,
        colsample: float = 0.5,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        gamma: float = 0.0,
        nthread: int = 1,
        device: Literal["cpu", "cuda"] = "cpu",
        random_state: int = 0,
    ) -> None:
        self.kind = kind
        self.directions = directions
        self.n_trees = n_trees
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.gamma = gamma
        self.nthread = nthread
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit on a matrix of shape (n, p), NaN where missing, and a target of two classes.

        Raises
        ------
        ValueError
            If the target has not exactly two classes, or `kind` is unknown.
        """
        if self.kind not in ("boosting", "forest"):
            raise ValueError(f"kind must be 'boosting' or 'forest', not {self.kind!r}")
        matrix, target, weight = self._checked_sample(X, y, sample_weight)
        share = float((weight * target).sum() / weight.sum())
        if self.kind == "forest":
            weight = np.where(target > 0, 0.5 / max(share, 1e-12), 0.5 / max(1.0 - share, 1e-12)) * weight
            share = 0.5
        data = xgb.DMatrix(matrix, label=target, weight=weight, missing=np.nan, nthread=self.nthread)
        parameters, rounds = self._parameters(share, matrix.shape[1])
        self.booster_ = xgb.train(parameters, data, num_boost_round=rounds)
        return self

    def _parameters(self, share: float, width: int) -> tuple[dict[str, Any], int]:
        parameters: dict[str, Any] = {
            "objective": "binary:logistic",
            "base_score": min(max(share, 1e-6), 1.0 - 1e-6),
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "subsample": self.subsample,
            "min_child_weight": self.min_child_weight,
            "reg_lambda": self.reg_lambda,
            "gamma": self.gamma,
            "colsample_bynode": self.colsample,
            "nthread": self.nthread,
            "seed": self.random_state,
            "verbosity": 0,
        }
        if (device := usable(self.device)) != "cpu":
            parameters["device"] = device
        if self.directions is not None:
            if len(self.directions) != width:
                raise ValueError(f"directions must have {width} values")
            parameters["monotone_constraints"] = tuple(int(d) for d in self.directions)
        if self.kind == "forest":
            return parameters | {"learning_rate": 1.0, "num_parallel_tree": self.n_trees}, 1
        return parameters | {"learning_rate": self.learning_rate}, self.n_trees

    def decision_function(self, X: ArrayLike) -> Array:
        """Log-odds of the second class, shape (n,)."""
        matrix = self._checked(X)
        return margin(self.booster_, matrix)


def margin(booster: xgb.Booster, X: Array) -> Array:
    """Log-odds of a booster in float64, shape (n,)."""
    found = booster.inplace_predict(np.ascontiguousarray(X, dtype=np.float32), predict_type="margin")
    return np.asarray(found, dtype=np.float64)

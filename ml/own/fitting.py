"""Fitting a model of one's own by the protocol of the shipped one, and the report of how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from ml.calibration import cells, fit_sigma
from ml.estimators import BoundedLogistic, LogOddsBlend, MonotoneTrees
from ml.features.arithmetic import Array
from ml.model import Affine
from ml.own.folds import Folds, Rows, plan
from ml.own.model import OwnModel
from ml.own.report import report_of
from ml.own.sample import Sample
from ml.shapes import MEMBERS

SEED = 20240501
_MOST_TREES = 150
_LEAST_NAMES = 100
"""Names of a cell of fold and PD bin, from which the band is estimated."""


@dataclass(frozen=True)
class _Members:
    forest: MonotoneTrees
    boosting: MonotoneTrees
    logistic: BoundedLogistic
    offset: float

    def log_odds(self, X: Array) -> dict[str, Array]:
        """Log-odds of each member against the default rate it was trained with."""
        return {
            "random_forest": self.forest.decision_function(X),
            "gradient_boosting": self.boosting.decision_function(X) - self.offset,
            "logistic": self.logistic.decision_function(X) - self.offset,
        }


def develop(sample: Sample, *, random_state: int = SEED, nthread: int = 1) -> tuple[OwnModel, dict[str, Any]]:
    """The fitted model and its validation report (ready for JSON).

    Each member is fitted on every fold's training rows; the pooled predictions calibrate the members and
    their blend; the shipped model is a refit on all rows with that calibration.
    """
    folds = plan(sample, random_state)
    raw, rows, fold = _pooled(sample, folds, random_state, nthread)
    target = sample.y[rows]
    calibration = {m: _affine(raw[m], target) for m in MEMBERS}
    z = {m: calibration[m].slope * raw[m] + calibration[m].intercept for m in MEMBERS}
    blend = LogOddsBlend(penalty=0.5).fit(np.column_stack([z[m] for m in MEMBERS]), target)
    weights = {m: float(w) for m, w in zip(MEMBERS, blend.coef_, strict=True)}
    log_odds = blend.intercept_ + sum(weights[m] * z[m] for m in MEMBERS)
    sigma = fit_sigma(cells(expit(log_odds), target, fold, least=_LEAST_NAMES))

    final = _fit(sample, np.arange(len(sample.y)), random_state, nthread)
    model = OwnModel(
        names=sample.names,
        forest=final.forest.booster_,
        boosting=final.boosting.booster_,
        logistic=final.logistic,
        centre=final.logistic.contributions(sample.X)[:, :-1].mean(axis=0),
        calibration=_absolute(calibration, final.offset),
        weights=weights,
        intercept=float(blend.intercept_),
        sigma=sigma,
    )
    scores = {"ensemble": expit(log_odds), **{m: expit(z[m]) for m in MEMBERS}}
    return model, report_of(sample, folds, model, scores, rows, fold, random_state)


def _pooled(
    sample: Sample, folds: Folds, random_state: int, nthread: int
) -> tuple[dict[str, Array], Rows, Array]:
    """Members' log-odds of every row that was predicted without having been learnt from, and its fold."""
    parts = []
    for train, test in folds.pairs:
        parts.append(_fit(sample, train, random_state, nthread).log_odds(sample.X[test]))
    rows = np.concatenate([test for _, test in folds.pairs])
    fold = np.concatenate([np.full(len(test), float(i)) for i, (_, test) in enumerate(folds.pairs)])
    return {m: np.concatenate([part[m] for part in parts]) for m in MEMBERS}, rows, fold


def _fit(sample: Sample, rows: Rows, random_state: int, nthread: int) -> _Members:
    """Members with settings that grow with the number of defaults: few bear only shallow trees."""
    X, y = sample.X[rows], sample.y[rows]
    rarer = float(min(y.sum(), len(y) - y.sum()))
    deep = 2 if rarer < 60 else 3 if rarer < 400 else 4
    shared: dict[str, Any] = {"nthread": nthread, "random_state": random_state % 2**31}
    leaf = max(5.0, 0.02 * rarer)
    forest = MonotoneTrees(
        kind="forest", n_trees=_MOST_TREES, max_depth=deep + 2, subsample=0.5, colsample=0.4,
        min_child_weight=leaf, **shared,
    )  # fmt: skip
    boosting = MonotoneTrees(
        kind="boosting", n_trees=_MOST_TREES, max_depth=deep, learning_rate=0.05, subsample=0.6,
        colsample=0.5, min_child_weight=2.0, reg_lambda=5.0, **shared,
    )  # fmt: skip
    logistic = BoundedLogistic(penalty=0.05)
    return _Members(forest.fit(X, y), boosting.fit(X, y), logistic.fit(X, y), float(logit(y.mean())))


def _affine(raw: Array, target: Array) -> Affine:
    fitted = LogOddsBlend(penalty=0.0).fit(raw[:, None], target)
    return Affine(float(fitted.coef_[0]), float(fitted.intercept_))


def _absolute(calibration: Mapping[str, Affine], offset: float) -> dict[str, Affine]:
    """The calibrations for the members' own log-odds, the final fit's offset moved into the intercept."""
    moved = {m: 0.0 if m == "random_forest" else offset for m in MEMBERS}
    return {
        m: Affine(calibration[m].slope, calibration[m].intercept - calibration[m].slope * moved[m])
        for m in MEMBERS
    }

"""The estimators keep scikit-learn's contract and the bounds that economics sets."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from ml.estimators import BoundedLogistic, LogOddsBlend, MonotoneTrees
from ml.features import STATE_WORST


@parametrize_with_checks(
    [
        BoundedLogistic(max_iter=50),
        MonotoneTrees(n_trees=20, min_child_weight=0.1),
        MonotoneTrees(kind="forest", n_trees=20, min_child_weight=0.1, subsample=0.8, colsample=1.0),
        LogOddsBlend(),
    ],
    expected_failed_checks=lambda estimator: (
        {"check_sample_weight_equivalence_on_dense_data": "rows are drawn at random for each tree"}
        if isinstance(estimator, MonotoneTrees)
        else {}
    ),
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(4000, 4))
    z = -2 + X[:, 0] - 0.8 * X[:, 1] + np.sin(2 * X[:, 2])
    y = (rng.random(4000) < 1 / (1 + np.exp(-z))).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, y


DIRECTIONS = (1, -1, 0, -1)


@pytest.mark.parametrize(
    "estimator",
    [
        BoundedLogistic(directions=DIRECTIONS),
        MonotoneTrees(directions=DIRECTIONS, n_trees=60),
        MonotoneTrees(kind="forest", directions=DIRECTIONS, n_trees=60, max_depth=6),
    ],
    ids=["logistic", "boosting", "forest"],
)
def test_bound_features_never_turn(estimator, sample):
    X, y = sample
    fitted = estimator.fit(X, y)
    grid = np.linspace(-4, 4, 41)
    for column, sign in enumerate(DIRECTIONS):
        if sign:
            for row in X[:25]:
                swept = np.tile(row, (len(grid), 1))
                swept[:, column] = grid
                assert (sign * np.diff(fitted.decision_function(swept)) >= -1e-6).all()


def test_logistic_contributions_add_up(sample):
    X, y = sample
    fitted = BoundedLogistic(directions=DIRECTIONS).fit(X, y)
    centre = fitted.contributions(X)[:, :-1].mean(axis=0)
    total = fitted.contributions(X, centre).sum(axis=1)
    np.testing.assert_allclose(total, fitted.decision_function(X), atol=1e-12)


def test_worst_state_is_never_better_than_any_value(sample):
    X, y = sample
    X = X.copy()
    X[:300, 0] = STATE_WORST
    for estimator in (
        BoundedLogistic(directions=DIRECTIONS),
        MonotoneTrees(directions=DIRECTIONS, n_trees=60),
    ):
        fitted = estimator.fit(X, y)
        probe = np.tile(X[400], (5, 1))
        probe[:, 0] = (-3.0, 0.0, 3.0, 50.0, STATE_WORST)
        scores = fitted.decision_function(probe)
        assert scores[-1] >= scores[:-1].max() - 1e-9


def test_blend_recovers_an_affine_map_and_keeps_slopes_positive():
    rng = np.random.default_rng(0)
    z = rng.normal(-3, 1.5, size=60_000)
    y = (rng.random(z.size) < 1 / (1 + np.exp(-(0.7 * z + 0.4)))).astype(float)
    fitted = LogOddsBlend(penalty=0.0).fit(z[:, None], y)
    assert fitted.coef_[0] == pytest.approx(0.7, abs=0.03)
    assert fitted.intercept_ == pytest.approx(0.4, abs=0.08)
    reversed_ = LogOddsBlend(penalty=0.0).fit(-z[:, None], y)
    assert reversed_.coef_[0] == pytest.approx(0.01)


@pytest.mark.parametrize("wrong", [(1, 0), (2, 0, 0, 0)])
def test_directions_must_fit_the_columns(wrong, sample):
    with pytest.raises(ValueError, match="directions"):
        BoundedLogistic(directions=wrong).fit(*sample)


def test_unknown_kind_of_trees_is_refused(sample):
    with pytest.raises(ValueError, match="kind"):
        MonotoneTrees(kind="bush").fit(*sample)

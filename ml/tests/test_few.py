"""A handful of rows through the trees: the same bits as XGBoost."""

from __future__ import annotations

import numpy as np
import pytest

from ml.estimators import MonotoneTrees, margin
from ml.features import STATE_WORST
from ml.few import MOST_ROWS, fast_margin, flat_trees
from ml.sampling import statement_matrix
from ml.shapes import SHAPES


@pytest.fixture(scope="module")
def rows(synthetic):
    X = statement_matrix(SHAPES["statement_market"], synthetic)[:300].copy()
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.15] = np.nan
    X[rng.random(X.shape) < 0.01] = STATE_WORST
    return X


def test_margins_are_xgboosts_to_the_last_bit(engine, rows):
    model = engine.models["statement_market"]
    for booster in (model.forest, model.boosting):
        assert (flat_trees(booster).margin(rows) == margin(booster, rows)).all()


def test_one_row_equals_the_row_among_many(engine, rows):
    model = engine.models["statement_market"]
    many = model.log_odds(rows)
    for row in range(0, 300, 37):
        assert model.log_odds(rows[[row]])[0] == pytest.approx(many[row], abs=1e-12)


@pytest.mark.parametrize("kind", ["boosting", "forest"])
@pytest.mark.parametrize("size", [1, MOST_ROWS, MOST_ROWS + 1])
def test_any_fitted_trees_will_do(kind, size):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 5))
    y = (X[:, 0] + rng.normal(size=500) > 1).astype(float)
    booster = MonotoneTrees(kind=kind, n_trees=15, max_depth=4).fit(X, y).booster_
    assert (fast_margin(booster, X[:size]) == margin(booster, X[:size])).all()


def test_a_tree_that_is_a_single_leaf():
    X, y = np.zeros((40, 2)), np.r_[np.zeros(20), np.ones(20)]
    booster = MonotoneTrees(n_trees=3).fit(X, y).booster_
    assert (fast_margin(booster, X[:2]) == margin(booster, X[:2])).all()

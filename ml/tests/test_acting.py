"""Acting on the top reason moves the score the right way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.explain import PRIOR_YEARS, drivers, needs_history
from ml.sampling import history_frame, ratio_frame, ratio_matrix, statement_matrix
from ml.shapes import SHAPES

SHARE = 0.99


@pytest.fixture(params=list(SHAPES))
def case(request, engine, synthetic):
    """A model, rows of its shape, their contributions, and the way to less risk of each feature."""
    model = engine.models[request.param]
    if model.shape.is_statement:
        X = statement_matrix(model.shape, synthetic)
    else:
        X = ratio_matrix(model.shape, ratio_frame(model.shape, synthetic, np.random.default_rng(2)))
    effects = model.contributions(X, model.log_odds(X))[:, :-1]
    return model, X, effects, np.array(model.shape.directions)


def test_improving_the_top_reason_lowers_the_pd(case):
    """The strongest reason that raises the PD, and whose good direction is known, moved to its good end."""
    model, X, effects, directions = case
    usable = np.where(np.isnan(X) | (directions == 0), 0.0, effects)
    rows, top = np.flatnonzero(usable.max(axis=1) > 0), usable.argmax(axis=1)
    seen = model.development
    better = X.copy()
    for row in rows:
        column = top[row]
        good = min(seen.low[column], X[row, column]) if directions[column] > 0 else max(
            seen.high[column], X[row, column]
        )  # fmt: skip
        better[row, column] = good
    moved = (model.log_odds(better) - model.log_odds(X))[rows]
    assert len(rows) > 500
    assert (moved < 0).mean() >= SHARE
    assert (moved <= 1e-9).all()


# --- What is not known


def test_what_earlier_years_tell_is_known_by_the_table():
    assert needs_history("statement").any()
    assert not needs_history("annual_ratios").any()
    names = np.array(SHAPES["statement_market"].features)[needs_history("statement_market")]
    assert {"asset_growth", "market_value_growth"} <= set(names)
    assert "return_on_assets" not in names


def test_unknown_earlier_years_are_one_reason_and_seldom_the_first(engine, statements):
    scores = engine.score(statements, kind="annual", drivers=1000)
    named = [[d["feature"] for d in row] for row in scores.drivers]
    assert all(row.count(PRIOR_YEARS) == 1 for row in named)
    hidden = set(np.array(SHAPES["statement_market"].features)[needs_history("statement_market")])
    assert not any(hidden & set(row) for row in named)
    for row, first in zip(scores.drivers, (row[0] for row in named), strict=True):
        if first == PRIOR_YEARS:
            sizes = [abs(d["contribution"]) for d in row]
            assert sizes[0] > 0.5 * sum(sizes)


def test_unknown_earlier_years_lead_where_they_dominate(engine):
    model = engine.models["statement"]
    X = np.full((1, len(model.shape.features)), 1.0)
    X[0, needs_history("statement")] = np.nan
    contributions = np.full((1, X.shape[1] + 1), 0.001)
    contributions[0, np.flatnonzero(needs_history("statement"))[0]] = 2.0
    first = drivers(model, X, contributions, 3)[0][0]
    assert first["feature"] == PRIOR_YEARS
    assert first["text"].startswith("Earlier years are not known")
    assert first["value"] is None


def test_with_history_every_feature_speaks_for_itself(engine, synthetic):
    frame, history = pd.DataFrame(synthetic.items), history_frame(synthetic)
    depth = history.groupby("row").periods_back.max()
    row = int(depth[depth == 4].index[0])
    scores = engine.score(
        frame.iloc[[row]].reset_index(drop=True), kind="annual",
        history=history[history.row == row].assign(row=0), drivers=1000,
    )  # fmt: skip
    assert PRIOR_YEARS not in {d["feature"] for d in scores.drivers[0]}

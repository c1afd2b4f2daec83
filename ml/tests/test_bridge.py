"""The change bridge: exact, complete, independent of order, and silent about what did not change."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest

from ml.bridge import feature_changes, tree_paths
from ml.change import Side, change
from ml.estimators import margin
from ml.features import STATE_WORST
from ml.sampling import history_frame, statement_matrix
from ml.shapes import SHAPES


@pytest.fixture(scope="module")
def model(engine):
    return engine.models["statement_market"]


@pytest.fixture(scope="module")
def rows(synthetic, model):
    X = statement_matrix(model.shape, synthetic)[:600].copy()
    rng = np.random.default_rng(5)
    X[rng.random(X.shape) < 0.05] = np.nan
    worst = [j for j, name in enumerate(model.shape.features) if name.endswith("to_ebitda")]
    X[:40, worst] = STATE_WORST
    return X


def test_parts_add_up_to_the_change_of_the_score(model, rows):
    for old, new in zip(rows[:200], rows[300:500], strict=True):
        z = model.log_odds(np.vstack([old, new]))
        assert feature_changes(model, old, new).sum() == pytest.approx(z[1] - z[0], abs=1e-9)


def test_trees_add_up_before_the_float32_remainder_is_spread(model, rows):
    for booster in (model.forest, model.boosting):
        paths = tree_paths(booster)
        for old, new in zip(rows[:50], rows[300:350], strict=True):
            z = margin(booster, np.vstack([old, new]))
            assert paths.change(old, new).sum() == pytest.approx(z[1] - z[0], abs=1e-4)


def test_an_unchanged_feature_gets_nothing(model, rows):
    rng = np.random.default_rng(1)
    for old, other in zip(rows[:100], rows[300:400], strict=True):
        new = old.copy()
        moved = rng.choice(len(old), size=5, replace=False)
        new[moved] = other[moved]
        still = np.setdiff1d(np.arange(len(old)), moved)
        assert not feature_changes(model, old, new)[still].any()


def test_going_back_gives_the_same_parts_with_the_other_sign(model, rows):
    for old, new in zip(rows[:100], rows[300:400], strict=True):
        there, back = feature_changes(model, old, new), feature_changes(model, new, old)
        np.testing.assert_allclose(there, -back, atol=1e-12)


def test_no_change_no_parts(model, rows):
    assert not feature_changes(model, rows[0], rows[0]).any()


@pytest.mark.parametrize("pair", [(3, 310), (10, 350), (45, 402)])
def test_parts_are_the_shapley_values_of_every_order(model, rows, pair):
    old, other = rows[pair[0]], rows[pair[1]]
    names = list(np.random.default_rng(pair[0]).choice(len(old), size=5, replace=False))
    new = old.copy()
    new[names] = other[names]

    def score(taken):
        row = old.copy()
        row[list(taken)] = new[list(taken)]
        return model.log_odds(row[None, :])[0]

    found = feature_changes(model, old, new)
    for name in names:
        rest = [j for j in names if j != name]
        value = 0.0
        for size in range(len(rest) + 1):
            weight = factorial(size) * factorial(len(rest) - size) / factorial(len(names))
            for taken in combinations(rest, size):
                value += weight * (score((*taken, name)) - score(taken))
        assert found[name] == pytest.approx(value, abs=2e-6)


# --- From score to score


def side(engine, frame, history=None, *, floor=None, **more):
    scores = engine.score(frame, kind="annual", history=history, drivers=0, floor=floor)
    return Side(frame, history, str(scores.shape[0]), float(scores.pd[0]), float(scores.pd_raw[0]), **more)


@pytest.fixture(scope="module")
def years(synthetic):
    """Two successive years of a firm with their histories."""
    frame, history = pd.DataFrame(synthetic.items), history_frame(synthetic)
    depth = history.groupby("row").periods_back.max()
    row = int(depth[depth == 4].index[3])
    return [
        (
            frame.iloc[[place]].reset_index(drop=True),
            history[history.row == place].assign(row=0).reset_index(drop=True),
        )
        for place in (row - 1, row)
    ]


def total(found):
    return sum(part.effect for part in found.components)


def check(found, old, new):
    logit = [np.log(x.pd / (1 - x.pd)) for x in (old, new)]
    assert found.log_odds == pytest.approx(logit[1] - logit[0], abs=1e-12)
    assert total(found) == pytest.approx(found.log_odds, abs=1e-9)
    assert sum(part.points for part in found.components) == pytest.approx(new.pd - old.pd, abs=1e-9)
    sizes = [abs(part.effect) for part in found.components]
    assert sizes == sorted(sizes, reverse=True)


def test_from_year_to_year(engine, years):
    old, new = (side(engine, *year) for year in years)
    found = change(engine, kind="annual", old=old, new=new)
    check(found, old, new)
    assert {part.origin for part in found.components} <= {"feature", "history"}
    assert all("that " in part.text for part in found.components)
    assert found.text.startswith("The PD ")
    back = change(engine, kind="annual", old=new, new=old)
    there = {part.name: part.effect for part in found.components}
    assert {part.name: -part.effect for part in back.components} == pytest.approx(there, abs=1e-9)


def test_a_market_value_that_appeared_is_a_part_of_its_own(engine, years):
    (frame, history), after = years
    bare = side(engine, frame.drop(columns="market_cap"), history.drop(columns="market_cap"))
    new = side(engine, *after)
    found = change(engine, kind="annual", old=bare, new=new)
    check(found, bare, new)
    assert [p.name for p in found.components if p.origin == "shape"] == ["shape"]
    assert "statement with market value" in next(p.text for p in found.components if p.origin == "shape")
    assert not any("market" in p.name for p in found.components if p.origin == "feature")


def test_ratios_that_became_a_statement_are_compared_as_ratios(engine, years):
    ratios = pd.DataFrame([{"return_on_assets": -4.0, "net_income_margin": -3.0, "total_debt_to_ebitda": 7.0,
                            "long_term_debt_to_total_capital": 60.0}])  # fmt: skip
    old, new = side(engine, ratios), side(engine, *years[1])
    found = change(engine, kind="annual", old=old, new=new)
    check(found, old, new)
    names = {p.name for p in found.components if p.origin == "feature"}
    assert names <= set(SHAPES["annual_ratios"].features)


def test_earlier_years_that_became_known_are_one_part(engine, years):
    frame, history = years[1]
    old, new = side(engine, frame), side(engine, frame, history)
    found = change(engine, kind="annual", old=old, new=new)
    check(found, old, new)
    assert "history" in {part.origin for part in found.components}
    assert any("Earlier years are now known" in part.text for part in found.components)


def test_another_model_version_is_a_part_of_its_own(engine, years):
    old, new = (side(engine, *year) for year in years)
    elder = Side(old.frame, old.history, old.shape, old.pd * 1.3, old.pd_raw * 1.3, same_model=False)
    found = change(engine, kind="annual", old=elder, new=new)
    check(found, elder, new)
    part = next(p for p in found.components if p.origin == "model")
    logit = [np.log(x / (1 - x)) for x in (old.pd_raw, elder.pd_raw)]
    assert part.effect == pytest.approx(logit[0] - logit[1], abs=1e-9)
    same = {p.name: p.effect for p in change(engine, kind="annual", old=old, new=new).components}
    for p in found.components:
        if p.origin == "feature":
            assert p.effect == pytest.approx(same[p.name], abs=1e-12)


def test_the_floor_is_a_part_of_its_own(engine, years):
    old, new = side(engine, *years[0], floor=0.2), side(engine, *years[1])
    found = change(engine, kind="annual", old=old, new=new)
    check(found, old, new)
    assert "floor" in {part.origin for part in found.components}


def test_equal_scores_have_an_empty_bridge(engine, years):
    one = side(engine, *years[0])
    found = change(engine, kind="annual", old=one, new=one)
    assert found.components == ()
    assert found.text.startswith("The PD is unchanged")


def test_a_score_without_a_pd_is_refused(engine, years):
    one = side(engine, *years[0])
    with pytest.raises(ValueError, match="PD"):
        change(engine, kind="annual", old=Side(one.frame, None, "none", np.nan, np.nan), new=one)

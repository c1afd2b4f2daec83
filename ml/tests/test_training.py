"""The protocol on a committed stand-in: out-of-time folds, calibration, band, persistence, gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from ml import validation
from ml.calibration import cells, count_distribution, coverage, fit_sigma
from ml.engine import Engine
from ml.fitting import FIT_FROM, Workshop
from ml.inputs import design_matrix, prepare
from ml.persistence import save
from ml.sampling import (
    drop_ratios,
    history_frame,
    ratio_frame,
    ratio_matrix,
    single_gap,
    statement_matrix,
    with_gaps,
)
from ml.shapes import MEMBERS, PRIOR_YEARS, SHAPES


@pytest.fixture(scope="module")
def shop(synthetic):
    return Workshop(SHAPES["annual_ratios"], synthetic)


@pytest.fixture(scope="module")
def fitted(shop):
    blend, pooled = shop.calibrate(2015)
    rows = np.arange(len(shop.data))
    return blend, pooled, shop.model(shop.fit(rows), blend, 0.3, rows)


def test_out_of_time_predicts_each_year_from_the_years_before(shop, fitted):
    _, pooled, _ = fitted
    assert set(shop.data.year[pooled.rows]) == set(range(2005, 2016))
    early = np.flatnonzero((shop.data.year >= FIT_FROM) & (shop.data.year < 2005))
    again = shop.fit(early).log_odds(shop.presented.complete[pooled.rows[:50]])
    for member in MEMBERS:
        np.testing.assert_allclose(
            again.members[member], pooled.raw.members[member][:50], rtol=1e-12, atol=1e-12
        )


def test_a_later_year_cannot_change_an_earlier_prediction(synthetic, shop, fitted):
    flipped = replace(
        synthetic, default=np.where(synthetic.year >= 2010, 1 - synthetic.default, synthetic.default)
    )
    other = Workshop(SHAPES["annual_ratios"], flipped).out_of_time(2005, 2006)
    _, pooled, _ = fitted
    for member in MEMBERS:
        np.testing.assert_array_equal(
            other.raw.members[member], pooled.raw.members[member][: len(other.rows)]
        )


def test_calibration_meets_the_anchor_and_is_monotone(shop, fitted):
    blend, pooled, _ = fitted
    anchor = shop.data.default[shop.data.year >= 2003].mean()
    assert expit(blend.log_odds(pooled.raw)).mean() == pytest.approx(anchor, rel=1e-6)
    assert all(affine.slope > 0 for affine in blend.calibration.values())
    assert all(weight > 0 for weight in blend.weights.values())


def test_the_stand_in_is_learnt_and_calibrated(shop, fitted):
    blend, pooled, _ = fitted
    target, pd_ = shop.data.default[pooled.rows], expit(blend.log_odds(pooled.raw))
    assert validation.auc(target, pd_) > 0.68
    assert sum(row.rejected for row in validation.deciles(target, pd_, groups=5)) <= 1


def test_single_missing_ratios_stay_calibrated_out_of_time(shop, fitted):
    blend, pooled, _ = fitted
    rate = expit(blend.log_odds(pooled.raw)).mean()
    for name in shop.shape.gap_markers:
        gapped = shop.out_of_time(2005, 2015, name)
        assert np.isnan(single_gap(shop.shape, shop.data, shop.presented.complete, name)).any()
        assert expit(blend.log_odds(gapped.raw)).mean() == pytest.approx(rate, rel=0.02), name


def test_every_marker_is_missing_with_its_input_and_only_then(synthetic):
    shape = SHAPES["statement_market"]
    complete = statement_matrix(shape, synthetic)
    for name, feature in shape.gap_markers.items():
        column = shape.features.index(feature)
        assert np.isnan(single_gap(shape, synthetic, complete, name)[:, column]).all()
        if name != PRIOR_YEARS:
            assert not np.isnan(complete[:, column]).any()


def test_training_sees_what_the_engine_sees(synthetic):
    shape = SHAPES["statement_market"]
    for data in (synthetic, with_gaps(synthetic, np.random.default_rng(2))):
        prepared = prepare(pd.DataFrame(data.items), kind="annual", history=history_frame(data))
        expected = design_matrix(shape, prepared, np.arange(len(data)))
        np.testing.assert_array_equal(statement_matrix(shape, data), expected)


def test_training_is_reproducible_and_survives_the_disk(tmp_path, shop, fitted):
    _, _, model = fitted
    manifest = {
        "name": "t",
        "version": "0",
        "shapes": {"annual_ratios": {"features": list(model.shape.features)}},
    }
    save(tmp_path, {"annual_ratios": model}, manifest)
    loaded = Engine.load(tmp_path).models["annual_ratios"]
    X = shop.presented.gapped[:300]
    np.testing.assert_array_equal(loaded.log_odds(X), model.log_odds(X))
    again = shop.fit(np.arange(len(shop.data)))
    np.testing.assert_array_equal(again.log_odds(X).members["gradient_boosting"], shop.fit(
        np.arange(len(shop.data))).log_odds(X).members["gradient_boosting"])  # fmt: skip


def test_gaps_are_random_seeded_and_leave_a_scorable_statement(synthetic):
    first = with_gaps(synthetic, np.random.default_rng(1))
    second = with_gaps(synthetic, np.random.default_rng(1))
    for name, values in first.items.items():
        np.testing.assert_array_equal(values, second.items[name])
    assert 0.02 < np.isnan(first.items["inventory"]).mean() < 0.3
    assert not np.isnan(first.items["total_assets"]).any()


def test_sheets_of_ratios_hold_both_presentations(synthetic):
    shape = SHAPES["quarterly_ratios"]
    frame = ratio_frame(shape, synthetic, np.random.default_rng(0))
    assert (frame["total_debt_to_ebitda"] < 0).any()
    gapped = drop_ratios(frame, np.random.default_rng(0))
    assert 0.5 < gapped.isna().to_numpy().any(axis=1).mean() < 0.8
    assert gapped.notna().to_numpy().any(axis=1).all()
    assert ratio_matrix(shape, frame).shape == (len(synthetic), 4)


def test_prepared_statements_know_their_years(synthetic):
    prepared = prepare(pd.DataFrame(synthetic.items), kind="annual", history=history_frame(synthetic))
    np.testing.assert_array_equal(prepared.statement.before("net_sales"), synthetic.years[0]["net_sales"])


def test_count_distribution_is_a_distribution_and_widens():
    mass, total = count_distribution(400, 0.02, 0.0)
    assert mass.sum() == pytest.approx(1.0)
    assert total[-1] == pytest.approx(1.0)
    wide, _ = count_distribution(400, 0.02, 0.8)
    counts = np.arange(401)
    assert (wide * counts**2).sum() > (mass * counts**2).sum()


def test_sigma_is_recovered_and_its_interval_covers():
    rng = np.random.default_rng(5)
    pd_ = np.clip(np.exp(rng.normal(-4.0, 1.0, 60_000)), 1e-4, 0.5)
    year = np.repeat(np.arange(20), 3000)
    shock = rng.normal(0.0, 0.5, 20)[year]
    target = (rng.random(60_000) < expit(np.log(pd_ / (1 - pd_)) + shock)).astype(float)
    table = cells(pd_, target, year)
    assert table.names.min() >= 300
    assert fit_sigma(table) == pytest.approx(0.5, abs=0.2)
    found = coverage(table)
    assert found.low < 0.9 < found.high


def with_known_failures(data):
    """The stand-in with the years from each statement to its firm's bankruptcy."""
    when = {c: y for c, y, bad in zip(data.company, data.year, data.default, strict=True) if bad}
    ahead = [when.get(c, np.nan) - y + 1 for c, y in zip(data.company, data.year, strict=True)]
    return replace(data, years_to_default=np.array(ahead, dtype=np.float64))


def test_echoes_are_defaults_that_the_origin_knew(synthetic):
    data = with_known_failures(synthetic)
    rows = np.flatnonzero((data.year >= FIT_FROM) & (data.year < 2008))
    sample = Workshop(SHAPES["statement"], data)._sample(rows)
    alone = Workshop(SHAPES["statement"], synthetic)._sample(rows)
    ahead, year = data.years_to_default[rows], data.year[rows]
    known = sum(((ahead == h) & (year + h - 1 <= 2007)).sum() for h in SHAPES["statement"].echoes)
    assert 0 < known < sum((ahead == h).sum() for h in SHAPES["statement"].echoes)
    assert sample.default.sum() == alone.default.sum() + 2 * known
    assert sample.weight[sample.default > 0].min() == pytest.approx(0.15 * SHAPES["statement"].gapped_weight)


def test_a_bankruptcy_after_the_origin_is_not_heard(synthetic):
    data = with_known_failures(synthetic)
    rows = np.flatnonzero((data.year >= FIT_FROM) & (data.year < 2008))
    later = data.year + data.years_to_default - 1 > 2007
    deaf = replace(data, years_to_default=np.where(later, np.nan, data.years_to_default))
    one, other = (Workshop(SHAPES["statement"], d)._sample(rows) for d in (data, deaf))
    np.testing.assert_array_equal(one.default, other.default)
    np.testing.assert_array_equal(one.X, other.X)


def test_survivors_keep_their_weight_when_thinned(shop):
    rows = np.flatnonzero(shop.data.year >= FIT_FROM)
    sample = shop._sample(rows)
    bad = shop.data.default[rows].sum()
    assert sample.weight[sample.default > 0].sum() == pytest.approx(2 * bad)
    assert sample.weight[sample.default == 0].sum() == pytest.approx(2 * (len(rows) - bad), rel=0.05)

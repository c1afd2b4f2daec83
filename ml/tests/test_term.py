"""The term structure: coherent with the one-year PD, never falling, mean-reverting, and its censoring."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from ml import Engine
from ml.dataset import from_frame
from ml.persistence import DEFAULT_PATH, read_folder
from ml.shapes import SHAPES
from ml.term import YEARS, TermStructure
from ml.term.__main__ import attach
from ml.term.fitting import Observed, fit, fit_term, observe
from ml.tests.synthetic import firm_years

PDS = np.array([1e-5, 1e-4, 0.001, 0.01, 0.05, 0.2, 0.6])


@pytest.fixture(params=list(SHAPES))
def structure(request, engine):
    return engine.models[request.param].term


def test_year_one_is_the_score_of_record(engine, statements):
    scores = engine.score(statements, kind="annual", drivers=0, floor=0.003)
    curve = engine.term(scores)
    for part in (curve.cumulative, curve.marginal, curve.conditional, curve.annualised):
        assert (part[:, 0] == scores.pd).all()


def test_cumulative_pds_never_fall_and_stay_pds(structure):
    curve = structure.curve(np.linspace(1e-9, 1 - 1e-9, 400))
    assert (np.diff(curve.cumulative, axis=1) >= 0).all()
    assert (curve.cumulative <= 1.0).all()
    np.testing.assert_allclose(curve.marginal.sum(axis=1), curve.cumulative[:, -1], atol=1e-12)


def test_the_annualised_pd_leads_to_the_cumulative_one(structure):
    curve = structure.curve(PDS)
    again = 1.0 - (1.0 - curve.annualised) ** np.arange(1, YEARS + 1)
    np.testing.assert_allclose(again, curve.cumulative, atol=1e-12)


def test_a_riskier_name_is_riskier_over_every_horizon(structure):
    curve = structure.curve(np.linspace(1e-6, 0.99, 300))
    assert (np.diff(curve.cumulative, axis=0) > 0).all()


def test_good_names_have_rising_and_bad_names_falling_marginals(structure):
    curve = structure.curve(np.array([0.0003, 0.001, 0.15, 0.3]))
    for row in (0, 1):
        assert (np.diff(curve.marginal[row]) > 0).all()
        assert (np.diff(curve.conditional[row]) > 0).all()
    for row in (2, 3):
        assert (np.diff(curve.marginal[row]) < 0).all()
        assert curve.conditional[row, -1] < curve.conditional[row, 0]


def test_rows_without_a_pd_have_no_curve(engine):
    scores = engine.score(pd.DataFrame([{"net_sales": np.nan}]), kind="annual")
    assert np.isnan(engine.term(scores).cumulative).all()


def test_a_shape_without_a_term_structure_has_no_curve(tmp_path, engine, statements):
    folder = tmp_path / "model"
    shutil.copytree(DEFAULT_PATH, folder)
    manifest, contents, _ = read_folder(folder)
    del contents["statement/term.json"]
    from ml.persistence import write_folder

    write_folder(folder, contents, {k: v for k, v in manifest.items() if k not in ("files", "format")})
    bare = Engine.load(folder)
    curve = bare.term(bare.score(statements.drop(columns="market_cap"), kind="annual", drivers=0))
    assert np.isnan(curve.cumulative).all()


@pytest.mark.parametrize(
    ("intercept", "slope"),
    [
        ([0.1, 0, 0, 0, 0], [1, 1, 1, 1, 1]),
        ([0, 0, 0, 0, 0], [0.9, 1, 1, 1, 1]),
        ([0, 0, 0, 0, 0], [1, 1, 1, 1, -0.1]),
        ([0, 0, 0, np.nan, 0], [1, 1, 1, 1, 1]),
        ([0, 0], [1, 1]),
    ],
)
def test_an_incoherent_structure_is_refused(intercept, slope):
    with pytest.raises(ValueError, match="year"):
        TermStructure(np.array(intercept, dtype=float), np.array(slope, dtype=float))


# --- The fit


def history(rows):
    """A development table of (company, year, years to default)."""
    table = firm_years(firms=1).iloc[: len(rows)].reset_index(drop=True)
    table[["company_id", "fiscal_year"]] = [(c, y) for c, y, _ in rows]
    table["years_to_default"] = [t for _, _, t in rows]
    table["default_next_year"] = [float(t == 1) for _, _, t in rows]
    return from_frame(table)


def test_rows_are_at_risk_until_the_firm_leaves_or_the_data_ends():
    data = history([("A", 2010, None), ("A", 2012, None), ("B", 2014, 2), ("B", 2015, 1), ("C", 2015, None)])
    seen = observe(data, np.arange(5), np.zeros(5))
    # A leaves after 2012: seen through 2013. B and C are seen to the end of 2016.
    assert seen.at_risk.tolist() == [3, 1, 2, 1, 1]
    assert np.nan_to_num(seen.default_in).tolist() == [0, 0, 2, 1, 0]


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(4)
    size = 60_000
    z = rng.normal(-4.0, 1.5, size)
    year = rng.integers(2005, 2012, size)
    slope, shift = np.array([1.0, 0.8, 0.6, 0.6, 0.5]), np.array([0.0, -0.5, -1.0, -1.1, -1.6])
    hazard = 1 / (1 + np.exp(-(shift + z[:, None] * slope)))
    fails = rng.random((size, YEARS)) < hazard
    first = np.where(fails.any(axis=1), fails.argmax(axis=1) + 1.0, np.nan)
    leaves = rng.integers(1, 12, size)
    seen = np.minimum(leaves, 2016 - year)
    return Observed(z, year, np.where(first <= seen, first, np.nan), seen), shift, slope


def test_the_fit_recovers_hazards_under_censoring(sample):
    observed, shift, slope = sample
    structure, figures = fit(observed)
    np.testing.assert_allclose(structure.slope, slope, atol=0.06)
    np.testing.assert_allclose(structure.intercept, shift, atol=0.25)
    for row in figures["years"]:
        assert row["mean_hazard"] == pytest.approx(row["default_rate"], rel=0.1)


def test_the_sensitivity_to_exits_is_reported(sample):
    figures = fit(sample[0])[1]["exit_sensitivity"]
    for pd_ in figures["as_fitted"]:
        assert figures["never_default"][pd_] < figures["as_fitted"][pd_] < figures["twice_the_hazard"][pd_]


def test_data_without_years_to_default_gives_no_structure(synthetic):
    assert fit_term(synthetic, np.arange(3), np.zeros(3)) == (None, None)
    with pytest.raises(ValueError, match="years_to_default"):
        observe(synthetic, np.arange(3), np.zeros(3))


def test_attaching_keeps_everything_else(tmp_path, structure, engine):
    folder = tmp_path / "model"
    shutil.copytree(DEFAULT_PATH, folder)
    before, contents, _ = read_folder(folder)
    digest = attach(folder, {"statement": (structure, {"note": 1})})
    after, now, sha256 = read_folder(folder)
    assert sha256 == digest
    assert {k: v for k, v in now.items() if k != "statement/term.json"} == {
        k: v for k, v in contents.items() if k != "statement/term.json"
    }
    assert after["shapes"]["statement"]["metrics"].pop("term") == {"note": 1}
    before["shapes"]["statement"]["metrics"].pop("term")
    del before["files"], after["files"]
    assert before == after
    np.testing.assert_array_equal(Engine.load(folder).models["statement"].term.slope, structure.slope)

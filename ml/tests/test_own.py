"""Models of one's own: what bears one, what is refused, and that the figures are honest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.own import OwnModel, SampleError, develop, read_sample
from ml.persistence import ArtifactError


def table(rows: int = 1200, *, seed: int = 0) -> pd.DataFrame:
    """Companies over six years whose default depends on leverage and margin; `noise` tells nothing."""
    rng = np.random.default_rng(seed)
    leverage, margin = rng.uniform(0, 1, rows), rng.normal(5, 10, rows)
    risk = 1 / (1 + np.exp(-(-4.0 + 4.0 * leverage - 0.08 * margin)))
    frame = pd.DataFrame(
        {
            "company": [f"C{i % (rows // 6)}" for i in range(rows)],
            "year": 2015 + np.arange(rows) // (rows // 6),
            "leverage": leverage,
            "margin": margin,
            "noise": rng.normal(size=rows),
            "bad": (rng.random(rows) < risk).astype(int),
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.03).assign(
        company=frame.company, year=frame.year, bad=frame.bad
    )


@pytest.fixture(scope="module")
def developed():
    frame = table()
    sample = read_sample(frame, target="bad", date="year", entity="company")
    return frame, sample, *develop(sample)


def test_it_learns_what_is_there_and_says_how_it_was_validated(developed):
    _, sample, _, report = developed
    assert report["protocol"]["name"] == "out_of_time"
    assert report["figures"]["ensemble"]["auc"] > 0.75
    assert report["sample"]["defaults"] == sample.defaults
    assert [c["column"] for c in report["columns"]][:2] == ["leverage", "margin"]
    assert {c["column"]: c["risk_rises_with"] for c in report["columns"]}["margin"] == "lower"
    # Validated are only rows of later years than those fitted to.
    assert report["sample"]["validated_rows"] < report["sample"]["rows"]


def test_the_mean_pd_is_the_default_rate(developed):
    _, _, _, report = developed
    figures = report["figures"]["ensemble"]
    assert figures["mean_pd"] == pytest.approx(figures["default_rate"], rel=0.02)


def test_contributions_add_up(developed):
    _, sample, model, _ = developed
    total = model.contributions(sample.X[:200]).sum(axis=1)
    assert np.abs(total - model.log_odds(sample.X[:200])).max() < 1e-9


def test_it_is_the_same_after_its_folder_and_with_texts(developed, tmp_path):
    frame, _, model, report = developed
    model.save(tmp_path / "own", report)
    again = OwnModel.load(tmp_path / "own")
    np.testing.assert_array_equal(model.score(frame).pd, again.score(frame.astype("string")).pd)


def test_a_damaged_folder_is_refused(developed, tmp_path):
    _, _, model, report = developed
    model.save(tmp_path / "own", report)
    (tmp_path / "own" / "calibration.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"calibration\.json"):
        OwnModel.load(tmp_path / "own")


def test_a_missing_column_counts_as_missing(developed):
    frame, _, model, _ = developed
    scores = model.score(frame[["margin"]])
    assert np.isfinite(scores.pd).all()
    assert scores.missing.min() >= 2 / 3


def test_the_same_sample_gives_the_same_model(developed):
    frame, sample, model, _ = developed
    again, _ = develop(read_sample(frame, target="bad", date="year", entity="company"))
    np.testing.assert_array_equal(model.log_odds(sample.X), again.log_odds(sample.X))


@pytest.mark.parametrize(
    ("entity", "protocol", "words"),
    [("company", "grouped", "no company is on both sides"), (None, "stratified", "names no companies")],
)
def test_without_dates_it_says_what_the_figures_do_not_show(entity, protocol, words):
    frame = table().drop(columns=["year"] + (["company"] if entity is None else []))
    sample = read_sample(frame, target="bad", entity=entity)
    _, report = develop(sample)
    assert report["protocol"]["name"] == protocol
    assert words in report["protocol"]["text"]


def test_no_company_is_on_both_sides_of_a_fold():
    from ml.own.folds import plan

    sample = read_sample(table().drop(columns="year"), target="bad", entity="company")
    for train, test in plan(sample, 1).pairs:
        assert not set(sample.entity[train]) & set(sample.entity[test])


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda f: f.assign(bad=0), "one_class", "All 1200 rows have the target 0"),
        (lambda f: f.assign(bad=[1] * 3 + [0] * 1197), "too_few_defaults", "holds 3 defaults"),
        (lambda f: f.assign(copy=f.bad), "leaking_column", "copy"),
        (lambda f: f.assign(copy=1 - f.bad), "leaking_column", "copy"),
        (lambda f: f.assign(recovery=np.where(f.bad == 1, 0.4, np.nan)), "leaking_column", "recovery"),
        (lambda f: f.assign(bad=f.bad.astype(str).where(f.index != 7, "maybe")), "target_value", "Row 9"),
        (lambda f: f[["bad", "company", "year"]].assign(same=1), "no_columns", "varies"),
        (lambda f: f.rename(columns={"bad": "other"}), "no_such_column", "bad"),
        (lambda f: f.assign(year=f.year.astype(str).where(f.index != 3, "soon")), "date_value", "Row 5"),
        (lambda f: f.rename(columns={"noise": "margin"}), "duplicate_column", "margin"),
        (lambda f: f.assign(company=f.company.where(f.index != 0, "")), "entity_missing", "Row 2"),
    ],
)
def test_what_bears_no_model_is_refused_with_a_sentence(change, code, words):
    with pytest.raises(SampleError) as refused:
        read_sample(change(table()), target="bad", date="year", entity="company")
    assert refused.value.code == code
    assert words in refused.value.detail


def test_columns_without_use_are_left_out_and_named():
    frame = table().assign(
        fixed=3.5, nothing=np.nan, words="abc", twin=lambda f: f.leverage, typo=lambda f: f.noise.astype(str)
    )
    frame.loc[4, "typo"] = "12o"
    sample = read_sample(frame, target="bad", date="year", entity="company")
    assert sample.dropped == {
        "fixed": "constant", "nothing": "empty", "words": "not numeric", "twin": "the same as leverage",
    }  # fmt: skip
    assert [(f.code, f.column) for f in sample.findings] == [("not_a_number", "typo")]
    assert "row 6" in sample.findings[0].detail


def test_a_label_over_the_whole_life_is_pointed_out():
    frame = table()
    doomed = frame.groupby("company").bad.transform("max")
    found = read_sample(frame.assign(bad=doomed), target="bad", date="year", entity="company").findings
    assert "label_without_horizon" in {f.code for f in found}


def test_dates_may_be_days():
    frame = table().assign(day=lambda f: f.year.astype(str) + "-12-31").drop(columns="year")
    _, report = develop(read_sample(frame, target="bad", date="day", entity="company"))
    assert report["protocol"]["name"] == "out_of_time"
    assert [p["year"] for p in report["sample"]["periods"]] == list(range(2015, 2021))

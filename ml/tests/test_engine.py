"""The engine: shapes, reasons, explanation, safety, and the order of risk it must keep."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from ml import ArtifactError, Engine
from ml.features import ANNUAL_RATIOS, DEVELOPED_ITEMS
from ml.persistence import DEFAULT_PATH
from ml.sampling import canonical_ratios, history_frame, ratio_matrix, statement_matrix
from ml.shapes import MEMBERS, SIZE

RATIOS = {
    "long_term_debt_to_total_capital": 35.0,
    "total_debt_to_ebitda": 2.5,
    "net_income_margin": 6.0,
    "ebit_to_interest_expense": 7.0,
    "return_on_assets": 5.0,
}
QUARTER = {
    "total_debt_to_ebitda": 2.5,
    "sga_margin": 22.0,
    "long_term_debt_to_total_capital": 35.0,
    "return_on_capital": 15.0,
}


def rows(base, **columns):
    """One row per value of the columns given, the rest as in base."""
    return pd.DataFrame({**{k: [v] * len(next(iter(columns.values()))) for k, v in base.items()}, **columns})


@pytest.fixture(scope="module")
def firm(statements):
    healthy = statements[(statements.ebitda > 0) & (statements.total_liabilities < statements.total_assets)]
    return healthy.iloc[0].to_dict()


# --- Shapes


def test_the_richest_shape_is_chosen_row_by_row(engine, firm):
    frame = pd.DataFrame([firm, {**firm, "market_cap": None}, RATIOS, {"ebit_to_interest_expense": 4.0}])
    scores = engine.score(frame, kind="annual")
    assert scores.shape.tolist() == ["statement_market", "statement", "annual_ratios", "none"]
    assert np.isnan(scores.pd[3])
    assert scores.reasons[3][-1] == "insufficient_inputs"
    assert scores.confidence_level[3] == ""
    assert scores.drivers[3] == []
    assert ((scores.pd[:3] > 0) & (scores.pd[:3] < 1)).all()


def test_quarterly_ratios_have_their_own_shape(engine):
    assert engine.score(pd.DataFrame([QUARTER]), kind="quarterly").shape.tolist() == ["quarterly_ratios"]


def test_too_few_line_items_fall_back_on_ratios(engine):
    scores = engine.score(pd.DataFrame([{"net_income": 5.0, "net_sales": 100.0}]), kind="annual")
    assert scores.shape.tolist() == ["annual_ratios"]


def test_an_empty_frame_gives_empty_scores(engine):
    assert len(engine.score(pd.DataFrame({"return_on_assets": []}), kind="annual")) == 0


def test_unknown_kind_and_text_are_refused(engine):
    with pytest.raises(ValueError, match="kind"):
        engine.score(pd.DataFrame([RATIOS]), kind="monthly")
    with pytest.raises(ValueError, match="return_on_assets"):
        engine.score(pd.DataFrame({"return_on_assets": ["five"]}), kind="annual")


def test_history_must_fit_the_frame(engine, firm):
    history = pd.DataFrame([{"row": 3, "periods_back": 1, **firm}])
    with pytest.raises(ValueError, match="row"):
        engine.score(pd.DataFrame([firm]), kind="annual", history=history)
    with pytest.raises(ValueError, match="periods_back"):
        engine.score(pd.DataFrame([firm]), kind="annual", history=history.assign(row=0, periods_back=0))


# --- Quarters


def quarters(firm):
    from ml.features import FLOW_ITEMS

    flows = [name for name in firm if name in FLOW_ITEMS]
    one = {**firm, **{name: firm[name] / 4 for name in flows}}
    history = pd.DataFrame([{"row": 0, "periods_back": back, **one} for back in (1, 2, 3)])
    return pd.DataFrame([one]), history


def test_four_quarters_score_as_their_year(engine, firm):
    frame, history = quarters(firm)
    year = engine.score(pd.DataFrame([firm]), kind="annual")
    trailing = engine.score(frame, kind="quarterly", history=history)
    assert trailing.pd[0] == pytest.approx(year.pd[0], abs=1e-9)
    assert not any("annualised" in code for code in trailing.reasons[0])


def test_a_single_quarter_is_annualised_with_a_flag(engine, firm):
    frame, history = quarters(firm)
    single = engine.score(frame, kind="quarterly")
    full = engine.score(frame, kind="quarterly", history=history)
    assert "single_quarter_annualised" in single.reasons[0]
    assert single.confidence[0] < full.confidence[0]
    assert "partial_year_annualised:3" in engine.score(
        frame, kind="quarterly", history=history[history.periods_back < 3]
    ).reasons[0]  # fmt: skip


def test_a_year_earlier_is_four_quarters_back(engine, firm):
    frame, _ = quarters(firm)
    history = pd.DataFrame([{"row": 0, "periods_back": b, **frame.iloc[0].to_dict()} for b in range(1, 8)])
    scores = engine.score(frame, kind="quarterly", history=history)
    yearly = engine.score(
        pd.DataFrame([firm]), kind="annual", history=pd.DataFrame([{"row": 0, "periods_back": 1, **firm}])
    )
    assert "no_prior_year" not in scores.reasons[0]
    assert scores.pd[0] == pytest.approx(yearly.pd[0], abs=1e-9)


# --- Reasons and confidence


def test_ratio_only_rows_say_so_and_are_trusted_less(engine, firm):
    scores = engine.score(pd.DataFrame([firm, RATIOS]), kind="annual")
    assert "ratio_only" in scores.reasons[1]
    assert "not_in_model:ebit_to_interest_expense" in scores.reasons[1]
    assert scores.confidence[1] < scores.confidence[0]


@pytest.mark.parametrize("name", [n for n in ANNUAL_RATIOS if n != "ebit_to_interest_expense"])
def test_a_missing_ratio_is_named_and_lowers_confidence(engine, name):
    scores = engine.score(pd.DataFrame([RATIOS, {**RATIOS, name: None}]), kind="annual")
    assert f"missing:{name}" in scores.reasons[1]
    assert scores.confidence[1] < scores.confidence[0]
    assert scores.high[1] - scores.low[1] > 0


@pytest.mark.parametrize("name", [n for n in ANNUAL_RATIOS if n != "ebit_to_interest_expense"])
def test_the_sentinel_scores_as_missing_never_as_a_number(engine, name):
    scores = engine.score(pd.DataFrame([{**RATIOS, name: 1e8}, {**RATIOS, name: None}]), kind="annual")
    assert scores.pd[0] == scores.pd[1]
    assert f"out_of_range:{name}" in scores.reasons[0]


def test_interest_coverage_does_not_move_the_pd(engine):
    scores = engine.score(rows(RATIOS, ebit_to_interest_expense=[0.1, 50.0]), kind="annual")
    assert scores.pd[0] == scores.pd[1]


def test_unusual_values_are_flagged(engine, firm):
    scores = engine.score(pd.DataFrame([{**RATIOS, "return_on_assets": -60000.0}]), kind="annual")
    assert "outside_development:return_on_assets" in scores.reasons[0]


def test_total_debt_stands_in_with_a_reason(engine, firm):
    given = {**firm, "total_long_term_debt": None, "total_debt": firm["total_long_term_debt"]}
    scores = engine.score(pd.DataFrame([firm, given]), kind="annual")
    assert scores.pd[0] == scores.pd[1]
    assert "stand_in:total_long_term_debt" in scores.reasons[1]


# --- Order of risk


@pytest.mark.parametrize(
    ("name", "sign", "grid"),
    [
        ("long_term_debt_to_total_capital", 1, np.linspace(0, 250, 60)),
        ("total_debt_to_ebitda", 1, np.linspace(0, 60, 60)),
        ("net_income_margin", -1, np.linspace(-300, 60, 60)),
        ("return_on_assets", -1, np.linspace(-120, 40, 60)),
    ],
)
def test_annual_ratios_are_monotone(engine, name, sign, grid):
    scores = engine.score(rows(RATIOS, **{name: grid}), kind="annual", drivers=0)
    assert (sign * np.diff(scores.log_odds) >= -1e-6).all()


@pytest.mark.parametrize(
    ("name", "sign", "grid"),
    [
        ("long_term_debt_to_total_capital", 1, np.linspace(0, 250, 60)),
        ("total_debt_to_ebitda", 1, np.linspace(0, 60, 60)),
        ("return_on_capital", -1, np.linspace(-120, 60, 60)),
    ],
)
def test_quarterly_ratios_are_monotone(engine, name, sign, grid):
    scores = engine.score(rows(QUARTER, **{name: grid}), kind="quarterly", drivers=0)
    assert (sign * np.diff(scores.log_odds) >= -1e-6).all()


@pytest.mark.parametrize("with_market", [True, False])
def test_more_debt_never_lowers_the_pd(engine, statements, with_market):
    frame = statements[statements.ebitda > 0].iloc[:40]
    frame = frame if with_market else frame.drop(columns="market_cap")
    before = engine.score(frame, kind="annual", drivers=0).log_odds
    for step in (0.02, 0.1, 0.3, 0.6):
        more = frame.copy()
        more["total_long_term_debt"] += step * frame.total_assets
        more["total_liabilities"] += step * frame.total_assets
        after = engine.score(more, kind="annual", drivers=0).log_odds
        assert (after >= before - 1e-6).all()
        before = after


def test_a_lower_market_value_never_lowers_the_pd(engine, statements):
    frame = statements.iloc[:60]
    before = engine.score(frame, kind="annual", drivers=0).log_odds
    for share in (0.8, 0.5, 0.2, 0.05):
        after = engine.score(
            frame.assign(market_cap=frame.market_cap * share), kind="annual", drivers=0
        ).log_odds
        assert (after >= before - 1e-6).all()
        before = after


@pytest.mark.parametrize("kind", ["annual", "quarterly"])
def test_negative_ebitda_never_scores_better_than_any_debt_burden(engine, kind):
    base = RATIOS if kind == "annual" else QUARTER
    scores = engine.score(rows(base, total_debt_to_ebitda=[0.0, 1.0, 8.0, 40.0, 9e4, -0.5, -30.0]), kind=kind)
    assert scores.pd[-2] == scores.pd[-1]
    assert scores.pd[-1] >= scores.pd[:-2].max() - 1e-9
    assert "undefined:total_debt_to_ebitda" in scores.reasons[-1]


def test_every_bound_feature_is_monotone_in_the_shipped_model(engine, synthetic):
    for name, model in engine.models.items():
        shape = model.shape
        if shape.is_statement:
            X = statement_matrix(shape, synthetic)[::200]
        else:
            X = ratio_matrix(shape, canonical_ratios(shape, synthetic))[::200]
        for column, sign in enumerate(shape.directions):
            if sign:
                ends = model.development.low[column], model.development.high[column]
                grid = np.unique(np.concatenate([np.linspace(*ends, 25), np.multiply(ends, 1.5)]))
                swept = np.repeat(X, len(grid), axis=0)
                swept[:, column] = np.tile(grid, len(X))
                found = model.log_odds(swept).reshape(len(X), len(grid))
                assert (sign * np.diff(found, axis=1) >= -1e-6).all(), (name, shape.features[column])


@pytest.mark.parametrize(
    ("item", "steps"), [("market_cap", (0.8, 0.4, 0.1)), ("total_liabilities", (1.1, 1.4, 2.0))]
)
def test_earlier_years_do_not_turn_the_order_of_risk(engine, synthetic, statements, item, steps):
    history = history_frame(synthetic)
    history = history[history.row < len(statements)].reset_index(drop=True)
    before = engine.score(statements, kind="annual", history=history, drivers=0).log_odds
    positive = (statements.ebitda > 0).to_numpy()
    for step in steps:
        changed = statements.assign(**{item: statements[item] * step})
        after = engine.score(changed, kind="annual", history=history, drivers=0).log_odds
        assert (after >= before - 1e-6)[positive].all()
        before = after


@pytest.mark.parametrize("kind", ["annual", "quarterly"])
def test_minus_zero_tells_of_a_negative_denominator(engine, kind):
    base = RATIOS if kind == "annual" else QUARTER
    scores = engine.score(rows(base, total_debt_to_ebitda=[-0.0, -3.0, 0.0]), kind=kind)
    assert scores.pd[0] == scores.pd[1] > scores.pd[2]


def test_a_loss_making_firm_never_scores_better(engine, firm):
    fall = [0.0, firm["ebitda"] * 1.2, firm["ebitda"] * 2 + 0.2 * firm["total_assets"]]
    frame = pd.DataFrame(
        [{**firm, **{n: firm[n] - x for n in ("ebitda", "ebit", "net_income")}} for x in fall]
    )  # fmt: skip
    scores = engine.score(frame.drop(columns=["total_operating_expenses"]), kind="annual")
    assert scores.pd[0] < scores.pd[1] <= scores.pd[2]


# --- Members, interval, floor


def test_members_and_interval_frame_the_pd(engine, statements):
    scores = engine.score(statements, kind="annual", drivers=0)
    stack = np.stack([scores.members[name] for name in MEMBERS])
    assert ((stack > 0) & (stack < 1)).all()
    assert (scores.low < scores.pd).all()
    assert (scores.high > scores.pd).all()
    assert np.median(np.abs(np.log(stack / scores.pd))) < 1.0


def test_the_floor_is_applied_last(engine):
    frame = pd.DataFrame([{**RATIOS, "return_on_assets": 18.0, "net_income_margin": 25.0}])
    floored = engine.score(frame, kind="annual", floor=0.2)
    assert floored.pd[0] == 0.2
    assert floored.pd_raw[0] == engine.score(frame, kind="annual").pd[0] < 0.2


# --- Explanation


def test_contributions_and_base_sum_to_the_log_odds(engine, statements):
    frame = statements.iloc[:150].copy()
    frame.loc[::3, "market_cap"] = np.nan
    frame.loc[::4, "inventory"] = np.nan
    scores = engine.score(frame, kind="annual", drivers=1000)
    total = np.array([sum(d["contribution"] for d in row) for row in scores.drivers]) + scores.base
    assert np.abs(total - scores.log_odds).max() < 1e-9
    np.testing.assert_allclose(1 / (1 + np.exp(-scores.log_odds)), scores.pd_raw, atol=1e-12)


def test_the_score_is_the_same_with_and_without_drivers(engine, statements):
    bulk = engine.score(statements, kind="annual", drivers=0)
    single = engine.score(statements.iloc[[7]], kind="annual", drivers=5)
    assert single.log_odds[0] == pytest.approx(bulk.log_odds[7], abs=1e-6)
    assert bulk.drivers[7] == []
    assert np.isnan(bulk.base).all()


def test_drivers_are_ordered_and_speak_plainly(engine):
    worse = {**RATIOS, "return_on_assets": -30.0, "total_debt_to_ebitda": -4.0}
    found = engine.score(pd.DataFrame([worse]), kind="annual", drivers=4).drivers[0]
    assert len(found) == 4
    sizes = [abs(d["contribution"]) for d in found]
    assert sizes == sorted(sizes, reverse=True)
    texts = {d["feature"]: d["text"] for d in found}
    assert texts["return_on_assets"].startswith("Return on assets of -30.0 % raises the PD")
    assert "undefined" in texts["total_debt_to_ebitda"]
    assert {d["feature"] for d in found} <= set(ANNUAL_RATIOS)


def test_a_company_is_held_against_those_of_its_size(engine, firm):
    """The same company ten thousand times as large has other peers, and their median beside its value."""
    items = [name for name in firm if name in DEVELOPED_ITEMS or name == "market_cap"]
    large = {**firm, **{name: 1e4 * firm[name] for name in items}}
    scores = engine.score(pd.DataFrame([firm, large]), kind="annual", drivers=40)
    development = engine.models["statement_market"].development
    features = engine.models["statement_market"].shape.features
    assets = np.array([firm["total_assets"], large["total_assets"]])
    for found, peers in zip(scores.drivers, development.size_class(assets), strict=True):
        named = {d["feature"]: d for d in found if d["typical"] is not None}
        for feature, driver in named.items():
            column = features.index(feature)
            if feature == SIZE:
                assert driver["typical"] == development.median[column]
                continue
            assert driver["typical"] == development.median_by_size[peers, column]
            assert driver["value"] is None or driver["peers"] in driver["text"]
    small, big = ({d["peers"] for d in found if d["feature"] == "ebit_to_assets"} for found in scores.drivers)
    assert small != big


def test_ratios_know_no_size(engine):
    (found,) = engine.score(pd.DataFrame([RATIOS]), kind="annual").drivers
    assert {d["peers"] for d in found} == {"all companies"}


# --- Safety


def test_scoring_never_changes_its_input(engine, synthetic, statements):
    history = history_frame(synthetic)
    history = history[history.row < len(statements)].reset_index(drop=True)
    frame, copies = statements, (statements.copy(deep=True), history.copy(deep=True))
    engine.score(frame, kind="annual", history=history)
    pd.testing.assert_frame_equal(frame, copies[0])
    pd.testing.assert_frame_equal(history, copies[1])


def test_threads_agree(engine, statements):
    expected = engine.score(statements, kind="annual").log_odds
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: engine.score(statements, kind="annual").log_odds, range(8)))
    assert all(np.array_equal(expected, log_odds) for log_odds in found)


@pytest.mark.parametrize("name", ["statement/random_forest.ubj", "annual_ratios/calibration.json"])
def test_an_altered_file_is_refused(tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(DEFAULT_PATH, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=f"{name}.*sha256"):
        Engine.load(folder)


def test_a_missing_file_or_folder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"model\.json"):
        Engine.load(tmp_path)
    folder = tmp_path / "model"
    shutil.copytree(DEFAULT_PATH, folder)
    (folder / "statement" / "logistic.json").unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        Engine.load(folder)


def test_the_shipped_model_is_small_and_has_no_pickle():
    files = [path for path in DEFAULT_PATH.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20e6
    assert {path.suffix for path in files} == {".json", ".ubj"}


def test_blanking_each_item_still_scores(engine, statements):
    for name in DEVELOPED_ITEMS:
        scores = engine.score(statements.iloc[:20].drop(columns=name), kind="annual", drivers=0)
        assert not np.isnan(scores.pd).any()

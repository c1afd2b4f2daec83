"""The declarations are complete, and features have the values and states they promise."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ml.features import (
    ANNUAL_RATIOS,
    CLASSIC_RATIOS,
    FEATURES,
    LINE_ITEMS,
    QUARTERLY_RATIOS,
    RATIOS,
    STATE_WORST,
    Statement,
    classic_ratios,
    clean_items,
    clean_ratios,
    complete_items,
    feature_matrix,
    ratios_from_items,
)

FIRM = {
    "current_assets": 400, "inventory": 100, "total_receivables": 120, "total_assets": 1000,
    "total_current_liabilities": 250, "total_long_term_debt": 200, "total_liabilities": 600,
    "retained_earnings": 150, "net_sales": 1200, "cost_of_goods_sold": 800, "total_operating_expenses": 1080,
    "ebitda": 120, "ebit": 80, "net_income": 35, "market_cap": 500,
}  # fmt: skip


def items(**changes):
    return {k: np.array([float(v)]) for k, v in {**FIRM, **changes}.items() if v is not None}


def value(name, now, before=()):
    years = tuple(complete_items(year) for year in before)
    return feature_matrix(Statement(complete_items(now), years), (name,))[0, 0]


def test_names_are_those_that_users_bring():
    assert set(ANNUAL_RATIOS) == {
        "long_term_debt_to_total_capital", "total_debt_to_ebitda", "net_income_margin",
        "ebit_to_interest_expense", "return_on_assets",
    }  # fmt: skip
    assert set(QUARTERLY_RATIOS) == {
        "total_debt_to_ebitda", "sga_margin", "long_term_debt_to_total_capital", "return_on_capital",
    }  # fmt: skip
    assert len(CLASSIC_RATIOS) == 38


@pytest.mark.parametrize("spec", [*FEATURES.values(), *CLASSIC_RATIOS.values()], ids=lambda s: s.name)
def test_every_declaration_names_its_inputs(spec):
    assert spec.label
    assert spec.formula
    assert spec.inputs
    assert set(spec.inputs) <= set(LINE_ITEMS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("working_capital_to_assets", 15.0),
        ("liabilities_to_assets", 60.0),
        ("long_term_debt_to_total_capital", 100 * 200 / 600),
        ("total_debt_to_ebitda", 200 / 120),
        ("sga_margin", 100 * 280 / 1200),
        ("return_on_assets", 3.5),
    ],
)
def test_values(name, expected):
    assert value(name, items()) == pytest.approx(expected)


def test_changes_need_the_prior_year():
    assert np.isnan(value("return_on_assets_change", items()))
    assert value("return_on_assets_change", items(), [items(net_income=55)]) == pytest.approx(-2.0)


def test_identities_fill_what_users_leave_out():
    left_out = dict.fromkeys(("total_liabilities", "ebitda", "total_long_term_debt"))
    full = complete_items(items(**left_out, total_equity=400, depreciation_amortization=40, total_debt=230))
    assert full["total_liabilities"][0] == 600
    assert full["ebitda"][0] == 120
    assert full["total_long_term_debt"][0] == 230


@pytest.mark.parametrize("ebitda", [0.0, -50.0])
def test_debt_to_a_negative_ebitda_has_its_own_state(ebitda):
    assert value("total_debt_to_ebitda", items(ebitda=ebitda)) == STATE_WORST
    assert ratios_from_items(complete_items(items(ebitda=ebitda)), ANNUAL_RATIOS)["total_debt_to_ebitda"][
        0
    ] == (STATE_WORST)


@pytest.mark.parametrize("name", RATIOS)
def test_the_sentinel_is_no_number(name):
    cleaned, refused = clean_ratios({name: np.array([1e8, 5.0, np.nan])})
    assert np.isnan(cleaned[name][0])
    assert cleaned[name][1] == 5.0
    assert refused[name].tolist() == [True, False, False]


def test_a_negative_debt_ratio_is_the_worst_state():
    cleaned, refused = clean_ratios({"total_debt_to_ebitda": np.array([-3.0, 0.0])})
    assert cleaned["total_debt_to_ebitda"].tolist() == [STATE_WORST, 0.0]
    assert not refused


def test_impossible_amounts_become_missing():
    cleaned, refused = clean_items({"total_assets": np.array([-1.0, 0.0, 5.0, 1e8])})
    assert np.isnan(cleaned["total_assets"][[0, 1, 3]]).all()
    assert refused["total_assets"].tolist() == [True, True, False, True]


def test_no_division_warns():
    empty = complete_items({name: np.zeros(3) for name in LINE_ITEMS})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        feature_matrix(Statement(empty, (empty,)), tuple(FEATURES))
        classic_ratios(empty)
        ratios_from_items(empty, tuple(RATIOS))


def test_classic_ratios_have_known_values():
    given = items(cash=50, total_debt=240, interest_expense=16, capex=60, accounts_payable=80)
    found = {name: v[0] for name, v in classic_ratios(complete_items(given)).items()}
    assert found["ebit_to_interest_expense"] == 5.0
    assert found["net_debt_to_ebitda"] == pytest.approx(190 / 120)
    assert found["net_debt_to_ebitda_less_capex"] == pytest.approx(190 / 60)
    assert found["cash_conversion_cycle"] == pytest.approx(365 * (0.1 + 100 / 800 - 80 / 800))
    assert np.isnan(found["fixed_asset_turnover"])

"""Classic scores of one company: values, zones, and reasons where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.assessment import assess

FIRM = {
    "current_assets": 400, "total_current_liabilities": 250, "total_assets": 1000, "total_liabilities": 600,
    "retained_earnings": 150, "ebit": 80, "market_cap": 500, "net_sales": 1200, "net_income": 35,
    "depreciation_amortization": 55, "total_long_term_debt": 200,
}  # fmt: skip
PRIOR = [{"row": 0, "periods_back": back, "net_income": 20.0, "total_assets": 900.0, "market_cap": cap}
         for back, cap in ((1, 450.0), (2, 620.0), (3, 400.0), (4, 480.0))]  # fmt: skip


def found(firm, prior=(), **more):
    history = pd.DataFrame(prior) if prior else None
    return {a.name: a for a in assess(pd.DataFrame([firm]), kind="annual", history=history, **more)}


def test_all_six_have_a_value_for_a_complete_company():
    scores = found(FIRM, PRIOR)
    assert list(scores) == ["altman_z", "altman_z1", "altman_z2", "zmijewski_x", "ohlson_o", "merton_dd"]
    assert scores["altman_z"].value == pytest.approx(2.354)
    assert scores["altman_z"].zone == "grey"
    assert scores["altman_z2"].zone == "safe"
    assert scores["zmijewski_x"].probability == pytest.approx(0.140037, abs=5e-7)
    assert scores["zmijewski_x"].zone == "safe"
    # The check value counts total assets of 1000 indices; here 1000 USD million over an index of 500.
    assert scores["ohlson_o"].value == pytest.approx(-1.180185 - 0.407 * np.log(2000), abs=5e-6)
    assert scores["ohlson_o"].zone == "rank_only"
    assert scores["merton_dd"].value > 0
    assert all(s.reason == "" and s.text == "" for s in scores.values())


def test_a_financial_company_has_none():
    scores = found(FIRM, PRIOR, financial=True)
    assert {s.reason for s in scores.values()} == {"financial_sector"}
    assert all(s.value is None and s.zone == "not_applicable" for s in scores.values())


def test_what_is_missing_is_named():
    scores = found({k: v for k, v in FIRM.items() if k != "retained_earnings"}, PRIOR)
    assert scores["altman_z"].missing == ("retained_earnings",)
    assert scores["altman_z"].text == "Not known: retained earnings."
    assert scores["zmijewski_x"].reason == ""


def test_a_zero_denominator_is_named():
    scores = found({**FIRM, "total_liabilities": 0})
    assert scores["altman_z2"].reason == "zero_denominator"
    assert found({**FIRM, "total_current_liabilities": 0})["zmijewski_x"].reason == "zero_denominator"


def test_without_earlier_years_two_scores_cannot_be_had():
    scores = found(FIRM)
    assert scores["ohlson_o"].reason == "no_prior_year"
    assert scores["merton_dd"].reason == "no_volatility"
    assert found({**FIRM, "total_current_liabilities": 0, "total_long_term_debt": 0}, PRIOR)[
        "merton_dd"
    ].reason == "no_debt"  # fmt: skip


def test_ratios_alone_give_none():
    scores = found({"return_on_assets": 4.0})
    assert {s.reason for s in scores.values()} == {"missing_inputs"}

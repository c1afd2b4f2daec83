"""Classic scores against their check values."""

from __future__ import annotations

import numpy as np
import pytest

from ml import classic

ONE = {
    name: np.array([value], dtype=float)
    for name, value in {
        "current_assets": 400, "total_current_liabilities": 250, "total_assets": 1000,
        "total_liabilities": 600,
        "retained_earnings": 150, "ebit": 80, "total_equity": 400, "market_cap": 500, "net_sales": 1200,
        "net_income": 35, "funds_from_operations": 90,
    }.items()
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("altman_z", 2.354), ("altman_z1", 1.96076), ("altman_z2", 2.7106), ("zmijewski_x", -1.080155)],
)
def test_linear_scores(name, value):
    assert classic.CLASSIC_SCORES[name].function(ONE)[0] == pytest.approx(value, abs=5e-7)


def test_ohlson_with_assets_over_index_of_one_thousand():
    o = classic.ohlson_o(ONE, np.array([20.0]), price_index=1e6)
    assert o[0] == pytest.approx(-1.180185, abs=5e-7)
    assert classic.ohlson_probability(o)[0] == pytest.approx(0.235019, abs=5e-7)


def test_zmijewski_probability():
    assert classic.zmijewski_probability(classic.zmijewski_x(ONE))[0] == pytest.approx(0.140037, abs=5e-7)


def test_merton():
    found = classic.merton(3.0, 0.8, 10.0, 0.05, 1.0)
    assert found.asset_value == pytest.approx(12.395387, abs=5e-7)
    assert found.asset_volatility == pytest.approx(0.212305, abs=5e-7)
    assert found.probability == pytest.approx(0.126971, abs=5e-7)


def test_merton_refuses_what_it_cannot_solve():
    with pytest.raises(ValueError, match="positive"):
        classic.merton(0.0, 0.8, 10.0)


@pytest.mark.parametrize(
    ("value", "expected"), [(1.8, "distress"), (2.0, "grey"), (3.0, "safe"), (np.nan, "not_applicable")]
)
def test_zones_of_altman(value, expected):
    assert classic.zone("altman_z", value)[0] == expected


def test_a_financial_company_has_no_altman_score():
    assert classic.zone("altman_z", 2.0, financial=True) == ("not_applicable", "financial_sector")


def test_zmijewski_zone():
    assert classic.zone("zmijewski_x", 0.1) == ("distress", "")
    assert classic.zone("zmijewski_x", -0.1) == ("safe", "")


def test_zero_denominator_is_missing_without_a_warning():
    assert np.isnan(classic.altman_z2({**ONE, "total_liabilities": np.array([0.0])})[0])

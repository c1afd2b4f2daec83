"""The classic bankruptcy scores, with the published coefficients; none of them is a PD of this platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from ml.features.arithmetic import Array, ratio
from ml.features.items import Items


def _working_capital(i: Items) -> Array:
    return ratio(i["current_assets"] - i["total_current_liabilities"], i["total_assets"])


def altman_z(i: Items) -> Array:
    """Altman's Z of 1968, for listed manufacturers. Lower is riskier; shape (n,)."""
    ta = i["total_assets"]
    return (
        1.2 * _working_capital(i)
        + 1.4 * ratio(i["retained_earnings"], ta)
        + 3.3 * ratio(i["ebit"], ta)
        + 0.6 * ratio(i["market_cap"], i["total_liabilities"])
        + 1.0 * ratio(i["net_sales"], ta)
    )


def altman_z1(i: Items) -> Array:
    """Altman's Z' of 1983, for private companies: book equity in place of market value."""
    ta = i["total_assets"]
    return (
        0.717 * _working_capital(i)
        + 0.847 * ratio(i["retained_earnings"], ta)
        + 3.107 * ratio(i["ebit"], ta)
        + 0.420 * ratio(i["total_equity"], i["total_liabilities"])
        + 0.998 * ratio(i["net_sales"], ta)
    )


def altman_z2(i: Items) -> Array:
    """Altman's Z'', for non-manufacturers: no sales."""
    ta = i["total_assets"]
    return (
        6.56 * _working_capital(i)
        + 3.26 * ratio(i["retained_earnings"], ta)
        + 6.72 * ratio(i["ebit"], ta)
        + 1.05 * ratio(i["total_equity"], i["total_liabilities"])
    )


def ohlson_o(i: Items, prior_net_income: Array, *, price_index: float = 100.0) -> Array:
    """Ohlson's O of 1980 in log-odds, higher is riskier.

    `price_index` is the GNP price index with 1968 = 100, dividing total assets in dollars. Funds from
    operations are `funds_from_operations` where given, else net income plus depreciation.
    """
    ta, tl, ni = i["total_assets"], i["total_liabilities"], i["net_income"]
    ffo = i["funds_from_operations"] if "funds_from_operations" in i else ni + i["depreciation_amortization"]
    size = np.log(np.where(ta > 0, ta, np.nan) * 1e6 / price_index)
    change = ratio(ni - prior_net_income, np.abs(ni) + np.abs(prior_net_income))
    both_losses = np.where((ni < 0) & (prior_net_income < 0), 1.0, 0.0)
    return (
        -1.32
        - 0.407 * size
        + 6.03 * ratio(tl, ta)
        - 1.43 * _working_capital(i)
        + 0.0757 * ratio(i["total_current_liabilities"], i["current_assets"])
        - 1.72 * (tl > ta)
        - 2.37 * ratio(ni, ta)
        - 1.83 * ratio(ffo, tl)
        + 0.285 * both_losses
        - 0.521 * change
    )


def ohlson_probability(o: Array) -> Array:
    """The probability that Ohlson's score stands for in his own sample; for ranking only."""
    return np.asarray(expit(o))


def zmijewski_x(i: Items) -> Array:
    """Zmijewski's X of 1984, higher is riskier."""
    ta = i["total_assets"]
    return (
        -4.336
        - 4.513 * ratio(i["net_income"], ta)
        + 5.679 * ratio(i["total_liabilities"], ta)
        + 0.004 * ratio(i["current_assets"], i["total_current_liabilities"])
    )


def zmijewski_probability(x: Array) -> Array:
    """The probability that Zmijewski's score stands for in his own sample; for ranking only."""
    return np.asarray(norm.cdf(x))


@dataclass(frozen=True)
class Merton:
    """Merton's model solved for one firm."""

    asset_value: float
    asset_volatility: float
    distance_to_default: float
    probability: float


def merton(
    equity: float, equity_volatility: float, debt: float, rate: float = 0.05, years: float = 1.0
) -> Merton:
    """Asset value, its volatility, distance to default and risk-neutral PD from Merton (1974).

    Solves E = V N(d1) - D exp(-rT) N(d2) together with sigma_E E = N(d1) sigma_V V.

    Raises
    ------
    ValueError
        If equity, its volatility, debt or the horizon is not positive.
    """
    if min(equity, equity_volatility, debt, years) <= 0:
        raise ValueError("equity, its volatility, debt and the horizon must be positive")
    discounted = debt * np.exp(-rate * years)

    def distances(value: float, sigma: float) -> tuple[float, float]:
        spread = sigma * np.sqrt(years)
        first = (np.log(value / discounted) + 0.5 * spread**2) / spread
        return float(first), float(first - spread)

    def value_of(sigma: float) -> float:
        def gap(value: float) -> float:
            d1, d2 = distances(value, sigma)
            return float(value * norm.cdf(d1) - discounted * norm.cdf(d2) - equity)

        return float(brentq(gap, equity * 1e-6, equity + discounted + 1e-9, xtol=1e-13, rtol=1e-14))

    def gap(sigma: float) -> float:
        value = value_of(sigma)
        return float(norm.cdf(distances(value, sigma)[0]) * sigma * value - equity_volatility * equity)

    sigma = float(brentq(gap, 1e-4, equity_volatility * 1.5 + 1e-3, xtol=1e-13, rtol=1e-14))
    value = value_of(sigma)
    d2 = distances(value, sigma)[1]
    return Merton(value, sigma, d2, float(norm.cdf(-d2)))


@dataclass(frozen=True)
class Zones:
    """Below `distress` is the distress zone, above `safe` the safe one, between them grey."""

    distress: float
    safe: float


@dataclass(frozen=True)
class ClassicScore:
    """What is published about one score."""

    name: str
    label: str
    function: Callable[[Items], Array]
    risk_rises: bool
    zones: Zones | None
    financials: bool = False
    """True when it also applies to financial companies."""


CLASSIC_SCORES: Mapping[str, ClassicScore] = {
    score.name: score
    for score in (
        ClassicScore("altman_z", "Altman Z (1968)", altman_z, False, Zones(1.81, 2.99)),
        ClassicScore("altman_z1", "Altman Z' (1983)", altman_z1, False, Zones(1.23, 2.90)),
        ClassicScore("altman_z2", "Altman Z''", altman_z2, False, Zones(1.10, 2.60)),
        ClassicScore("zmijewski_x", "Zmijewski X (1984)", zmijewski_x, True, None),
    )
}


def zone(name: str, value: float, *, financial: bool = False) -> tuple[str, str]:
    """Zone of a classic score ("distress", "grey", "safe", "not_applicable") and, if so, the reason."""
    score = CLASSIC_SCORES[name]
    if financial and not score.financials:
        return "not_applicable", "financial_sector"
    if np.isnan(value):
        return "not_applicable", "missing_or_zero_denominator"
    if score.zones is None:
        return ("distress", "") if value > 0 else ("safe", "")
    if value < score.zones.distress:
        return "distress", ""
    return ("safe", "") if value > score.zones.safe else ("grey", "")

"""The feature table: one declaration feeds the model, the API's metadata, the help texts and the card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ml.features.arithmetic import (
    Array,
    burden,
    growth,
    highest_known,
    log_positive,
    lowest_known,
    mean_known,
    percent,
    ratio,
    spread,
)
from ml.features.items import Items

Source = Literal["statement", "history", "market"]
# A logarithm is kept as one, for the model, and read as what it stands for: see ml.words.
Unit = Literal["%", "x", "log USD m", "log x", "log %", "points"]


@dataclass(frozen=True)
class Statement:
    """Completed line items of the scored period and, newest first, of the years before it."""

    now: Items
    years: tuple[Items, ...] = field(default=())

    def before(self, name: str, years: int = 1) -> Array:
        """The item one year (or more) earlier, NaN where unknown."""
        known = len(self.years) >= years
        return self.years[years - 1][name] if known else np.full_like(self.now[name], np.nan)

    def over_time(self, measure: Callable[[Items], Array]) -> Array:
        """The measure for the scored period and each known year before it: shape (n, 1 + years)."""
        return np.stack([measure(items) for items in (self.now, *self.years)], axis=1)

    def change(self, measure: Callable[[Items], Array]) -> Array:
        """The measure now less the measure one year earlier."""
        now = measure(self.now)
        return now - measure(self.years[0]) if self.years else np.full_like(now, np.nan)


@dataclass(frozen=True)
class Feature:
    """One explanatory variable of the statement models.

    `direction` is +1 when risk rises with the value, -1 when it falls, 0 where economics does not say; it
    becomes a monotone constraint on the trees and a sign bound on the logistic member.
    """

    name: str
    label: str
    family: str
    formula: str
    function: Callable[[Statement], Array]
    unit: Unit
    direction: Literal[-1, 0, 1]
    source: Source
    inputs: tuple[str, ...]


def _working_capital(i: Items) -> Array:
    return percent(i["current_assets"] - i["total_current_liabilities"], i["total_assets"])


def _liquid(i: Items) -> Array:
    return np.maximum(i["current_assets"] - i["inventory"] - i["total_receivables"], 0.0)


def _liabilities(i: Items) -> Array:
    return percent(i["total_liabilities"], i["total_assets"])


def _current_liabilities(i: Items) -> Array:
    return percent(i["total_current_liabilities"], i["total_assets"])


def _return_on_assets(i: Items) -> Array:
    return percent(i["net_income"], i["total_assets"])


def _ebit_to_assets(i: Items) -> Array:
    return percent(i["ebit"], i["total_assets"])


def _retained(i: Items) -> Array:
    return percent(i["retained_earnings"], i["total_assets"])


def _inventory(i: Items) -> Array:
    return percent(i["inventory"], i["net_sales"])


def _gross_margin(i: Items) -> Array:
    return percent(i["gross_profit"], i["net_sales"])


def _loss(i: Items) -> Array:
    return np.where(np.isnan(i["net_income"]), np.nan, 100.0 * (i["net_income"] < 0))


def _liquid_share(i: Items) -> Array:
    return percent(_liquid(i), i["total_assets"])


def _log_market_value(i: Items) -> Array:
    return log_positive(i["market_cap"])


def _log_sales(i: Items) -> Array:
    return log_positive(i["net_sales"])


def _log_assets(i: Items) -> Array:
    return log_positive(i["total_assets"])


def _market_multiple(i: Items) -> Array:
    return growth(i["market_cap"], i["total_assets"])


def _market_leverage(i: Items) -> Array:
    return percent(i["total_liabilities"], i["total_liabilities"] + i["market_cap"])


def _below_peak(s: Statement, measure: Callable[[Items], Array]) -> Array:
    """How far a logarithm lies below its highest known value, in percent."""
    return 100.0 * (measure(s.now) - highest_known(s.over_time(measure)))


def _growth_over(s: Statement, name: str, years: int) -> Array:
    return growth(s.now[name], s.before(name, years))


def _funds_to_liabilities(i: Items) -> Array:
    """Funds over liabilities; a deficit over assets, so that more debt never makes it look smaller."""
    funds = i["net_income"] + i["depreciation_amortization"]
    return np.where(funds < 0, percent(funds, i["total_assets"]), percent(funds, i["total_liabilities"]))


def _exact(percent_: Array) -> Array:
    """A difference of amounts without the noise of its subtraction: nothing paid or raised is zero."""
    return np.round(percent_, 6) + 0.0


def _paid_out(s: Statement) -> Array:
    stretch = (s.now, *s.years)
    paid = [
        _exact(percent(new["net_income"] - (new["retained_earnings"] - old["retained_earnings"]), new[_TA]))
        for new, old in zip(stretch, stretch[1:], strict=False)
    ]
    return mean_known(np.stack(paid, axis=1)) if paid else np.full_like(s.now[_TA], np.nan)


def _capital_raised(s: Statement) -> Array:
    now = s.now["total_equity"] - s.now["retained_earnings"]
    before = s.before("total_equity") - s.before("retained_earnings")
    return _exact(percent(now - before, s.before("total_assets")))


def _sales_volatility(s: Statement) -> Array:
    return 100.0 * spread(np.diff(s.over_time(_log_sales), axis=1))


_USUAL_VOLATILITY, _USUAL_YEARS = 0.5, 2.0


def _earlier_market_changes(s: Statement) -> Array:
    """Yearly changes of ln(market value), without the last: what it says would count twice and turn."""
    return np.diff(s.over_time(_log_market_value), axis=1)[:, 1:]


def _equity_volatility(s: Statement) -> Array:
    """Yearly volatility of the market value, pulled to 50 % by as much as two years of it would."""
    changes = _earlier_market_changes(s)
    known = ~np.isnan(changes)
    squares = np.where(known, changes, 0.0) ** 2
    total = squares.sum(axis=1) + _USUAL_YEARS * _USUAL_VOLATILITY**2
    return np.asarray(np.sqrt(total / (known.sum(axis=1) + _USUAL_YEARS)))


def _known_volatility(s: Statement) -> Array:
    known = (~np.isnan(_earlier_market_changes(s))).any(axis=1)
    return np.where(known, 100.0 * _equity_volatility(s), np.nan)


def _distance_to_default(s: Statement) -> Array:
    """Merton's distance with the naive asset volatility of Bharath and Shumway (2008), no drift, one year."""
    short, owed, equity = s.now["total_current_liabilities"], s.now["total_liabilities"], s.now["market_cap"]
    point = short + 0.5 * (owed - short)
    value = equity + point
    volatility = _equity_volatility(s)
    spread_ = ratio(volatility * equity + (0.05 + 0.25 * volatility) * point, value)
    return np.clip(ratio(log_positive(ratio(value, point)), spread_), -5.0, 20.0)


_TA, _TL, _CA, _CL = "total_assets", "total_liabilities", "current_assets", "total_current_liabilities"
_LTD, _NI, _S, _RE, _MV = "total_long_term_debt", "net_income", "net_sales", "retained_earnings", "market_cap"
_INV, _REC, _DA = "inventory", "total_receivables", "depreciation_amortization"

_F = Feature
_ROWS: tuple[Feature, ...] = (
    _F("working_capital_to_assets", "Working capital to assets", "liquidity",
       "(current assets - current liabilities) / total assets",
       lambda s: _working_capital(s.now), "%", -1, "statement", (_CA, _CL, _TA)),
    _F("current_ratio", "Current ratio", "liquidity", "current assets / current liabilities",
       lambda s: ratio(s.now[_CA], s.now[_CL]), "x", -1, "statement", (_CA, _CL)),
    _F("quick_ratio", "Quick ratio", "liquidity", "(current assets - inventory) / current liabilities",
       lambda s: ratio(s.now[_CA] - s.now[_INV], s.now[_CL]), "x", -1, "statement", (_CA, _INV, _CL)),
    _F("liquid_assets_to_assets", "Liquid assets to assets", "liquidity",
       "(current assets - inventory - receivables) / total assets",
       lambda s: _liquid_share(s.now), "%", -1, "statement", (_CA, _INV, _REC, _TA)),
    _F("liquid_assets_to_current_liabilities", "Liquid assets to current liabilities", "liquidity",
       "(current assets - inventory - receivables) / current liabilities",
       lambda s: percent(_liquid(s.now), s.now[_CL]), "%", -1, "statement", (_CA, _INV, _REC, _CL)),
    _F("liquidity_cushion", "Liquid assets and EBITDA to current liabilities", "liquidity",
       "(current assets - inventory - receivables + EBITDA) / current liabilities",
       lambda s: percent(_liquid(s.now) + s.now["ebitda"], s.now[_CL]), "%", -1, "statement",
       (_CA, _INV, _REC, "ebitda", _CL)),
    _F("current_liabilities_to_assets", "Current liabilities to assets", "liquidity",
       "current liabilities / total assets",
       lambda s: _current_liabilities(s.now), "%", 1, "statement", (_CL, _TA)),
    _F("liabilities_to_assets", "Liabilities to assets", "leverage", "total liabilities / total assets",
       lambda s: _liabilities(s.now), "%", 1, "statement", (_TL, _TA)),
    _F("long_term_debt_to_assets", "Long-term debt to assets", "leverage", "long-term debt / total assets",
       lambda s: percent(s.now[_LTD], s.now[_TA]), "%", 1, "statement", (_LTD, _TA)),
    _F("long_term_debt_to_total_capital", "Long-term debt to capital", "leverage",
       "long-term debt / (long-term debt + equity); a state of its own when capital is not positive",
       lambda s: burden(100.0 * s.now[_LTD], s.now[_LTD] + s.now["total_equity"]), "%", 1, "statement",
       (_LTD, "total_equity")),
    _F("total_debt_to_ebitda", "Debt to EBITDA", "leverage",
       "long-term debt / EBITDA; a state of its own when EBITDA is not positive",
       lambda s: burden(s.now[_LTD], s.now["ebitda"]), "x", 1, "statement", (_LTD, "ebitda")),
    _F("retained_earnings_to_assets", "Retained earnings to assets", "leverage",
       "retained earnings / total assets",
       lambda s: percent(s.now[_RE], s.now[_TA]), "%", -1, "statement", (_RE, _TA)),
    _F("ebitda_to_liabilities", "EBITDA to liabilities", "coverage", "EBITDA / total liabilities",
       lambda s: percent(s.now["ebitda"], s.now[_TL]), "%", -1, "statement", ("ebitda", _TL)),
    _F("charges_to_assets", "Charges below EBIT to assets", "coverage",
       "(EBIT - net income) / total assets: interest, tax and special charges",
       lambda s: percent(s.now["ebit"] - s.now[_NI], s.now[_TA]), "%", 0, "statement", ("ebit", _NI, _TA)),
    _F("return_on_assets", "Return on assets", "profitability", "net income / total assets",
       lambda s: _return_on_assets(s.now), "%", -1, "statement", (_NI, _TA)),
    _F("ebit_to_assets", "EBIT to assets", "profitability", "EBIT / total assets",
       lambda s: _ebit_to_assets(s.now), "%", -1, "statement", ("ebit", _TA)),
    _F("ebitda_to_assets", "EBITDA to assets", "profitability", "EBITDA / total assets",
       lambda s: percent(s.now["ebitda"], s.now[_TA]), "%", -1, "statement", ("ebitda", _TA)),
    _F("net_income_margin", "Net margin", "profitability", "net income / net sales",
       lambda s: percent(s.now[_NI], s.now[_S]), "%", -1, "statement", (_NI, _S)),
    _F("gross_margin", "Gross margin", "profitability", "gross profit / net sales",
       lambda s: percent(s.now["gross_profit"], s.now[_S]), "%", 0, "statement", ("gross_profit", _S)),
    _F("sga_margin", "SG&A to sales", "profitability",
       "SG&A / net sales (operating expenses less cost of goods sold where SG&A is not given)",
       lambda s: percent(s.now["sga_expense"], s.now[_S]), "%", 0, "statement", ("sga_expense", _S)),
    _F("asset_turnover", "Asset turnover", "activity", "net sales / total assets",
       lambda s: ratio(s.now[_S], s.now[_TA]), "x", 0, "statement", (_S, _TA)),
    _F("inventory_to_sales", "Inventory to sales", "activity", "inventory / net sales",
       lambda s: percent(s.now[_INV], s.now[_S]), "%", 0, "statement", (_INV, _S)),
    _F("receivables_to_sales", "Receivables to sales", "activity", "receivables / net sales",
       lambda s: percent(s.now[_REC], s.now[_S]), "%", 0, "statement", (_REC, _S)),
    _F("log_assets", "Size (assets)", "size", "ln(total assets in USD millions)",
       lambda s: log_positive(s.now[_TA]), "log USD m", 0, "statement", (_TA,)),
    _F("log_sales", "Size (sales)", "size", "ln(net sales in USD millions)",
       lambda s: _log_sales(s.now), "log USD m", 0, "statement", (_S,)),
    _F("funds_to_liabilities", "Funds to liabilities", "coverage",
       "(net income + depreciation) / total liabilities; over total assets when negative",
       lambda s: _funds_to_liabilities(s.now), "%", -1, "statement", (_NI, _DA, _TL, _TA)),
    _F("depreciation_to_assets", "Depreciation to assets", "activity", "depreciation / total assets",
       lambda s: percent(s.now[_DA], s.now[_TA]), "%", 0, "statement", (_DA, _TA)),
    _F("sales_growth", "Sales growth", "change", "ln(net sales / net sales of the prior year)",
       lambda s: growth(s.now[_S], s.before(_S)), "log %", 0, "history", (_S,)),
    _F("asset_growth", "Asset growth", "change", "ln(total assets / total assets of the prior year)",
       lambda s: growth(s.now[_TA], s.before(_TA)), "log %", 0, "history", (_TA,)),
    _F("return_on_assets_change", "Change in return on assets", "change",
       "return on assets less that of the prior year",
       lambda s: s.change(_return_on_assets), "points", -1, "history", (_NI, _TA)),
    _F("liabilities_to_assets_change", "Change in liabilities to assets", "change",
       "liabilities to assets less that of the prior year",
       lambda s: s.change(_liabilities), "points", 1, "history", (_TL, _TA)),
    _F("current_liabilities_change", "Change in current liabilities to assets", "change",
       "current liabilities to assets less that of the prior year",
       lambda s: s.change(_current_liabilities), "points", 1, "history", (_CL, _TA)),
    _F("working_capital_change", "Change in working capital to assets", "change",
       "working capital to assets less that of the prior year",
       lambda s: s.change(_working_capital), "points", -1, "history", (_CA, _CL, _TA)),
    _F("liquid_assets_change", "Change in liquid assets to assets", "change",
       "liquid assets to assets less that of the prior year",
       lambda s: s.change(_liquid_share), "points", 0, "history", (_CA, _INV, _REC, _TA)),
    _F("net_income_change", "Change in net income", "change",
       "(net income - prior) / (|net income| + |prior|)",
       lambda s: percent(s.now[_NI] - s.before(_NI), np.abs(s.now[_NI]) + np.abs(s.before(_NI))), "%", -1,
       "history", (_NI,)),
    _F("loss_years", "Share of loss years", "volatility",
       "share of the known years with a negative net income",
       lambda s: mean_known(s.over_time(_loss), at_least=2), "%", 1, "history", (_NI,)),
    _F("return_on_assets_volatility", "Volatility of return on assets", "volatility",
       "standard deviation of return on assets over the known years",
       lambda s: spread(s.over_time(_return_on_assets)), "points", 1, "history", (_NI, _TA)),
    _F("ebit_to_assets_average", "Average EBIT to assets", "profitability",
       "mean of EBIT to assets over the known years",
       lambda s: mean_known(s.over_time(_ebit_to_assets), at_least=2), "%", -1, "history", ("ebit", _TA)),
    _F("return_on_assets_lowest", "Lowest return on assets", "profitability",
       "lowest return on assets of the known years",
       lambda s: lowest_known(s.over_time(_return_on_assets)), "%", -1, "history", (_NI, _TA)),
    _F("ebit_to_assets_volatility", "Volatility of EBIT to assets", "volatility",
       "standard deviation of EBIT to assets over the known years",
       lambda s: spread(s.over_time(_ebit_to_assets)), "points", 1, "history", ("ebit", _TA)),
    _F("sales_volatility", "Volatility of sales growth", "volatility",
       "standard deviation of the yearly changes of ln(net sales) over the known years",
       _sales_volatility, "%", 0, "history", (_S,)),
    _F("liabilities_to_assets_change_two_years", "Change in liabilities to assets over two years", "change",
       "liabilities to assets less that of two years earlier",
       lambda s: _liabilities(s.now) - percent(s.before(_TL, 2), s.before(_TA, 2)), "points", 1, "history",
       (_TL, _TA)),
    _F("retained_earnings_change", "Change in retained earnings to assets", "change",
       "retained earnings to assets less that of the prior year",
       lambda s: s.change(_retained), "points", -1, "history", (_RE, _TA)),
    _F("sales_below_peak", "Sales against their peak", "change",
       "ln(net sales / highest net sales of the known years)",
       lambda s: _below_peak(s, _log_sales), "log %", -1, "history", (_S,)),
    _F("assets_below_peak", "Assets against their peak", "change",
       "ln(total assets / highest total assets of the known years)",
       lambda s: _below_peak(s, _log_assets), "log %", -1, "history", (_TA,)),
    _F("paid_out_average", "Average paid out to owners", "change",
       "mean over the known years of (net income - change in retained earnings) / total assets",
       _paid_out, "%", 0, "history", (_NI, _RE, _TA)),
    _F("capital_raised", "Capital raised", "change",
       "change of (equity - retained earnings) / total assets of the prior year",
       _capital_raised, "%", -1, "history", ("total_equity", _RE, _TA)),
    _F("inventory_change", "Change in inventory to sales", "change",
       "inventory to sales less that of the prior year",
       lambda s: s.change(_inventory), "points", 0, "history", (_INV, _S)),
    _F("gross_margin_change", "Change in gross margin", "change", "gross margin less that of the prior year",
       lambda s: s.change(_gross_margin), "points", 0, "history", ("gross_profit", _S)),
    _F("log_market_value", "Market value", "market", "ln(market value in USD millions)",
       lambda s: _log_market_value(s.now), "log USD m", -1, "market", (_MV,)),
    _F("market_value_to_liabilities", "Market value to liabilities", "market",
       "ln(market value / total liabilities)",
       lambda s: growth(s.now[_MV], s.now[_TL]), "log x", -1, "market", (_MV, _TL)),
    _F("debt_to_market_capital", "Long-term debt to market capital", "market",
       "long-term debt / (long-term debt + market value)",
       lambda s: percent(s.now[_LTD], s.now[_LTD] + s.now[_MV]), "%", 1, "market", (_LTD, _MV)),
    _F("market_value_growth", "Change in market value", "market",
       "ln(market value / market value one year earlier)",
       lambda s: growth(s.now[_MV], s.before(_MV)), "log %", -1, "market", (_MV,)),
    _F("market_value_growth_two_years", "Change in market value over two years", "market",
       "ln(market value / market value two years earlier)",
       lambda s: growth(s.now[_MV], s.before(_MV, 2)), "log %", -1, "market", (_MV,)),
    _F("market_value_drawdown", "Market value against its peak", "market",
       "ln(market value / highest market value of the known years)",
       lambda s: _below_peak(s, _log_market_value), "log %", -1, "market", (_MV,)),
    _F("market_value_volatility", "Volatility of market value", "market",
       "root mean square of the yearly changes of ln(market value) before the last, pulled to 50 %",
       _known_volatility, "%", 0, "market", (_MV,)),
    _F("market_value_growth_three_years", "Change in market value over three years", "market",
       "ln(market value / market value three years earlier)",
       lambda s: _growth_over(s, _MV, 3), "log %", -1, "market", (_MV,)),
    _F("market_value_to_sales", "Market value to sales", "market", "ln(market value / net sales)",
       lambda s: growth(s.now[_MV], s.now[_S]), "log x", -1, "market", (_MV, _S)),
    _F("market_value_to_assets", "Market value to assets", "market", "ln(market value / total assets)",
       lambda s: _market_multiple(s.now), "log x", -1, "market", (_MV, _TA)),
    _F("market_value_to_assets_change", "Change in market value to assets", "market",
       "ln(market value / total assets) less that of the prior year",
       lambda s: s.change(_market_multiple), "log %", -1, "market", (_MV, _TA)),
    _F("market_leverage_change", "Change in market leverage", "market",
       "liabilities / (liabilities + market value) less that of the prior year",
       lambda s: s.change(_market_leverage), "points", 1, "market", (_MV, _TL)),
    _F("loss_to_market_value", "Loss to market value", "market",
       "net income / market value when a loss, else 0",
       lambda s: percent(np.minimum(s.now[_NI], 0.0), s.now[_MV]), "%", -1, "market", (_NI, _MV)),
    _F("distance_to_default", "Distance to default", "market",
       "ln(1 + market value / (current + half of the other liabilities)) / asset volatility, at most 20",
       _distance_to_default, "x", -1, "market", (_MV, _CL, _TL)),
)  # fmt: skip

FEATURES: Mapping[str, Feature] = {feature.name: feature for feature in _ROWS}

STATEMENT_FEATURES: tuple[str, ...] = tuple(f.name for f in _ROWS if f.source != "market")
STATEMENT_MARKET_FEATURES: tuple[str, ...] = tuple(f.name for f in _ROWS)


def feature_matrix(statement: Statement, names: tuple[str, ...]) -> Array:
    """Matrix of shape (n, len(names)), columns in the order of `names`, NaN where undefined."""
    with np.errstate(invalid="ignore", over="ignore"):
        columns = [FEATURES[name].function(statement) for name in names]
    return np.column_stack(columns)

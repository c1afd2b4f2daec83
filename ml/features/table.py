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
    mean_known,
    percent,
    ratio,
    spread,
)
from ml.features.items import Items

Source = Literal["statement", "history", "market"]
Unit = Literal["%", "x", "log USD m", "points"]


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


def _loss(i: Items) -> Array:
    return np.where(np.isnan(i["net_income"]), np.nan, 100.0 * (i["net_income"] < 0))


def _liquid_share(i: Items) -> Array:
    return percent(_liquid(i), i["total_assets"])


def _log_market_value(i: Items) -> Array:
    return log_positive(i["market_cap"])


_TA, _TL, _CA, _CL = "total_assets", "total_liabilities", "current_assets", "total_current_liabilities"
_LTD, _NI, _S, _RE, _MV = "total_long_term_debt", "net_income", "net_sales", "retained_earnings", "market_cap"
_INV, _REC = "inventory", "total_receivables"

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
    _F("sales_growth", "Sales growth", "change", "ln(net sales / net sales of the prior year)",
       lambda s: growth(s.now[_S], s.before(_S)), "%", 0, "history", (_S,)),
    _F("asset_growth", "Asset growth", "change", "ln(total assets / total assets of the prior year)",
       lambda s: growth(s.now[_TA], s.before(_TA)), "%", 0, "history", (_TA,)),
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
    _F("log_market_value", "Market value", "market", "ln(market value in USD millions)",
       lambda s: _log_market_value(s.now), "log USD m", -1, "market", (_MV,)),
    _F("market_value_to_liabilities", "Market value to liabilities", "market",
       "ln(market value / total liabilities)",
       lambda s: growth(s.now[_MV], s.now[_TL]), "%", -1, "market", (_MV, _TL)),
    _F("debt_to_market_capital", "Long-term debt to market capital", "market",
       "long-term debt / (long-term debt + market value)",
       lambda s: percent(s.now[_LTD], s.now[_LTD] + s.now[_MV]), "%", 1, "market", (_LTD, _MV)),
    _F("market_value_growth", "Change in market value", "market",
       "ln(market value / market value one year earlier)",
       lambda s: growth(s.now[_MV], s.before(_MV)), "%", -1, "market", (_MV,)),
    _F("market_value_growth_two_years", "Change in market value over two years", "market",
       "ln(market value / market value two years earlier)",
       lambda s: growth(s.now[_MV], s.before(_MV, 2)), "%", -1, "market", (_MV,)),
    _F("market_value_drawdown", "Market value against its peak", "market",
       "ln(market value / highest market value of the known years)",
       lambda s: 100.0 * (_log_market_value(s.now) - highest_known(s.over_time(_log_market_value))), "%", -1,
       "market", (_MV,)),
    _F("market_value_volatility", "Volatility of market value", "market",
       "standard deviation of ln(market value) over the known years",
       lambda s: 100.0 * spread(s.over_time(_log_market_value)), "%", 0, "market", (_MV,)),
)  # fmt: skip

FEATURES: Mapping[str, Feature] = {feature.name: feature for feature in _ROWS}

STATEMENT_FEATURES: tuple[str, ...] = tuple(f.name for f in _ROWS if f.source != "market")
STATEMENT_MARKET_FEATURES: tuple[str, ...] = tuple(f.name for f in _ROWS)


def feature_matrix(statement: Statement, names: tuple[str, ...]) -> Array:
    """Matrix of shape (n, len(names)), columns in the order of `names`, NaN where undefined."""
    with np.errstate(invalid="ignore", over="ignore"):
        columns = [FEATURES[name].function(statement) for name in names]
    return np.column_stack(columns)

"""The 38 ratios of the classic sheets, computed from line items for display; they do not feed the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.features.arithmetic import Array, percent, ratio
from ml.features.items import Items

NORMAL_TAX_RATE = 0.375
"""Tax rate of the classic sheets for normalised income and unlevered interest."""


@dataclass(frozen=True)
class ClassicRatio:
    """One display ratio: NaN where an input is missing or the denominator is not positive."""

    name: str
    label: str
    family: str
    formula: str
    unit: Literal["%", "x", "days"]
    function: Callable[[Items], Array]
    inputs: tuple[str, ...]


def _capital(i: Items) -> Array:
    return i["total_debt"] + i["total_equity"]


def _ebita(i: Items) -> Array:
    return i["ebit"] + i["amortization"]


def _after_capex(i: Items) -> Array:
    return i["ebitda"] - i["capex"]


def _free_cash_flow(i: Items) -> Array:
    return i["operating_cash_flow"] - i["capex"]


def _unlevered_cash_flow(i: Items) -> Array:
    return _free_cash_flow(i) + (1.0 - NORMAL_TAX_RATE) * i["interest_expense"]


def _net_debt(i: Items) -> Array:
    return i["total_debt"] - i["cash"]


def _days(stock: Array, flow: Array) -> Array:
    return 365.0 * ratio(stock, flow)


def _normalised_income(i: Items) -> Array:
    return (1.0 - NORMAL_TAX_RATE) * (i["pretax_income"] - i["unusual_items"])


def _cash_cycle(i: Items) -> Array:
    sales, cost = i["net_sales"], i["cost_of_goods_sold"]
    return (
        _days(i["total_receivables"], sales)
        + _days(i["inventory"], cost)
        - _days(i["accounts_payable"], cost)
    )


def _p(name: str, label: str, family: str, formula: str, top: Callable[[Items], Array], below: str,
       inputs: tuple[str, ...]) -> ClassicRatio:  # fmt: skip
    return ClassicRatio(
        name, label, family, formula, "%", lambda i: percent(top(i), i[below]), (*inputs, below)
    )


def _x(name: str, label: str, family: str, formula: str, top: Callable[[Items], Array],
       below: Callable[[Items], Array], inputs: tuple[str, ...]) -> ClassicRatio:  # fmt: skip
    return ClassicRatio(name, label, family, formula, "x", lambda i: ratio(top(i), below(i)), inputs)


_S, _TA, _CL = "net_sales", "total_assets", "total_current_liabilities"
_FCF = ("operating_cash_flow", "capex")

_ROWS: tuple[ClassicRatio, ...] = (
    _p("return_on_assets", "Return on assets", "returns", "net income / total assets",
       lambda i: i["net_income"], _TA, ("net_income",)),
    _p("return_on_equity", "Return on equity", "returns", "net income / equity",
       lambda i: i["net_income"], "total_equity", ("net_income",)),
    ClassicRatio("return_on_capital", "Return on capital", "returns", "EBIT / (total debt + equity)", "%",
                 lambda i: percent(i["ebit"], _capital(i)), ("ebit", "total_debt", "total_equity")),
    _p("return_on_common_equity", "Return on common equity", "returns",
       "(net income - preferred dividends) / common equity",
       lambda i: i["net_income"] - i["preferred_dividends"], "common_equity",
       ("net_income", "preferred_dividends")),
    _p("gross_margin", "Gross margin", "margins", "gross profit / net sales",
       lambda i: i["gross_profit"], _S, ("gross_profit",)),
    _p("sga_margin", "SG&A margin", "margins", "SG&A / net sales",
       lambda i: i["sga_expense"], _S, ("sga_expense",)),
    _p("ebitda_margin", "EBITDA margin", "margins", "EBITDA / net sales",
       lambda i: i["ebitda"], _S, ("ebitda",)),
    _p("ebita_margin", "EBITA margin", "margins", "(EBIT + amortisation) / net sales", _ebita, _S,
       ("ebit", "amortization")),
    _p("ebit_margin", "EBIT margin", "margins", "EBIT / net sales", lambda i: i["ebit"], _S, ("ebit",)),
    _p("continuing_income_margin", "Continuing operations margin", "margins",
       "earnings from continuing operations / net sales",
       lambda i: i["continuing_income"], _S, ("continuing_income",)),
    _p("net_income_margin", "Net income margin", "margins", "net income / net sales",
       lambda i: i["net_income"], _S, ("net_income",)),
    _p("common_income_margin", "Net income to common margin", "margins",
       "(net income - preferred dividends) / net sales",
       lambda i: i["net_income"] - i["preferred_dividends"], _S, ("net_income", "preferred_dividends")),
    _p("normalised_income_margin", "Normalised net income margin", "margins",
       "(pre-tax income - unusual items) x (1 - 37.5 %) / net sales",
       _normalised_income, _S, ("pretax_income", "unusual_items")),
    _p("levered_free_cash_flow_margin", "Levered free cash flow margin", "margins",
       "(operating cash flow - capex) / net sales", _free_cash_flow, _S, _FCF),
    _p("unlevered_free_cash_flow_margin", "Unlevered free cash flow margin", "margins",
       "(operating cash flow - capex + interest x (1 - 37.5 %)) / net sales", _unlevered_cash_flow, _S,
       (*_FCF, "interest_expense")),
    _x("asset_turnover", "Asset turnover", "activity", "net sales / total assets",
       lambda i: i[_S], lambda i: i[_TA], (_S, _TA)),
    _x("fixed_asset_turnover", "Fixed asset turnover", "activity", "net sales / net fixed assets",
       lambda i: i[_S], lambda i: i["net_fixed_assets"], (_S, "net_fixed_assets")),
    _x("receivables_turnover", "Receivables turnover", "activity", "net sales / receivables",
       lambda i: i[_S], lambda i: i["total_receivables"], (_S, "total_receivables")),
    _x("inventory_turnover", "Inventory turnover", "activity", "cost of goods sold / inventory",
       lambda i: i["cost_of_goods_sold"], lambda i: i["inventory"], ("cost_of_goods_sold", "inventory")),
    _x("current_ratio", "Current ratio", "liquidity", "current assets / current liabilities",
       lambda i: i["current_assets"], lambda i: i[_CL], ("current_assets", _CL)),
    _x("quick_ratio", "Quick ratio", "liquidity", "(current assets - inventory) / current liabilities",
       lambda i: i["current_assets"] - i["inventory"], lambda i: i[_CL],
       ("current_assets", "inventory", _CL)),
    _x("operating_cash_flow_to_current_liabilities", "Operating cash flow to current liabilities",
       "liquidity", "operating cash flow / current liabilities",
       lambda i: i["operating_cash_flow"], lambda i: i[_CL], ("operating_cash_flow", _CL)),
    ClassicRatio("days_sales_outstanding", "Days sales outstanding", "activity",
                 "365 x receivables / net sales", "days",
                 lambda i: _days(i["total_receivables"], i[_S]), ("total_receivables", _S)),
    ClassicRatio("days_inventory_outstanding", "Days inventory outstanding", "activity",
                 "365 x inventory / cost of goods sold", "days",
                 lambda i: _days(i["inventory"], i["cost_of_goods_sold"]),
                 ("inventory", "cost_of_goods_sold")),
    ClassicRatio("days_payable_outstanding", "Days payable outstanding", "activity",
                 "365 x accounts payable / cost of goods sold", "days",
                 lambda i: _days(i["accounts_payable"], i["cost_of_goods_sold"]),
                 ("accounts_payable", "cost_of_goods_sold")),
    ClassicRatio("cash_conversion_cycle", "Cash conversion cycle", "activity",
                 "days sales + days inventory - days payable", "days", _cash_cycle,
                 ("total_receivables", "inventory", "accounts_payable", _S, "cost_of_goods_sold")),
    _p("total_debt_to_equity", "Total debt to equity", "leverage", "total debt / equity",
       lambda i: i["total_debt"], "total_equity", ("total_debt",)),
    ClassicRatio("total_debt_to_capital", "Total debt to capital", "leverage",
                 "total debt / (total debt + equity)", "%", lambda i: percent(i["total_debt"], _capital(i)),
                 ("total_debt", "total_equity")),
    _p("long_term_debt_to_equity", "Long-term debt to equity", "leverage", "long-term debt / equity",
       lambda i: i["total_long_term_debt"], "total_equity", ("total_long_term_debt",)),
    ClassicRatio("long_term_debt_to_total_capital", "Long-term debt to capital", "leverage",
                 "long-term debt / (long-term debt + equity)", "%",
                 lambda i: percent(i["total_long_term_debt"], i["total_long_term_debt"] + i["total_equity"]),
                 ("total_long_term_debt", "total_equity")),
    _p("liabilities_to_assets", "Liabilities to assets", "leverage", "total liabilities / total assets",
       lambda i: i["total_liabilities"], _TA, ("total_liabilities",)),
    _x("ebit_to_interest_expense", "EBIT to interest", "coverage", "EBIT / interest expense",
       lambda i: i["ebit"], lambda i: i["interest_expense"], ("ebit", "interest_expense")),
    _x("ebitda_to_interest_expense", "EBITDA to interest", "coverage", "EBITDA / interest expense",
       lambda i: i["ebitda"], lambda i: i["interest_expense"], ("ebitda", "interest_expense")),
    _x("ebitda_less_capex_to_interest_expense", "EBITDA less capex to interest", "coverage",
       "(EBITDA - capex) / interest expense", _after_capex, lambda i: i["interest_expense"],
       ("ebitda", "capex", "interest_expense")),
    _x("total_debt_to_ebitda", "Total debt to EBITDA", "coverage", "total debt / EBITDA",
       lambda i: i["total_debt"], lambda i: i["ebitda"], ("total_debt", "ebitda")),
    _x("net_debt_to_ebitda", "Net debt to EBITDA", "coverage", "(total debt - cash) / EBITDA", _net_debt,
       lambda i: i["ebitda"], ("total_debt", "cash", "ebitda")),
    _x("total_debt_to_ebitda_less_capex", "Total debt to EBITDA less capex", "coverage",
       "total debt / (EBITDA - capex)", lambda i: i["total_debt"], _after_capex,
       ("total_debt", "ebitda", "capex")),
    _x("net_debt_to_ebitda_less_capex", "Net debt to EBITDA less capex", "coverage",
       "(total debt - cash) / (EBITDA - capex)", _net_debt, _after_capex,
       ("total_debt", "cash", "ebitda", "capex")),
)  # fmt: skip

CLASSIC_RATIOS: Mapping[str, ClassicRatio] = {row.name: row for row in _ROWS}


def classic_ratios(items: Items) -> dict[str, Array]:
    """All 38 ratios from completed line items: name to array of shape (n,)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return {name: row.function(items) for name, row in CLASSIC_RATIOS.items()}

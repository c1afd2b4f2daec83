"""The line items of a statement: what users may bring, what the development data has, how each is derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.features.arithmetic import Array

Nature = Literal["stock", "flow"]
Sign = Literal["positive", "non_negative", "any"]

LARGEST_AMOUNT = 2.0e7
"""USD millions beyond which an amount is no number of a company (placeholders such as 100000000)."""


@dataclass(frozen=True)
class LineItem:
    """One line of a statement, in USD millions."""

    name: str
    label: str
    nature: Nature
    sign: Sign
    developed: bool
    """True when the development data has it, so that the fitted model can use it."""
    note: str = ""


def _table(*items: LineItem) -> Mapping[str, LineItem]:
    return {item.name: item for item in items}


LINE_ITEMS: Mapping[str, LineItem] = _table(
    LineItem("current_assets", "Current assets", "stock", "non_negative", True),
    LineItem("inventory", "Inventory", "stock", "non_negative", True),
    LineItem("total_receivables", "Receivables", "stock", "non_negative", True),
    LineItem("total_assets", "Total assets", "stock", "positive", True),
    LineItem("total_current_liabilities", "Current liabilities", "stock", "non_negative", True),
    LineItem("total_long_term_debt", "Long-term debt", "stock", "non_negative", True),
    LineItem("total_liabilities", "Total liabilities", "stock", "non_negative", True),
    LineItem("retained_earnings", "Retained earnings", "stock", "any", True),
    LineItem("net_sales", "Net sales", "flow", "non_negative", True),
    LineItem("cost_of_goods_sold", "Cost of goods sold", "flow", "any", True),
    LineItem("gross_profit", "Gross profit", "flow", "any", True),
    LineItem("total_operating_expenses", "Operating expenses", "flow", "any", True, "before depreciation"),
    LineItem("ebitda", "EBITDA", "flow", "any", True),
    LineItem("depreciation_amortization", "Depreciation and amortisation", "flow", "non_negative", True),
    LineItem("ebit", "EBIT", "flow", "any", True),
    LineItem("net_income", "Net income", "flow", "any", True),
    LineItem("market_cap", "Market value of equity", "stock", "positive", True, "at the statement date"),
    LineItem("cash", "Cash and short-term investments", "stock", "non_negative", False),
    LineItem("total_debt", "Total debt", "stock", "non_negative", False),
    LineItem("short_term_debt", "Short-term debt", "stock", "non_negative", False),
    LineItem("total_equity", "Total equity", "stock", "any", False),
    LineItem("common_equity", "Common equity", "stock", "any", False),
    LineItem("net_fixed_assets", "Net fixed assets", "stock", "non_negative", False),
    LineItem("accounts_payable", "Accounts payable", "stock", "non_negative", False),
    LineItem("shares_outstanding", "Shares outstanding (millions)", "stock", "non_negative", False),
    LineItem("interest_expense", "Interest expense", "flow", "any", False, "an expense is positive"),
    LineItem("capex", "Capital expenditure", "flow", "any", False, "an outflow is positive"),
    LineItem("operating_cash_flow", "Cash flow from operations", "flow", "any", False),
    LineItem("sga_expense", "Selling, general and administrative expense", "flow", "any", False),
    LineItem("amortization", "Amortisation of intangibles", "flow", "non_negative", False),
    LineItem("pretax_income", "Pre-tax income", "flow", "any", False),
    LineItem("unusual_items", "Unusual items before tax", "flow", "any", False, "a gain is positive"),
    LineItem("income_tax", "Income tax", "flow", "any", False),
    LineItem("continuing_income", "Earnings from continuing operations", "flow", "any", False),
    LineItem("preferred_dividends", "Preferred dividends", "flow", "non_negative", False),
)

DEVELOPED_ITEMS: tuple[str, ...] = tuple(name for name, item in LINE_ITEMS.items() if item.developed)
FLOW_ITEMS: frozenset[str] = frozenset(name for name, item in LINE_ITEMS.items() if item.nature == "flow")

Items = dict[str, Array]

_Identity = tuple[str, tuple[str, ...], Callable[..., Array]]

# Order matters: an item found by an earlier line feeds the later ones.
IDENTITIES: tuple[_Identity, ...] = (
    ("ebitda", ("ebit", "depreciation_amortization"), lambda ebit, da: ebit + da),
    ("ebit", ("ebitda", "depreciation_amortization"), lambda ebitda, da: ebitda - da),
    ("depreciation_amortization", ("ebitda", "ebit"), lambda ebitda, ebit: np.maximum(ebitda - ebit, 0.0)),
    ("ebitda", ("net_sales", "total_operating_expenses"), lambda sales, costs: sales - costs),
    ("total_operating_expenses", ("net_sales", "ebitda"), lambda sales, ebitda: sales - ebitda),
    ("cost_of_goods_sold", ("net_sales", "gross_profit"), lambda sales, gross: sales - gross),
    ("gross_profit", ("net_sales", "cost_of_goods_sold"), lambda sales, cost: sales - cost),
    ("total_equity", ("common_equity",), lambda common: common),
    ("total_liabilities", ("total_assets", "total_equity"), lambda assets, equity: assets - equity),
    ("total_equity", ("total_assets", "total_liabilities"), lambda assets, owed: assets - owed),
    ("common_equity", ("total_equity",), lambda equity: equity),
    ("total_debt", ("total_long_term_debt", "short_term_debt"), lambda long, short: long + short),
)


def clean_items(items: Mapping[str, Array]) -> tuple[Items, dict[str, NDArrayBool]]:
    """Items with impossible amounts made missing, and for each item the mask of what was thrown away.

    Parameters
    ----------
    items : mapping of name to float array of shape (n,)
        USD millions, NaN where missing.
    """
    cleaned: Items = {}
    refused: dict[str, NDArrayBool] = {}
    for name, values in items.items():
        sign = LINE_ITEMS[name].sign
        bad = ~np.isnan(values) & ~(np.abs(values) <= LARGEST_AMOUNT)
        if sign == "positive":
            bad |= values <= 0
        elif sign == "non_negative":
            bad |= values < 0
        cleaned[name] = np.where(bad, np.nan, values)
        if bad.any():
            refused[name] = bad
    return cleaned, refused


def complete_items(items: Mapping[str, Array]) -> Items:
    """All line items, the missing ones derived from accounting identities where these allow it.

    Where only total debt is known it stands in for long-term debt (the development data has no other), and
    operating expenses less cost of goods sold give SG&A where they differ (equal means "not reported").
    """
    size = len(next(iter(items.values())))
    full: Items = {name: items[name] if name in items else np.full(size, np.nan) for name in LINE_ITEMS}
    for target, sources, formula in IDENTITIES:
        gap = np.isnan(full[target])
        if gap.any():
            full[target] = np.where(gap, formula(*(full[name] for name in sources)), full[target])
    full["total_long_term_debt"] = _first(full["total_long_term_debt"], full["total_debt"])
    derived = full["total_operating_expenses"] - full["cost_of_goods_sold"]
    full["sga_expense"] = _first(full["sga_expense"], np.where(np.abs(derived) > 1e-9, derived, np.nan))
    return full


def _first(preferred: Array, fallback: Array) -> Array:
    return np.where(np.isnan(preferred), fallback, preferred)


NDArrayBool = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

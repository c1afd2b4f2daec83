"""Whether the books are in order: the sums that a statement ought to hold. Exact decimals, USD millions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

Amounts = Mapping[str, Decimal]
EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)


def imbalance(amounts: Amounts) -> Decimal | None:
    """Total assets less liabilities and equity; None where one of them is not known."""
    if not {"total_assets", "total_liabilities", "total_equity"} <= amounts.keys():
        return None
    with localcontext(EXACT):
        return amounts["total_assets"] - amounts["total_liabilities"] - amounts["total_equity"]


# Sums that the income statement ought to hold: the total, and its parts with their signs.
_INCOME = {
    "gross_profit": {"net_sales": 1, "cost_of_goods_sold": -1},
    "ebitda": {"net_sales": 1, "total_operating_expenses": -1},
    "ebit": {"ebitda": 1, "depreciation_amortization": -1},
    "pretax_income": {"ebit": 1, "interest_expense": -1, "unusual_items": 1},
    "net_income": {"pretax_income": 1, "income_tax": -1},
}


def income_gaps(amounts: Amounts) -> dict[str, Decimal]:
    """By how much each sum of the income statement is off, where all its parts are known."""
    with localcontext(EXACT):
        return {
            total: amounts[total] - sum((sign * amounts[part] for part, sign in parts.items()), _ZERO)
            for total, parts in _INCOME.items()
            if total in amounts and parts.keys() <= amounts.keys()
        }

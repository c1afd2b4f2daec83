"""The checks with their boundaries: data that a reviewer signs.

A check measures something; the gravest level whose boundary the measure exceeds is what it says. A check
without a quantity measures 1 where it holds and has the boundary 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it measures, and beyond which value it is an information, a warning, an error."""

    code: str
    title: str
    measure: str
    hint: str
    items: tuple[str, ...] = ()
    info: float | None = None
    warning: float | None = None
    error: float | None = None
    confirmable: bool = False
    """An error of it may be confirmed, and is then kept as a warning."""


_PERCENT_OF_ASSETS = "gap beyond rounding, % of total assets"
_PERCENT_OF_SALES = "gap beyond rounding, % of net sales"
_EXCESS = "excess beyond rounding, % of the whole"
_UNIT_HINT = "Amounts of two units in one statement? Check thousands against millions."

_ROWS: tuple[Check, ...] = (
    # -- amounts by themselves
    Check("no_amounts", "No amount at all", "1 where it holds", "Give at least one line item.", error=0),
    Check("impossible_sign", "Sign that cannot be", "1 where it holds",
          "Liabilities, debt, cash and expenses such as depreciation are given as positive numbers.",
          error=0),
    Check("placeholder", "Number that stands for no value", "1 where it holds",
          "Leave the item out where it is not known.", error=0),
    Check("too_large", "Larger than any company's amount", "1 where it holds",
          "Check the unit: whole units given as thousands or millions?", error=0),
    # -- the balance sheet
    Check("balance_off", "Balance sheet does not balance", _PERCENT_OF_ASSETS,
          "Total assets are liabilities plus equity, minority interests included.",
          ("total_assets", "total_liabilities", "total_equity"), warning=0.1, error=5.0, confirmable=True),
    Check("current_assets_above_total", "Current assets above total assets", _EXCESS, _UNIT_HINT,
          ("current_assets", "total_assets"), warning=0.0, error=2.0),
    Check("current_liabilities_above_total", "Current liabilities above total liabilities", _EXCESS,
          _UNIT_HINT, ("total_current_liabilities", "total_liabilities"), warning=0.0, error=2.0),
    Check("fixed_and_current_above_total", "Fixed and current assets above total assets", _EXCESS,
          _UNIT_HINT, ("net_fixed_assets", "current_assets", "total_assets"), warning=0.5, error=25.0,
          confirmable=True),
    Check("current_parts_above_whole", "Inventory and receivables above current assets", _EXCESS,
          "Long-term receivables are no current assets.",
          ("inventory", "total_receivables", "current_assets"), warning=1.0, error=100.0, confirmable=True),
    Check("cash_above_current_assets", "Cash above current assets", _EXCESS,
          "Long-term investments are no cash.", ("cash", "current_assets"), warning=1.0),
    Check("long_debt_above_noncurrent", "Long-term debt above non-current liabilities", _EXCESS,
          "Long-term debt is the part due after a year.",
          ("total_long_term_debt", "total_current_liabilities", "total_liabilities"), warning=1.0),
    Check("debt_above_liabilities", "Debt above total liabilities", _EXCESS, _UNIT_HINT,
          ("total_debt", "total_liabilities"), warning=1.0, error=100.0, confirmable=True),
    Check("short_debt_above_current", "Short-term debt above current liabilities", _EXCESS, _UNIT_HINT,
          ("short_term_debt", "total_current_liabilities"), warning=1.0),
    Check("payables_above_current", "Payables above current liabilities", _EXCESS, _UNIT_HINT,
          ("accounts_payable", "total_current_liabilities"), warning=1.0),
    Check("debt_parts_off", "Debt is not the sum of its parts", "gap beyond rounding, % of total debt",
          "Total debt is long-term plus short-term debt; leases belong to both or to neither.",
          ("total_debt", "total_long_term_debt", "short_term_debt"), info=1.0, warning=10.0),
    # -- the income statement
    Check("gross_profit_off", "Gross profit is not sales less cost", _PERCENT_OF_SALES,
          "Depreciation is either in cost of goods sold or not: take both from one line.",
          ("gross_profit", "net_sales", "cost_of_goods_sold"), warning=0.5, error=50.0, confirmable=True),
    Check("gross_profit_above_sales", "Gross profit above net sales", "excess, % of net sales",
          "Cost of goods sold is given as a positive number.", ("gross_profit", "net_sales"), warning=0.5),
    Check("ebitda_off", "EBITDA is not EBIT plus depreciation", _PERCENT_OF_SALES,
          "Adjusted EBITDA? Give the one that follows from the statement.",
          ("ebitda", "ebit", "depreciation_amortization"), info=0.5, warning=5.0),
    Check("operating_expenses_off", "Sales less operating expenses is not EBITDA", _PERCENT_OF_SALES,
          "Operating expenses are those before depreciation.",
          ("net_sales", "total_operating_expenses", "ebitda"), info=0.5, warning=10.0),
    Check("tax_off", "Income after tax is not income before tax less tax", _PERCENT_OF_SALES,
          "Tax income is negative; results of associates stand between the two.",
          ("pretax_income", "income_tax", "continuing_income"), info=1.0, warning=10.0),
    Check("amortization_above_total", "Amortisation above depreciation and amortisation",
          "excess beyond rounding, % of the whole", "Amortisation of intangibles is a part of it.",
          ("amortization", "depreciation_amortization"), warning=1.0),
    Check("income_above_sales", "Income above sales", "net income, % of net sales",
          "A sale of a business? Otherwise look for amounts of two units.", ("net_income", "net_sales"),
          info=100.0, warning=500.0),
    Check("impossible_ratio", "Ratio that no company has", "1 where it holds", _UNIT_HINT, warning=0),
    Check("unlikely_ratio", "Ratio that hardly any company has", "1 where it holds", _UNIT_HINT, info=0),
    # -- beside the period a year before
    Check("unit_jump", "All amounts a thousand times last year's, or a thousandth",
          "1 where most amounts moved by about a thousand or a million",
          "Thousands given as millions, or the other way round? Correct the unit, or confirm.",
          error=0, confirmable=True),
    Check("item_jump", "One amount a thousand times last year's, or a thousandth",
          "1 where one item moved by about a thousand and the others did not",
          "One cell in another unit?", warning=0),
    Check("copied_year", "The same amounts as a year before", "equal amounts, of those in both",
          "A column copied twice? Look at the source.", warning=4),
    Check("currency_changed", "Another currency than a year before", "1 where it holds",
          "Growth and trends across the change are not comparable as they stand.", warning=0),
    Check("sales_moved", "Sales moved far", "absolute log10 of sales over last year's",
          "A merger, a sale of a business, or a short year?", ("net_sales",), info=0.5, warning=1.0),
    Check("assets_moved", "Assets moved far", "absolute log10 of assets over last year's",
          "A merger, a spin-off, or a wrong unit?", ("total_assets",), info=0.5, warning=1.0),
    # -- beside the quarters of the year
    Check("quarters_off", "The four quarters do not add up to the year",
          "largest gap of a flow beyond rounding, % of the larger",
          "Was a quarter restated with the year's end? Or are the quarters' figures year-to-date?",
          info=1.0, warning=5.0),
    # -- the period
    Check("future_period", "Period that has not ended", "days from today to its end",
          "A forecast is no statement.", error=0),
    Check("stale", "Old statement", "days since the period's end, for the company's newest one",
          "Ask the company for a newer one.", info=548, warning=730),
    Check("part_year", "Year of fewer than twelve months", "months that are missing",
          "Flows of a part of a year are read as a year's: annualise them, or give a full year.", warning=0),
    Check("long_year", "Year of more than twelve months", "months beyond twelve",
          "Flows of a long year look larger than they are.", warning=0, error=6),
    Check("not_a_quarter", "Quarter of more than three months", "months beyond three",
          "Year-to-date figures? A quarter's flows are those of its own three months.", error=0,
          confirmable=True),
    Check("fiscal_year_off", "Fiscal year and period end do not fit", "years apart beyond what is usual",
          "A fiscal year is named by the year it ends in, or by the one before if it ends by June.",
          warning=0, error=1),
    Check("period_end_off", "Period end beside the company's fiscal year", "months apart",
          "Has the company changed its fiscal year?", info=0, warning=1),
    Check("periods_overlap", "Less or more than a year after the last one", "days away from a year",
          "A changed fiscal year, or one statement entered twice?", info=20, warning=45),
)  # fmt: skip

CHECKS: Final[Mapping[str, Check]] = {row.code: row for row in _ROWS}
CONFIRMABLE: Final = tuple(row.code for row in _ROWS if row.confirmable)
"""Doubts that somebody may answer with: it is so."""

JUMP_LOW, JUMP_HIGH = 200.0, 5000.0
"""Factors between which an amount has moved by "about a thousand", where most of them did."""
ITEM_JUMP_LOW, ITEM_JUMP_HIGH = 400.0, 2500.0
"""The same for one amount alone: a small one may well grow by some hundreds."""
JUMP_SHARE = 0.6
"""Share of the amounts known in both periods that must have jumped for the whole statement to have."""
LEAST_FOR_JUMP = 3
LARGEST_USD = 2.0e7
"""Millions of US dollars beyond which an amount is no company's (20 trillion)."""
LARGEST_OTHER = 1.0e12
"""The same for currencies with small units, of which no rate is known here."""

# Outside the first pair no company is; outside the second hardly any. Percent or times, by ratio.
RATIO_BOUNDS: Final[Mapping[str, tuple[float, float, float, float]]] = {
    "return_on_assets": (-1e4, 1e3, -500.0, 100.0),
    "net_income_margin": (-1e6, 1e4, -1e4, 300.0),
    "gross_margin": (-1e5, 100.5, -1e3, 100.0),
    "asset_turnover": (-1e-9, 100.0, 0.0, 20.0),
    "liabilities_to_assets": (0.0, 1e5, 0.0, 2e3),
    "current_ratio": (0.0, 1e4, 0.0, 100.0),
    "days_sales_outstanding": (0.0, 1e5, 0.0, 1500.0),
    "interest_to_debt": (-100.0, 200.0, -5.0, 50.0),
}

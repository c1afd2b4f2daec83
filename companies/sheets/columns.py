"""The table of what a sheet may hold: names, the other names people give them, measures and limits."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ml.features import ANNUAL_RATIOS, LARGEST_AMOUNT, LINE_ITEMS, QUARTERLY_RATIOS, RATIOS

Kind = Literal["annual", "quarterly"]
Role = Literal["key", "label", "ratio", "amount", "prior"]
Measure = Literal["symbol", "text", "year", "quarter", "currency", "unit", "percent", "multiple", "money"]

KINDS: Final[tuple[Kind, Kind]] = ("annual", "quarterly")
BOTH: Final = frozenset(KINDS)
PRIOR: Final = "prior_"
LARGEST_MARKET_CAP: Final = 1.0e7
"""Millions of US dollars (10 trillion) above which a market capitalisation is a placeholder."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a sheet may have. Limits are in the column's own measure, amounts in millions."""

    name: str
    role: Role
    measure: Measure
    aliases: tuple[str, ...] = ()
    kinds: frozenset[str] = BOTH
    required: frozenset[str] = frozenset()
    low: float = -math.inf
    high: float = math.inf
    low_is_open: bool = False
    """True when the low limit itself is impossible (total assets of zero)."""

    @property
    def is_number(self) -> bool:
        """True when its cells are numbers of the scoring engine."""
        return self.role in {"ratio", "amount", "prior"}

    @property
    def is_input(self) -> bool:
        """True when a row can be scored because of it: a market value or a prior year alone is not enough."""
        return self.role == "ratio" or (self.role == "amount" and self.name != "market_cap")


_IDENTITY: Final = (
    Column("company_symbol", "key", "symbol", ("symbol", "ticker", "ticker symbol", "stock symbol",
           "company id", "company ticker", "obligor id"), required=BOTH),
    Column("company_name", "label", "text", ("company", "name", "issuer name", "obligor name", "firm",
           "firm name")),
    Column("sector", "label", "text", ("company sector", "gics sector", "industry sector")),
    Column("reporting_year", "key", "year", ("year", "fiscal year", "fy", "report year", "financial year",
           "statement year"), required=BOTH),
    Column("reporting_quarter", "key", "quarter", ("quarter", "fiscal quarter", "qtr", "report quarter",
           "financial quarter"), required=frozenset({"quarterly"})),
    Column("currency", "label", "currency", ("currency code", "reporting currency", "ccy")),
    Column("unit", "label", "unit", ("units", "scale", "amounts in", "unit of amounts")),
)  # fmt: skip

_RATIO_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "long_term_debt_to_total_capital": ("LTD/capital", "LTD to capital", "LTD to total capital",
        "LTD/total capital", "long term debt/capital", "long term debt to capital",
        "long term debt/total capital"),
    "total_debt_to_ebitda": ("debt/EBITDA", "debt to EBITDA", "total debt/EBITDA", "leverage ratio"),
    "net_income_margin": ("net margin", "net profit margin", "profit margin", "net income/sales"),
    "ebit_to_interest_expense": ("interest coverage", "interest coverage ratio", "EBIT/interest",
        "EBIT to interest", "EBIT/interest expense", "interest cover", "ICR", "times interest earned"),
    "return_on_assets": ("ROA", "return on total assets"),
    "sga_margin": ("SG&A/sales", "SG&A to sales", "SG&A % of sales", "SG&A ratio", "SGA expense margin"),
    "return_on_capital": ("ROC", "return on total capital"),
}  # fmt: skip

_ITEM_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "current_assets": ("total current assets",),
    "inventory": ("inventories", "total inventory"),
    "total_receivables": ("receivables", "accounts receivable", "trade receivables", "net receivables"),
    "total_assets": ("assets",),
    "total_current_liabilities": ("current liabilities",),
    "total_long_term_debt": ("long term debt", "LTD"),
    "total_liabilities": ("liabilities",),
    "retained_earnings": ("accumulated earnings", "retained earnings (deficit)"),
    "net_sales": ("sales", "revenue", "revenues", "total revenue", "total revenues", "net revenue",
        "turnover"),
    "cost_of_goods_sold": ("COGS", "cost of sales", "cost of revenue"),
    "gross_profit": ("gross income",),
    "total_operating_expenses": ("operating expenses", "opex"),
    "depreciation_amortization": ("D&A", "depreciation", "depreciation & amortisation"),
    "ebit": ("operating income", "operating profit"),
    "net_income": ("net profit", "net earnings", "profit after tax", "net income (loss)"),
    "market_cap": ("market capitalization", "market capitalisation", "market value", "mkt cap",
        "marketcap usd"),
    "cash": ("cash & equivalents", "cash & cash equivalents", "cash & short term investments"),
    "total_debt": ("debt",),
    "short_term_debt": ("current debt", "short term borrowings"),
    "total_equity": ("equity", "shareholders equity", "stockholders equity", "total shareholders equity",
        "total stockholders equity"),
    "net_fixed_assets": ("fixed assets", "PP&E", "net PP&E", "property plant & equipment"),
    "accounts_payable": ("payables", "trade payables"),
    "shares_outstanding": ("shares", "number of shares"),
    "interest_expense": ("interest", "interest expenses", "interest paid"),
    "capex": ("capital expenditure", "capital expenditures"),
    "operating_cash_flow": ("cash flow from operations", "CFO", "OCF", "cash from operations"),
    "sga_expense": ("SG&A", "SGA expenses", "selling general & administrative expense",
        "selling general & administrative expenses"),
    "amortization": ("amortisation",),
    "pretax_income": ("income before tax", "profit before tax", "EBT"),
    "income_tax": ("tax", "tax expense", "income tax expense"),
}  # fmt: skip

_PRIOR_FORMS: Final = (
    "prior {}",
    "{} prior",
    "{} prior year",
    "prior year {}",
    "previous {}",
    "last year {}",
)


def _ratio(name: str) -> Column:
    spec = RATIOS[name]
    kinds = {
        kind for kind, names in zip(KINDS, (ANNUAL_RATIOS, QUARTERLY_RATIOS), strict=True) if name in names
    }
    measure: Measure = "percent" if spec.unit == "%" else "multiple"
    return Column(
        name, "ratio", measure, _RATIO_ALIASES.get(name, ()), frozenset(kinds), low=spec.low, high=spec.high
    )


def _item(name: str, *, prior: bool) -> Column:
    sign = LINE_ITEMS[name].sign
    aliases = _ITEM_ALIASES.get(name, ())
    if prior:
        names = (name, *aliases)
        aliases = tuple(form.format(alias) for alias in names for form in _PRIOR_FORMS)
    return Column(
        PRIOR + name if prior else name,
        "prior" if prior else "amount",
        "money",
        aliases,
        low=-LARGEST_AMOUNT if sign == "any" else 0.0,
        high=LARGEST_MARKET_CAP if name == "market_cap" else LARGEST_AMOUNT,
        low_is_open=sign == "positive",
    )


COLUMNS: Final[Mapping[str, Column]] = {
    column.name: column
    for column in (
        *_IDENTITY,
        *(_ratio(name) for name in dict.fromkeys((*ANNUAL_RATIOS, *QUARTERLY_RATIOS))),
        *(_item(name, prior=False) for name in LINE_ITEMS),
        *(_item(name, prior=True) for name in LINE_ITEMS),
    )
}
"""Every column by its name, in the order in which tables and templates show them."""

_WORD: Final = re.compile(r"[^\W_]+")
_DROPPED_WORDS: Final = frozenset({"and", "the"})


def normalised(text: str) -> str:
    """The text without case, accents, spaces and punctuation: what two names are compared by."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in text if not unicodedata.combining(character))
    words = _WORD.findall(text.replace("&", "").casefold())
    return "".join(word for word in words if word not in _DROPPED_WORDS)


def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for column in COLUMNS.values():
        names[normalised(column.name)] = column.name
    for column in COLUMNS.values():
        for alias in column.aliases:
            taken = names.setdefault(normalised(alias), column.name)
            if taken != column.name:
                raise ValueError(f"{alias!r} stands for {taken} and for {column.name}")
    return names


NAMES: Final[Mapping[str, str]] = _names()
"""Normalised name or alias to the column's name."""


def scoring_columns(kind: Kind) -> tuple[str, ...]:
    """Names of the columns of this kind of sheet that a row can be scored from."""
    return tuple(name for name, column in COLUMNS.items() if column.is_input and kind in column.kinds)


def own_ratios(kind: Kind) -> tuple[str, ...]:
    """Names of the ratios that only this kind of sheet has."""
    return tuple(n for n, column in COLUMNS.items() if column.role == "ratio" and column.kinds == {kind})

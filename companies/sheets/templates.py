"""Empty sheets for users to fill in: the columns of each kind and one row that shows how."""

from __future__ import annotations

from typing import Final

from companies.sheets.columns import Kind, scoring_columns
from companies.sheets.export import Row, write_csv

_EXAMPLE: Final[dict[str, str | int | float]] = {
    "company_symbol": "ACME",
    "company_name": "Acme Manufacturing Inc.",
    "sector": "Industrials",
    "market_cap": 2_450_000_000,
    "reporting_year": 2024,
    "reporting_quarter": "Q4",
    "long_term_debt_to_total_capital": 31.2,
    "total_debt_to_ebitda": 2.4,
    "net_income_margin": 8.1,
    "ebit_to_interest_expense": 6.5,
    "return_on_assets": 5.3,
    "sga_margin": 18.7,
    "return_on_capital": 9.8,
}


def template_rows(kind: Kind) -> tuple[Row, Row]:
    """Header and example row of the sheet of ratios of this kind."""
    wanted = {*_EXAMPLE} - {"reporting_quarter"} if kind == "annual" else {*_EXAMPLE}
    ratios = [name for name in scoring_columns(kind) if name in _EXAMPLE]
    keys = [name for name in list(_EXAMPLE)[:6] if name in wanted]
    header = [*keys, *ratios]
    return header, [_EXAMPLE[name] for name in header]


def template_csv(kind: Kind) -> bytes:
    """The template as a CSV file."""
    return b"".join(write_csv(template_rows(kind)))

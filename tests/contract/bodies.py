"""What the client's forms send, and the files that its templates lead to."""

from __future__ import annotations

import io
from typing import Any

import xlsxwriter

ANNUAL_RATIOS = {
    "long_term_debt_to_total_capital": 31.2,
    "total_debt_to_ebitda": 2.1,
    "net_income_margin": 8.4,
    "ebit_to_interest_expense": 7.5,
    "return_on_assets": 5.25,
}
QUARTERLY_RATIOS = {
    "long_term_debt_to_total_capital": 28.5,
    "total_debt_to_ebitda": 3.4,
    "sga_margin": 18.2,
    "return_on_capital": 6.75,
}
KEYS = ("company_symbol", "company_name", "sector", "reporting_year")


def annual(symbol: str, **other: Any) -> dict[str, Any]:
    """The annual form: a quarter is always sent, the year is text."""
    return {
        "company_symbol": symbol,
        "company_name": f"{symbol} Incorporated",
        "market_cap": 2500.5,
        "sector": "Technology",
        "reporting_year": "2023",
        "reporting_quarter": "Q1",
        **ANNUAL_RATIOS,
        **other,
    }


def quarterly(symbol: str, **other: Any) -> dict[str, Any]:
    """The quarterly form."""
    form = {**annual(symbol), "reporting_quarter": "Q2", **QUARTERLY_RATIOS, **other}
    return {
        name: value for name, value in form.items() if name not in ANNUAL_RATIOS.keys() - QUARTERLY_RATIOS
    }


def rows(kind: str, symbols: list[str]) -> list[list[Any]]:
    """Header and rows in the columns of the client's templates: no market value, annual no quarter."""
    ratios = ANNUAL_RATIOS if kind == "annual" else QUARTERLY_RATIOS
    quarter = [] if kind == "annual" else ["reporting_quarter"]
    head = [*KEYS, *quarter, *ratios]
    return [
        head,
        *(
            [s, f"{s} Incorporated", "Energy", 2022, *(["Q3"] if quarter else []), *ratios.values()]
            for s in symbols
        ),
    ]


def csv(table: list[list[Any]]) -> bytes:
    return "\n".join(",".join(str(cell) for cell in row) for row in table).encode()


def xlsx(table: list[list[Any]]) -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, row in enumerate(table):
        sheet.write_row(number, 0, row)
    book.close()
    return target.getvalue()


def part(name: str, content: bytes, media: str = "text/csv") -> dict[str, Any]:
    """The one part that the client uploads."""
    return {"file": (name, content, media)}

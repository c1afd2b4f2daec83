"""A file of statements with faults planted in known cells, made up by a seed."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass

HEADER = (
    "Borrower ID", "Company Name", "Country", "LEI", "Status", "Default date", "Fiscal Year", "Quarter",
    "Period end", "Currency", "Unit", "Total Assets", "Current assets", "Current liabilities",
    "Total liabilities", "Shareholders equity", "Revenue", "Operating income", "Net income",
    "Interest expense", "Remarks",
)  # fmt: skip
AT = {name: position for position, name in enumerate(HEADER)}
Fault = Callable[[list[str]], None]


@dataclass(frozen=True)
class Planted:
    """A fault: in which column it is to be found, and by which code."""

    column: str
    code: str
    value: str | None = None
    """What is put into the cell; None for what `change` does."""
    change: Fault | None = None

    def into(self, row: list[str]) -> None:
        if self.change is not None:
            self.change(row)
        else:
            row[AT[self.column]] = self.value or ""


def _no_amounts(row: list[str]) -> None:
    for position in range(AT["Total Assets"], AT["Remarks"]):
        row[position] = ""


def _defaulted(row: list[str]) -> None:
    row[AT["Status"]] = "defaulted"


def _unbalanced(row: list[str]) -> None:
    row[AT["Total liabilities"]] = str(round(float(row[AT["Total liabilities"]]) * 3, 2))


FAULTS = (
    Planted("Borrower ID", "missing_key", ""),
    Planted("Borrower ID", "symbol_invalid", "no such symbol!"),
    Planted("Country", "country_unknown", "Atlantis"),
    Planted("LEI", "lei_check_digits", "529900T8BM49AURSDO56"),
    Planted("LEI", "lei_format", "5299"),
    Planted("Status", "unknown_choice", "sleeping"),
    Planted("Default date", "default_undated", change=_defaulted),
    Planted("Default date", "not_a_date", "some day"),
    Planted("Fiscal Year", "year_out_of_range", "1812"),
    Planted("Fiscal Year", "missing_key", ""),
    Planted("Quarter", "unknown_quarter", "Q7"),
    Planted("Period end", "ambiguous_date", "03/04/2024"),
    Planted("Period end", "period_contradicts", "2009-12-31"),
    Planted("Currency", "currency_unknown", "XX1"),
    Planted("Unit", "unknown_unit", "dozens"),
    Planted("Total Assets", "not_a_number", "about 12"),
    Planted("Total Assets", "impossible_value", "-25"),
    Planted("Revenue", "formula", "=SUM(A1:A2)"),
    Planted("Revenue", "sentinel_value", "99999999"),
    Planted("Net income", "spreadsheet_error", "#DIV/0!"),
    Planted("", "no_amounts", change=_no_amounts),
)


def good_row(number: int, chance: random.Random) -> list[str]:
    """Five years of each company; a balanced statement in millions."""
    company, year = number // 5, 2020 + number % 5
    assets = chance.uniform(50, 5000)
    debts = assets * chance.uniform(0.3, 0.8)
    sales = assets * chance.uniform(0.4, 1.5)
    ebit = sales * chance.uniform(-0.02, 0.2)
    current = assets * 0.4
    return [
        f"B{company:05}", f"Borrower {company}", "DE", "", "alive", "", str(year), "", f"{year}-12-31", "EUR",
        "millions", *(f"{v:.2f}" for v in (assets, current, debts * 0.5, debts)),
        f"{round(assets, 2) - round(debts, 2):.2f}", f"{sales:.2f}", f"{ebit:.2f}", f"{ebit * 0.6:.2f}",
        f"{debts * 0.03:.2f}", "kept as it is",
    ]  # fmt: skip


def planted_file(rows: int, faults: int, seed: int = 7) -> tuple[list[list[str]], dict[int, Planted]]:
    """Rows with the header first, and by row number (the header is 1) what is wrong with it."""
    chance = random.Random(seed)
    table = [list(HEADER), *(good_row(number, chance) for number in range(rows))]
    wrong = {}
    for place, row in enumerate(sorted(chance.sample(range(2, rows + 2), faults))):
        fault = FAULTS[place % len(FAULTS)]
        fault.into(table[row - 1])
        wrong[row] = fault
    return table, wrong


def as_csv(table: list[list[str]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(table)
    return text.getvalue().encode()

"""The same made-up portfolio in every format."""

from __future__ import annotations

import csv
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

HEADER = [
    *("company_symbol", "company_name", "sector", "market_cap", "reporting_year"),
    *("long_term_debt_to_total_capital", "total_debt_to_ebitda", "net_income_margin"),
    *("ebit_to_interest_expense", "return_on_assets"),
]
ENDINGS = ("csv", "csv.gz", "parquet", "xlsx")


def good_row(number: int) -> list[str]:
    ratios = [f"{10 + number % 60}.5", f"{number % 7}.25", f"{number % 30 - 10}.1", "5.1", f"{number % 9}.75"]
    return [f"S{number}", f"Company {number}", "Technology", "2500000000", "2024", *ratios]


def as_csv(rows: list[list[str]], delimiter: str = ",") -> bytes:
    target = io.StringIO()
    csv.writer(target, delimiter=delimiter).writerows([HEADER, *rows])
    return target.getvalue().encode()


def as_parquet(rows: list[list[str]], **options) -> bytes:
    target = io.BytesIO()
    columns = list(zip(*rows, strict=True))
    table = pa.table({name: list(column) for name, column in zip(HEADER, columns, strict=True)})
    pq.write_table(table, target, **options)
    return target.getvalue()


def as_xlsx(**sheets: list[list[str]]) -> bytes:
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for place, row in enumerate([HEADER, *rows]):
                for column, cell in enumerate(row):
                    page.write_string(place, column, cell)
    return target.getvalue()


def written(rows: list[list[str]], ending: str) -> bytes:
    if ending == "xlsx":
        return as_xlsx(Book=rows)
    if ending == "parquet":
        return as_parquet(rows)
    return gzip.compress(as_csv(rows)) if ending == "csv.gz" else as_csv(rows)

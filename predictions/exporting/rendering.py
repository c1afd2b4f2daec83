"""Tables as files: CSV in pieces, XLSX with typed cells, a frozen header and a sheet of definitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Final

import xlsxwriter

from companies.sheets import safe_text, write_csv
from predictions.exporting.tables import FORMATS, WIDTHS, Column, Value

_LAST_ROW: Final = 1_048_576
_LONGEST_CELL: Final = 32_767
_MOST_DIGITS: Final = 15


@dataclass(slots=True)
class SheetOf:
    """One sheet of a workbook."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Value]]


def csv_pieces(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """The table as pieces of a CSV file; dates are ISO texts, shares are fractions."""

    def lines() -> Iterator[Sequence[Any]]:
        yield [column.name for column in columns]
        yield from rows

    return write_csv(lines())


def write_workbook(target: IO[bytes], sheets: Sequence[SheetOf], *, about: Sequence[tuple[str, str]]) -> int:
    """Write the sheets and one that defines their columns, in constant memory; tells how many rows."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": FORMATS["date"],
    }
    book = xlsxwriter.Workbook(target, options)
    formats = {kind: book.add_format({"num_format": text}) for kind, text in FORMATS.items() if text != "@"}
    head = book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": "#0B4F8A", "text_wrap": True,
                            "valign": "top"})  # fmt: skip
    written = 0
    try:
        for sheet in sheets:
            written += _sheet(book, sheet, formats, head)
        _definitions(book, sheets, about, head)
    finally:
        book.close()
    return written


def _sheet(book: Any, sheet: SheetOf, formats: dict[str, Any], head: Any) -> int:
    """One table; one that is full goes on in a further sheet."""
    remaining, written, part = iter(sheet.rows), 0, 1
    row = next(remaining, None)
    while True:
        page = book.add_worksheet((sheet.name if part == 1 else f"{sheet.name[:25]} ({part})")[:31])
        _head(page, sheet.columns, head)
        line = 1
        while row is not None and line < _LAST_ROW:
            for place, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
                _put(page, line, place, value, formats.get(column.kind))
            line += 1
            written += 1
            row = next(remaining, None)
        page.autofilter(0, 0, max(line - 1, 1), max(len(sheet.columns) - 1, 0))
        if row is None:
            return written
        part += 1


def _head(page: Any, columns: Sequence[Column], head: Any) -> None:
    page.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        page.set_column(place, place, column.width or max(WIDTHS[column.kind], min(len(column.name) + 2, 24)))
        page.write_string(0, place, column.name, head)


def _put(page: Any, line: int, place: int, value: Value, form: Any) -> None:
    if value is None:
        return
    if isinstance(value, datetime | date):
        # Before 1900 a spreadsheet knows no days.
        if value.year < 1900:
            page.write_string(line, place, value.isoformat())
        else:
            page.write_datetime(line, place, value, form)
        return
    safe = safe_text(value)
    if isinstance(safe, str):
        if safe:
            page.write_string(line, place, safe[:_LONGEST_CELL])
    elif isinstance(safe, int) and abs(safe) >= 10**_MOST_DIGITS:
        page.write_string(line, place, str(safe))
    elif isinstance(safe, int | float | Decimal):
        page.write_number(line, place, float(safe), form)


def _definitions(book: Any, sheets: Sequence[SheetOf], about: Sequence[tuple[str, str]], head: Any) -> None:
    page = book.add_worksheet("Definitions")
    page.set_column(0, 0, 22)
    page.set_column(1, 1, 32)
    page.set_column(2, 2, 14)
    page.set_column(3, 3, 90)
    line = 0
    for name, text in about:
        page.write_string(line, 0, name)
        page.write_string(line, 1, str(safe_text(text) or ""))
        line += 1
    line += 1
    for place, text in enumerate(("Sheet", "Column", "Kind", "Definition")):
        page.write_string(line, place, text, head)
    for sheet in sheets:
        for column in sheet.columns:
            line += 1
            for place, text in enumerate((sheet.name, column.name, _KINDS[column.kind], column.definition)):
                page.write_string(line, place, str(safe_text(text) or "")[:_LONGEST_CELL])


_KINDS: Final = {
    "text": "text", "whole": "whole number", "number": "number", "share": "share (0.02 is 2 %)",
    "money": "amount", "date": "date", "moment": "time, UTC", "yes_no": "yes or no",
}  # fmt: skip

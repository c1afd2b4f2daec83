"""Result files that no spreadsheet will execute: CSV as a stream of bytes, XLSX written row by row."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from companies.sheets.errors import CellError
from companies.sheets.limits import LAST_SPREADSHEET_ROW
from companies.sheets.reader import Sheet

Value = str | int | float | Decimal | bool | date | datetime | None
Row = Sequence[Value]

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets fold full-width signs
_NUMBER: Final = re.compile(r"[-+](?:\d[\d.,]*|\.\d+)(?:[eE][-+]?\d{1,4})?%?", re.ASCII)
_CANONICAL: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,14})?", re.ASCII)
_CHUNK_CHARACTERS: Final = 1 << 16
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_XLSX_CELL: Final = 32_767
_MOST_DIGITS: Final = 15
_SHEET_NAME: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_LONGEST_SHEET_NAME: Final = 31


def safe_text(value: Value) -> str | int | float | Decimal | None:
    """The value as a spreadsheet may hold it: text that would be a formula is led by an apostrophe.

    Numbers stay numbers, also as text ("-3.2", "+5%"): a result that cannot be summed is of little use. A
    lone dash stays too. Dates become ISO text, booleans TRUE and FALSE.
    """
    if value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, date):
        return value.isoformat()
    text = value.replace("\x00", "")
    if text.startswith(_DANGEROUS) or text.lstrip().startswith(_DANGEROUS):
        bare = text.strip()
        return text if _NUMBER.fullmatch(bare) or not bare.strip("-") else "'" + text
    return text


def write_csv(rows: Iterable[Row], *, delimiter: str = ",", mark: bool = True) -> Iterator[bytes]:
    """The rows (the header is the first of them) as pieces of a UTF-8 CSV file.

    `mark` puts the byte-order mark in front without which Excel takes the file for the local code page.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    if mark:
        yield _BYTE_ORDER_MARK
    for row in rows:
        writer.writerow([safe_text(value) for value in row])
        if buffer.tell() >= _CHUNK_CHARACTERS:
            yield _drained(buffer)
    if buffer.tell():
        yield _drained(buffer)


def _drained(buffer: io.StringIO) -> bytes:
    data = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return data


def write_xlsx(target: str | Path | BinaryIO, sheets: Iterable[tuple[str, Iterable[Row]]]) -> None:
    """Write a workbook of named sheets, in constant memory; a sheet that is full goes on in a second one."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(str(target) if isinstance(target, str | Path) else target, options)
    taken: set[str] = set()
    try:
        for name, rows in sheets:
            remaining = iter(rows)
            header = next(remaining, None)
            first: Row | None = header
            while first is not None:
                sheet = book.add_worksheet(_sheet_name(name, taken))
                if header is not None and first is not header:
                    first_rows: list[Row] = [header, first]
                else:
                    first_rows = [first]
                first = _fill(sheet, chain(first_rows, remaining))
            if header is None:
                book.add_worksheet(_sheet_name(name, taken))
    finally:
        book.close()


def _fill(sheet: Worksheet, rows: Iterable[Row]) -> Row | None:
    """Write rows until the sheet is full; the first row that did not fit, or None."""
    for place, row in enumerate(rows):
        if place == LAST_SPREADSHEET_ROW:
            return row
        for column, value in enumerate(row):
            _put(sheet, place, column, value)
    return None


def _put(sheet: Worksheet, row: int, column: int, value: Value) -> None:
    safe = safe_text(value)
    if isinstance(safe, str):
        if _CANONICAL.fullmatch(safe) and len(safe.replace(".", "").lstrip("-")) <= _MOST_DIGITS:
            # Cells of an uploaded sheet come back as text; as numbers they can be corrected in place.
            sheet.write_number(row, column, float(safe))
        elif safe:
            sheet.write_string(row, column, safe[:_LONGEST_XLSX_CELL])
    elif isinstance(safe, int) and abs(safe) >= 10**_MOST_DIGITS:
        sheet.write_string(row, column, str(safe))
    elif safe is not None:
        sheet.write_number(row, column, float(safe))


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that Excel takes: at most 31 characters, none of its reserved ones, not used before."""
    base = _SHEET_NAME.sub(" ", name).strip().strip("'").strip() or "Sheet"
    for count in range(1, LAST_SPREADSHEET_ROW):
        ending = "" if count == 1 else f" ({count})"
        candidate = base[: _LONGEST_SHEET_NAME - len(ending)].rstrip() + ending
        if candidate.casefold() not in taken:
            break
    taken.add(candidate.casefold())
    return candidate


def rows_with_errors(
    sheet: Sheet, findings: Iterable[CellError], *, only_refused: bool = False
) -> Iterator[list[Value]]:
    """The sheet as uploaded with a column of what was found in each row, header first, streamed.

    Parameters
    ----------
    findings : iterable of CellError
        In the order of their rows, which is the order in which they are found.
    only_refused : bool
        Leave out the rows without a finding, so that what remains can be corrected and uploaded again.
    """
    width = len(sheet.columns)
    yield [*sheet.columns, _error_header(sheet.columns)]
    remaining = iter(findings)
    finding = next(remaining, None)
    for number, cells in sheet.rows():
        texts: list[str] = []
        while finding is not None and finding.row <= number:
            if finding.row == number:
                texts.append(_sentence(finding))
            finding = next(remaining, None)
        if texts or not only_refused:
            padded = [*cells, *[""] * (width - len(cells))]
            yield [*padded[:width], "; ".join(texts), *padded[width:]]


def _error_header(columns: Sequence[str]) -> str:
    taken = {column.strip().casefold() for column in columns}
    return next(name for name in ("error", "error_found", "error_of_this_row", "_error") if name not in taken)


def _sentence(finding: CellError) -> str:
    return f"{finding.column}: {finding.message}" if finding.column else finding.message

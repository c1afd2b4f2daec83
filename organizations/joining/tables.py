"""Small tables of people as files: CSV and XLSX, read whole, within narrow limits."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from tenants.kernel.errors import InvalidInput, TooLarge

MOST_BYTES = 1024 * 1024
# An XLSX is a ZIP: what it unpacks to is bounded as well.
MOST_UNPACKED = 16 * 1024 * 1024
MOST_ROWS = 500
LONGEST_CELL = 300
# What a column may be called; the first is ours.
COLUMNS = {
    "email": ("email", "e-mail", "mail", "address", "email address", "domain", "user_email"),
    "full_name": ("full_name", "name", "full name"),
    "first_name": ("first_name", "first name", "given name"),
    "last_name": ("last_name", "last name", "surname", "family name"),
    "role": ("role",),
    "job_title": ("job_title", "job title", "title", "position"),
}
Row = tuple[int, dict[str, str]]


def read_people(file: BinaryIO, *, size: int) -> list[Row]:
    """The rows of a file by their number, each with the columns that we know; raises InvalidInput, TooLarge.

    A file whose first row names no column of ours is a plain list of addresses.
    """
    if size > MOST_BYTES:
        raise TooLarge("Lists of up to 1 MB are taken.")
    content = file.read(MOST_BYTES + 1)
    records = _xlsx(content) if content[:2] == b"PK" else _csv(content)
    filled = [(n, cells) for n, cells in records if any(cells)]
    if not filled:
        raise _unreadable("The file holds no row.")
    names = _names(filled[0][1])
    if "email" in names.values():
        filled = filled[1:]
    else:
        names = {0: "email"}
    if len(filled) > MOST_ROWS:
        raise TooLarge(f"Lists of up to {MOST_ROWS} rows are taken.", code="too_many_rows")
    return [(number, _row(cells, names)) for number, cells in filled]


def _unreadable(detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": "/file", "code": "unreadable", "detail": detail}])


def _names(cells: list[str]) -> dict[int, str]:
    known = {name: ours for ours, names in COLUMNS.items() for name in names}
    return {i: known[c.lower()] for i, c in enumerate(cells) if c.lower() in known}


def _row(cells: list[str], names: dict[int, str]) -> dict[str, str]:
    row = {ours: cells[i] for i, ours in names.items() if i < len(cells)}
    first, last = row.pop("first_name", ""), row.pop("last_name", "")
    row.setdefault("full_name", f"{first} {last}".strip())
    return row


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if "\x00" in text:
        raise _unreadable("Save the file as .xlsx or .csv.")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1):
            yield number, _cells(cells)
    except csv.Error:
        raise _unreadable("The file is no readable CSV.") from None


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST_UNPACKED:
                raise TooLarge("Lists of up to 1 MB are taken.")
        # Here: only a list in a workbook needs its reader.
        from openpyxl import load_workbook

        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True, max_row=MOST_ROWS + 2, max_col=50)
        found = [(number, _cells(cells)) for number, cells in enumerate(rows, 1)]
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError, SyntaxError):
        raise _unreadable("The file is no readable XLSX.") from None
    yield from found


def _cells(cells: Iterable[Any]) -> list[str]:
    return ["" if c is None else str(c).strip()[:LONGEST_CELL] for c in cells]

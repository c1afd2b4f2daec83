"""Uploaded portfolio files as sheets: the format is decided by content, rows are streamed, none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final, Literal

import numpy as np

from companies.sheets.csv_blocks import Columns, csv_blocks
from companies.sheets.csv_source import CsvSource, Decimal, Record, open_csv
from companies.sheets.errors import SheetError
from companies.sheets.limits import KEPT_CELL, MOST_COLUMNS, Limits
from companies.sheets.mapping import known_names
from companies.sheets.parts import RowBlock, batches
from companies.sheets.xlsx_source import XlsxSource

_HEADER_NAMES: Final = 2
_MAGIC_BYTES: Final = 8
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PART: Final = "EncryptedPackage".encode("utf-16-le")
_OTHER_FORMATS: Final = (
    (b"%PDF", "The file is a PDF document. Save it as .xlsx or .csv"),
    (b"\x1f\x8b", "The file is packed with gzip. Save it as .xlsx or .csv"),
    (b"7z\xbc\xaf\x27\x1c", "The file is an archive. Save it as .xlsx or .csv"),
    (b"Rar!", "The file is an archive. Save it as .xlsx or .csv"),
    (b"PAR1", "The file is in the Parquet format. Save it as .xlsx or .csv"),
    (b"\x89PNG", "The file is a picture. Save the table as .xlsx or .csv"),
    (b"\xff\xd8\xff", "The file is a picture. Save the table as .xlsx or .csv"),
)


@dataclass
class Sheet:
    """A table in an uploaded file: its header, and its rows as often as asked, one pass at a time."""

    filename: str
    format: Literal["csv", "xlsx"]
    columns: list[str]
    """The header as in the file, without empty cells at its end."""
    header_row: int
    """The row of the header as a spreadsheet numbers it: 1, unless titles or empty rows stand above."""
    decimal: Decimal
    delimiter: str | None
    encoding: str | None
    sheet_name: str | None
    other_sheets: tuple[str, ...]
    _records: Callable[[], Iterator[Record]] = field(repr=False)
    _text: CsvSource | None = field(default=None, repr=False)
    _quick_count: Callable[[], int | None] | None = field(default=None, repr=False)
    blank_rows: int = 0
    """Wholly blank rows between the header and the last row, known after a full pass of `rows`."""

    def rows(self) -> Iterator[Record]:
        """(row number, texts of its cells) of every row under the header that is not blank.

        A row has fewer or more cells than the header when it has so in a CSV file; a workbook omits empty
        cells, so its rows are filled up. Empty cells beyond the header are dropped.
        """
        counted = 0
        number = self.header_row
        try:
            for number, cells in self._records():
                if number > self.header_row and (tidy := self._tidied(cells)) is not None:
                    counted += 1
                    yield number, tidy
        except SheetError as error:
            error.row = number + 1
            raise
        self.blank_rows = max(number - self.header_row, 0) - counted

    def _tidied(self, cells: list[str]) -> list[str] | None:
        """The cells of a row as `rows` gives them; None for a blank row."""
        width = len(self.columns)
        first = cells[0] if cells else ""
        if (not first or first.isspace()) and not any(map(str.strip, cells)):
            return None
        if len("".join(cells)) > KEPT_CELL:
            cells = [cell[: KEPT_CELL + 1] for cell in cells]
        if len(cells) != width:
            cells = _trimmed(cells, width)
            if self.format == "xlsx" and len(cells) < width:
                cells.extend([""] * (width - len(cells)))
        return cells

    def blocks(self, size: int) -> Iterator[RowBlock | list[Record]]:
        """The rows of `rows` in parts of at most `size`, as columns wherever the file is plain."""
        if self._text is None:
            yield from batches(self.rows(), size)
            return
        width = len(self.columns)
        held: RowBlock | None = None
        number = self.header_row
        try:
            for number, found in csv_blocks(self._text, self.header_row, width):
                block = self._block(number, found)
                if isinstance(block, list):
                    # Rows with too few or too many cells: the careful parser says so of each.
                    if held is not None and len(held.numbers):
                        yield held
                    held = None
                    yield from batches(block, size)
                    continue
                held = block if held is None else held.with_more(block)
                while len(held.numbers) >= size:
                    yield held.part(0, size)
                    held = held.part(size, len(held.numbers))
        except SheetError as error:
            error.row = number + 1
            raise
        if held is not None and len(held.numbers):
            yield held

    def _block(self, number: int, found: Columns | list[Record]) -> RowBlock | list[Record]:
        """Cells or records of the file as rows: the blank ones left out, in columns where they fit."""
        if not isinstance(found[0], tuple):
            return RowBlock(np.arange(number, number + len(found[0]), dtype=np.int64), found)  # type: ignore[arg-type]
        records = [(n, tidy) for n, cells in found if (tidy := self._tidied(cells)) is not None]  # type: ignore[misc]
        width = len(self.columns)
        if any(len(cells) != width for _, cells in records):
            return records
        return RowBlock.of(records, width)

    def most_rows(self) -> int:
        """No fewer rows than `count_rows`, at once: for a text file the lines under the header."""
        if self._text is None:
            return self.count_rows()
        return max(self._text.most_records() - self.header_row, 1)

    def count_rows(self) -> int:
        """Number of rows that `rows` gives, from one pass over the file."""
        counted = None if self._quick_count is None else self._quick_count()
        return sum(1 for _ in self.rows()) if counted is None else counted


def _trimmed(cells: list[str], width: int) -> list[str]:
    """The row without empty cells beyond the header, and never wider than any table is."""
    end = min(len(cells), max(width + 1, MOST_COLUMNS))
    while end > width and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def open_sheet(file: BinaryIO, filename: str, limits: Limits | None = None) -> Sheet:
    """The table in an uploaded file, or SheetError with a code and a sentence.

    Parameters
    ----------
    file : binary file
        Readable and seekable; it stays open, and the sheet reads from it.
    filename : str
        Only kept: what the file is, its first bytes say.
    """
    limits = limits or Limits()
    file.seek(0)
    magic = file.read(_MAGIC_BYTES)
    if not magic:
        raise SheetError("empty_file", "The file is empty.")
    if magic.startswith(_ZIP):
        sheet = _open_workbook(file, filename, limits)
    elif magic.startswith(_OLE):
        raise _old_office(file)
    else:
        for start, sentence in _OTHER_FORMATS:
            if magic.startswith(start):
                raise SheetError("unsupported_format", sentence)
        sheet = _open_text(file, filename, limits)
    if next(sheet.rows(), None) is None:
        raise SheetError("no_rows", "The file has a header and no rows under it.")
    return sheet


def _old_office(file: BinaryIO) -> SheetError:
    """Why an OLE container is refused: it is an old workbook, or a new one behind a password."""
    file.seek(0)
    if _ENCRYPTED_PART in file.read(1 << 20):
        return SheetError("encrypted_file", "The file is protected by a password. Save it without one.")
    return SheetError("unsupported_format", "Save the file as .xlsx or .csv")


def _open_text(file: BinaryIO, filename: str, limits: Limits) -> Sheet:
    source = open_csv(file, limits)
    header = _find_header(source.records(), limits)
    if header is None:
        raise SheetError("no_header", "No row with column names stands at the top of the file.")
    return Sheet(
        filename=filename,
        format="csv",
        columns=header[1],
        header_row=header[0],
        decimal=source.decimal,
        delimiter=source.delimiter,
        encoding=source.encoding,
        sheet_name=None,
        other_sheets=(),
        _records=source.records,
        _text=source,
    )


def _open_workbook(file: BinaryIO, filename: str, limits: Limits) -> Sheet:
    source = XlsxSource(file, limits)
    if not source.sheets:
        raise SheetError(
            "unsupported_format", "The archive holds no worksheet. Save the file as .xlsx or .csv"
        )
    if len(source.sheets) > limits.sheets:
        raise SheetError("too_many_sheets", f"The workbook has over {limits.sheets} sheets.")
    candidates = [(part, _find_header(source.records(part), limits)) for part in source.sheets]
    named = [(part, header) for part, header in candidates if header is not None]
    if not named:
        empty = all(_is_blank(source.records(part), limits) for part in source.sheets)
        if empty:
            raise SheetError("empty_file", "The workbook is empty.")
        raise SheetError("no_header", "No row with column names stands at the top of any sheet.")
    # The first sheet with names that we know; where none has, the first with names at all.
    part, header = next(
        ((part, header) for part, header in named if known_names(header[1]) >= _HEADER_NAMES), named[0]
    )
    return Sheet(
        filename=filename,
        format="xlsx",
        columns=header[1],
        header_row=header[0],
        decimal=".",
        delimiter=None,
        encoding=None,
        sheet_name=part.name,
        other_sheets=tuple(other.name for other in source.sheets if other is not part),
        _records=lambda: source.records(part),
        _quick_count=lambda: source.count(part, header[0]),
    )


def _is_blank(records: Iterator[Record], limits: Limits) -> bool:
    """Whether nothing stands where a header is looked for."""
    return next(_not_blank(islice(records, limits.header_search_depth)), None) is None


def _not_blank(records: Iterator[Record]) -> Iterator[Record]:
    return (record for record in records if any(map(str.strip, record[1])))


def _find_header(records: Iterator[Record], limits: Limits) -> Record | None:
    """The first row that names two columns of ours; else the first row, when it holds words and no number."""
    first: Record | None = None
    for number, cells in islice(
        _not_blank(islice(records, limits.header_search_depth)), limits.header_search_rows
    ):
        if known_names(cells) >= _HEADER_NAMES:
            return _as_header(number, cells)
        first = first or (number, cells)
    if first is None or any(_is_number(cell) for cell in first[1]):
        return None
    return _as_header(*first)


def _as_header(number: int, cells: list[str]) -> Record:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    if end > MOST_COLUMNS:
        raise SheetError("too_many_columns", f"The file has over {MOST_COLUMNS} columns.")
    return number, [cell[: KEPT_CELL + 1] for cell in cells[:end]]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

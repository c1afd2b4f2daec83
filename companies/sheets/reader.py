"""Uploaded portfolio files as sheets: rows are streamed, none is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import pyarrow.compute as pc

from companies.sheets.csv_blocks import Columns, csv_blocks
from companies.sheets.csv_source import CsvSource, Decimal, Record
from companies.sheets.errors import SheetError
from companies.sheets.limits import KEPT_CELL, MOST_COLUMNS
from companies.sheets.packed import Unpacked
from companies.sheets.parts import RowBlock, batches

# Of a packed text that is larger than this the lines are not counted before it is cut.
_COUNTED_PACKED_BYTES: Final = 8 << 20


@dataclass
class Sheet:
    """A table in an uploaded file: its header, and its rows as often as asked, one pass at a time."""

    filename: str
    format: Literal["csv", "xlsx", "parquet"]
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
    _columnar: Callable[[], Iterator[tuple[int, Columns]]] | None = field(default=None, repr=False)
    rivals: tuple[str, ...] = ()
    """Other sheets that look like a portfolio as well, where none was named."""
    packed: bool = False
    """Whether the text came packed with gzip."""
    blank_rows: int = 0
    """Wholly blank rows between the header and the last row, known after a full pass of `rows`."""

    @property
    def ending(self) -> str:
        """What the name of a file of this format ends in."""
        return "csv.gz" if self.packed else self.format

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
        stretches = self._stretches()
        if stretches is None:
            yield from batches(self.rows(), size)
            return
        held: RowBlock | None = None
        number = self.header_row
        try:
            for number, found in stretches:
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

    def _stretches(self) -> Iterator[tuple[int, Columns | list[Record]]] | None:
        """The file in columns or records as it is read; None where it is read row by row."""
        if self._columnar is not None:
            return (_without_blank_rows(number, cells) for number, cells in self._columnar())
        if self._text is not None:
            return csv_blocks(self._text, self.header_row, len(self.columns))
        return None

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
        """No fewer rows than `count_rows`, at once: of a text the lines under the header, blank or not.

        A large packed file is only guessed at, since counting would mean to unpack it.
        """
        if self._columnar is not None and self._quick_count is not None:
            return self._quick_count() or 1
        if self._text is None:
            return self.count_rows()
        if self.packed and (guess := _guessed_rows(self._text)) is not None:
            return guess
        return max(self._text.most_records() - self.header_row, 1)

    @property
    def guesses_rows(self) -> bool:
        """Whether `most_rows` is a guess: of a large packed text only reading it tells."""
        stream = self._text.file if self._text is not None else None
        return isinstance(stream, Unpacked) and stream.size_below() > _COUNTED_PACKED_BYTES

    def count_rows(self) -> int:
        """Number of rows that `rows` gives, from one pass over the file."""
        quick = self._quick_count if self._columnar is None else None
        counted = None if quick is None else quick()
        return sum(1 for _ in self.rows()) if counted is None else counted


def _guessed_rows(source: CsvSource) -> int | None:
    """Rows of a large packed text, by its beginning; None for one that is quickly counted."""
    stream = source.file
    size = stream.size_below() if isinstance(stream, Unpacked) else 0
    if not isinstance(stream, Unpacked) or size <= _COUNTED_PACKED_BYTES:
        return None
    lines = read = 0
    while read < _COUNTED_PACKED_BYTES and (piece := stream.read(1 << 18)):
        lines += piece.count(b"\n")
        read += len(piece)
    return max(int(lines * size / max(stream.packed_bytes, 1)), 1)


def _without_blank_rows(number: int, cells: Columns) -> tuple[int, Columns | list[Record]]:
    """The columns themselves, or their rows as records where one is blank."""
    blank = None
    for column in cells:
        empty = pc.equal(pc.utf8_trim_whitespace(column), "")
        blank = empty if blank is None else pc.and_(blank, empty)
        if not pc.any(blank).as_py():
            return number, cells
    return number, records_of(number, cells)


def records_of(number: int, cells: Columns) -> list[Record]:
    """Rows in columns as records, the first with the given number."""
    rows = zip(*(column.to_pylist() for column in cells), strict=True)
    return [(number + place, list(row)) for place, row in enumerate(rows)]


def _trimmed(cells: list[str], width: int) -> list[str]:
    """The row without empty cells beyond the header, and never wider than any table is."""
    end = min(len(cells), max(width + 1, MOST_COLUMNS))
    while end > width and not cells[end - 1].strip():
        end -= 1
    return cells[:end]

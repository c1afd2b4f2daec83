"""Delimited text block by block: as columns where a block is plain, as records where it is not.

A block is a stretch of whole records. It is plain when nothing in it could be read in two ways: UTF-8,
quotes only around whole cells, one kind of line end, as many cells in every row as the header has, no blank
row. Such a block goes through Arrow's reader and gives the same cells as the careful one, which reads all
others.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from companies.sheets.csv_source import CsvSource, Record
from companies.sheets.errors import SheetError
from companies.sheets.limits import KEPT_CELL
from companies.sheets.parts import batches

_BLOCK_BYTES: Final = 1 << 21
_LIST_ROWS: Final = 2_000
# Empty columns beyond the header that a plain block may have: separators at the ends of lines.
_SPARE_COLUMNS: Final = 4
_LINE_FEED: Final = 0x0A
_RETURN: Final = 0x0D
_QUOTE: Final = 0x22

Columns = list[pa.StringArray]


def csv_blocks(
    source: CsvSource, header_row: int, width: int, block_bytes: int | None = None
) -> Iterator[tuple[int, Columns | list[Record]]]:
    """Every record under the header, in the order of the file.

    Gives the number of a block's first record and either its cells by column or its records, which are as
    `CsvSource.records` gives them, blank ones included.
    """
    if not source.encoding.startswith("utf-8") or not source.delimiter.isascii():
        yield from _in_lists(source.records(), header_row)
        return
    # The mark at the beginning is taken off by the reader of blocks; one in the middle is text.
    text = replace(source, encoding="utf-8")
    reader = _Reader(source, block_bytes or _BLOCK_BYTES)
    number = 1
    while block := reader.block():
        quotes = _quotes(block, source.delimiter)
        if quotes is None:
            # A quote in an odd place: where a record ends only the careful reader can say, to the very end.
            records = text.records_of(reader.rest(block), number)
            yield from _in_lists(records, header_row)
            return
        columns = None
        if number > header_row:
            columns = _columns(block, quotes, source.delimiter, width)
        if columns is not None:
            yield number, columns
            number += len(columns[0])
            continue
        found = list(text.records_of(io.BytesIO(block), number))
        number = found[-1][0] + 1 if found else number
        if kept := [record for record in found if record[0] > header_row]:
            yield kept[0][0], kept


def _in_lists(records: Iterator[Record], header_row: int) -> Iterator[tuple[int, list[Record]]]:
    under = (record for record in records if record[0] > header_row)
    for batch in batches(under, _LIST_ROWS):
        yield batch[0][0], batch


class _Reader:
    """A file in stretches that end with a line."""

    def __init__(self, source: CsvSource, block_bytes: int) -> None:
        self._file = source.file
        self._size = block_bytes
        self._longest = source.limits.line_bytes
        self._file.seek(0)
        self._held = self._file.read(self._size)
        self._held = self._held.removeprefix(codecs.BOM_UTF8)
        for _ in range(source.skipped_lines):
            self._held = self._held[self._held.find(b"\n") + 1 :]
        # The lines down to the header come alone: they are read one by one.
        self._first = True

    def block(self) -> bytes:
        """The next stretch; empty at the end of the file."""
        if self._first:
            self._first = False
            return self._taken(self._held.find(b"\n", 1 << 12) + 1 or self._line_end())
        return self._taken(self._line_end())

    def _line_end(self) -> int:
        """Place behind the last line that is held whole; more of the file is read until there is one."""
        end = self._held.rfind(b"\n") + 1
        fresh = len(self._held) < self._size
        while fresh or not end:
            piece = self._file.read(self._size)
            if not piece:
                return len(self._held)
            place = piece.rfind(b"\n") + 1
            end = len(self._held) + place if place else end
            self._held += piece
            if not end and len(self._held) > self._longest + self._size:
                raise SheetError("line_too_long", "A line of the file is far too long to be a row.")
            fresh = False
        return end

    def _taken(self, end: int) -> bytes:
        block, self._held = self._held[:end], self._held[end:]
        return block

    def rest(self, block: bytes) -> BinaryIO:
        """All that was not given yet, with `block` before it."""
        return io.BufferedReader(_Chained(block + self._held, self._file))


class _Chained(io.RawIOBase):
    """Some bytes, and then a file."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        self._start: memoryview = memoryview(start)
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = bytes(self._start[: len(buffer)]) or self._file.read(len(buffer))
        self._start = self._start[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def _quotes(block: bytes, delimiter: str) -> NDArray[np.int64] | None:
    """Places of the quotes when each opens or closes a whole cell or is doubled in one, else None."""
    if b'"' not in block:
        return np.empty(0, dtype=np.int64)
    codes = np.frombuffer(block, dtype=np.uint8)
    places = np.flatnonzero(codes == _QUOTE)
    if len(places) % 2:
        return None
    opening, closing = places[0::2], places[1::2]
    before = np.where(opening > 0, codes[opening - 1], _LINE_FEED)
    after = codes[np.minimum(closing + 1, len(codes) - 1)]
    last = closing == len(codes) - 1
    bounds = [ord(delimiter), _LINE_FEED, _QUOTE]
    fits = np.isin(before, bounds).all() and (last | np.isin(after, [*bounds, _RETURN])).all()
    # A doubled quote closes and opens at once; one beside a quote any other way would be an odd place.
    doubled_open = before == _QUOTE
    doubled_close = ~last & (after == _QUOTE)
    if not fits or not (doubled_open[1:] == doubled_close[:-1]).all() or doubled_open[0]:
        return None
    return places


def _columns(block: bytes, quotes: NDArray[np.int64], delimiter: str, width: int) -> Columns | None:
    """The cells of a plain block by column, else None."""
    if block.startswith(codecs.BOM_UTF8):
        # In the middle of a file it is text, and Arrow would take it off.
        return None
    # Looking for a byte is quick, counting it is not.
    if b"\x00" in block or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
        return None
    expected = block.count(b"\n") + (not block.endswith(b"\n"))
    inner = 0
    if len(quotes):
        ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == _LINE_FEED)
        inner = int((np.searchsorted(quotes, ends) % 2).sum())
    names = [f"f{place}" for place in range(width + _SPARE_COLUMNS)]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(block),
            pa_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, autogenerate_column_names=True),
            pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=inner > 0),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.lib.ArrowException:
        return None
    if table.num_rows != expected - inner or not width <= table.num_columns <= len(names):
        return None
    cells = [column.combine_chunks() for column in table.columns]
    if any((pc.max(pc.binary_length(column)).as_py() or 0) > KEPT_CELL for column in cells):
        return None
    if any(_blank(column).true_count < len(column) for column in cells[width:]):
        return None
    empty_first = _blank(cells[0])
    if empty_first.true_count and pc.any(_all_blank(cells[:width], empty_first)).as_py():
        return None
    return cells[:width]


def _blank(column: pa.StringArray) -> pa.BooleanArray:
    return pc.equal(pc.utf8_trim_whitespace(column), "")


def _all_blank(cells: Columns, chosen: pa.BooleanArray) -> pa.BooleanArray:
    """Of the chosen rows those without anything in any cell."""
    rows = np.flatnonzero(chosen.to_numpy(zero_copy_only=False))
    blank = pa.array(np.ones(len(rows), dtype=bool))
    for column in cells:
        blank = pc.and_(blank, _blank(column.take(pa.array(rows))))
    return blank

"""Streaming scanners of a workbook's XML: rows of a sheet, and the table of shared strings."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final
from xml.parsers import expat

from companies.sheets.csv_source import Record
from companies.sheets.errors import SheetError
from companies.sheets.limits import KEPT_CELL, LAST_SPREADSHEET_ROW, MOST_COLUMNS

DAMAGED: Final = "The workbook is damaged. Open it in Excel and save it again."
_LAST_COLUMN: Final = 16_384
_EXACT_INTEGER: Final = 1e15
LONGEST_TAG: Final = 4 << 20
"""Bytes without the end of a tag: far more than the longest cell of a spreadsheet."""


class _LocalNames(dict[str, str]):
    """Tag to the tag without its namespace prefix, remembered."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = tag.rpartition(":")[2]
        return name


class _Scanner:
    """expat with what a workbook never needs refused: document types, and with them all entities."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._kinds = _LocalNames()
        self._open_bytes = 0

    @staticmethod
    def _refuse(*_: Any) -> None:
        raise SheetError("damaged_file", "The workbook declares entities, which no spreadsheet does.")

    def feed(self, data: bytes, *, last: bool = False) -> None:
        # expat begins an unfinished tag anew with every piece: one of megabytes is made to hurt.
        closed = data.rfind(b">")
        self._open_bytes = len(data) - closed - 1 if closed >= 0 else self._open_bytes + len(data)
        if self._open_bytes > LONGEST_TAG:
            raise SheetError("damaged_file", DAMAGED)
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise SheetError("damaged_file", DAMAGED) from error

    def close(self) -> None:
        self.feed(b"", last=True)


class StringScanner(_Scanner):
    """The table of shared strings, cut to what is kept of a cell, without phonetic hints."""

    def __init__(self, most_strings: int, most_characters: int) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._left = most_characters
        self._most = most_strings
        self._parts: list[str] = []
        self._size = 0
        self._phonetic = False
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        kind = self._kinds[tag]
        if kind == "t" and not self._phonetic:
            self._parser.CharacterDataHandler = self._text
        elif kind == "si":
            self._parts, self._size = [], 0
        elif kind == "rPh":
            self._phonetic = True

    def _text(self, data: str) -> None:
        if self._size <= KEPT_CELL:
            self._parts.append(data[: KEPT_CELL + 1 - self._size])
            self._size += len(data)

    def _end(self, tag: str) -> None:
        kind = self._kinds[tag]
        if kind == "t":
            self._parser.CharacterDataHandler = None
        elif kind == "rPh":
            self._phonetic = False
        elif kind == "si":
            text = "".join(self._parts)
            self.strings.append(text)
            self._left -= len(text)
            if self._left < 0 or len(self.strings) > self._most:
                raise SheetError("too_large", "The workbook holds too much text. Save it as .csv")


class RowScanner(_Scanner):
    """Rows of a sheet's XML as texts: numbers canonical, dates ISO, booleans and error values as shown."""

    def __init__(
        self, strings: Sequence[str], date_styles: Collection[str], date_text: Callable[[float], str]
    ) -> None:
        super().__init__()
        self._strings = strings
        self._date_styles = date_styles
        self._date_text = date_text
        self._rows: list[Record] = []
        self._number = 0
        self._cells: list[str] = []
        self._columns: dict[str, int] = {}
        self._column = 0
        self._type = "n"
        self._style: str | None = None
        self._value: list[str] = []
        self._formula: list[str] | None = None
        self._sink = self._value
        self._phonetic = False
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def taken(self) -> list[Record]:
        """The rows completed since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        kind = self._kinds[tag]
        if kind == "c":
            get = attributes.get
            reference = get("r")
            self._column = len(self._cells) if reference is None else self._place(reference)
            self._type = get("t", "n")
            self._style = get("s")
            self._value = []
            self._formula = None
        elif kind == "v" or (kind == "t" and not self._phonetic):
            self._sink = self._value
            self._parser.CharacterDataHandler = self._text
        elif kind == "f":
            self._formula = self._sink = []
            self._parser.CharacterDataHandler = self._text
        elif kind == "row":
            self._start_row(attributes.get("r"))
        elif kind == "rPh":
            self._phonetic = True

    def _start_row(self, number: str | None) -> None:
        given = int(number) if number else self._number + 1
        self._number = max(given, self._number + 1)
        if self._number > LAST_SPREADSHEET_ROW:
            raise SheetError(
                "damaged_file", "The workbook numbers a row beyond the last one of a spreadsheet."
            )
        self._cells = []

    def _place(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        place = self._columns.get(letters)
        if place is None:
            place = 0
            for letter in letters.upper():
                place = place * 26 + ord(letter) - 64
            if not (letters.isascii() and letters.isalpha() and place <= _LAST_COLUMN):
                raise SheetError("damaged_file", "The workbook names a cell that no spreadsheet has.")
            self._columns[letters] = place = place - 1
        return place

    def _text(self, data: str) -> None:
        # Text comes in pieces of at most expat's buffer: a cell of any size costs one kept piece more.
        if len(self._sink) < 2 or sum(map(len, self._sink)) <= KEPT_CELL:
            self._sink.append(data[: KEPT_CELL + 1])

    def _end(self, tag: str) -> None:
        kind = self._kinds[tag]
        if kind == "c":
            if self._value or self._formula is not None:
                self._put(self._cell_text())
        elif kind in {"v", "t", "f"}:
            self._parser.CharacterDataHandler = None
        elif kind == "row":
            self._rows.append((self._number, self._cells))
        elif kind == "rPh":
            self._phonetic = False

    def _put(self, text: str) -> None:
        place, cells = self._column, self._cells
        if place == len(cells):
            cells.append(text)
        elif place < len(cells):
            cells[place] = text
        elif place < MOST_COLUMNS:
            cells.extend([""] * (place - len(cells)))
            cells.append(text)
        else:
            # Far to the right of any column: kept at the edge, where it still shows that the row is too wide.
            cells.extend([""] * (MOST_COLUMNS - len(cells)))
            cells.append(text)

    def _cell_text(self) -> str:
        value = self._value
        text = value[0] if len(value) == 1 else "".join(value)[: KEPT_CELL + 1]
        if not text and self._formula is not None:
            # Written by a program that never calculated it: there is no value, and it must be seen.
            return "=" + "".join(self._formula)[:KEPT_CELL]
        kind = self._type
        if kind == "n":
            return self._number_text(text)
        if kind == "s":
            return self._strings[int(text)] if text else ""
        if kind == "b":
            return "TRUE" if text.strip() == "1" else "FALSE"
        return text

    def _number_text(self, text: str) -> str:
        if self._style is not None and self._style in self._date_styles and text:
            try:
                return self._date_text(float(text))
            except ValueError:
                return text
        if text.isdecimal() and text.isascii() and text[0] != "0" and len(text) < 16:
            return text
        try:
            number = float(text)
        except ValueError:
            return text
        if math.isfinite(number) and number.is_integer() and abs(number) < _EXACT_INTEGER:
            return str(int(number))
        return repr(number)

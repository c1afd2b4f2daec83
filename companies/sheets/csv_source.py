"""Delimited text as records: encoding, delimiter and decimal sign found from the beginning of the file."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from companies.sheets.errors import SheetError
from companies.sheets.limits import Limits
from companies.sheets.mapping import known_names

Record = tuple[int, list[str]]
Decimal = Literal[".", ",", ".,"]
"""Which sign a sheet has before its decimals; ".," when a comma between digits may be one as well."""

DELIMITERS: Final = (",", ";", "\t", "|")
_HEAD_BYTES: Final = 1 << 16
_BUFFER_BYTES: Final = 1 << 18
_TEXT_CONTROLS: Final = frozenset("\t\n\r\x0b\x0c\x1a\x00")
_CONTROL_SHARE: Final = 0.01
_SEPARATOR_LINE: Final = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_WITH_COMMA: Final = re.compile(r"[-+]?\d+,\d+%?")
_WITH_POINT: Final = re.compile(r"[-+]?\d+\.\d+%?")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _stray_bytes_as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """What cp1252 reads in bytes that are not UTF-8.

    The choice is made where such bytes stand and not once for the file: a file may be plain for a gigabyte
    before its first accent, and a pass over it just for that would cost as much as reading it.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


STRAY: Final = "companies.sheets.cp1252"
codecs.register_error(STRAY, _stray_bytes_as_cp1252)


class _Borrowed(io.RawIOBase):
    """A file that stays open when the reader on top of it is closed, and that refuses lines without an end.

    The bound is kept here, on pieces of the file, since asking for each line with a limit costs a third more.
    """

    def __init__(self, file: BinaryIO, longest_line: int) -> None:
        self._file = file
        self._longest_line = longest_line
        self._since_line_end = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        line_end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._since_line_end = len(data) - line_end + (self._since_line_end if line_end < 0 else 0)
        if self._since_line_end > self._longest_line:
            raise SheetError("line_too_long", "A line of the file is far too long to be a row.")
        return len(data)


@dataclass(frozen=True)
class CsvSource:
    """A delimited text file whose records can be read again and again, one pass at a time."""

    file: BinaryIO
    encoding: str
    delimiter: str
    decimal: Decimal
    skipped_lines: int
    limits: Limits

    def records(self) -> Iterator[Record]:
        """Every record with its number as a spreadsheet shows it, blank ones included (as empty lists)."""
        self.file.seek(0)
        return self.records_of(self.file, skipped_lines=self.skipped_lines)

    def most_records(self) -> int:
        """As many records as there are line ends: more than there are rows only where cells hold some."""
        self.file.seek(0)
        count, ended = 0, True
        while data := self.file.read(_BUFFER_BYTES):
            count += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
            ended = data.endswith((b"\n", b"\r"))
        return count + (not ended) - self.skipped_lines

    def records_of(self, file: BinaryIO, first: int = 1, *, skipped_lines: int = 0) -> Iterator[Record]:
        """The records of a stretch of the file, the first of which has the number `first`."""
        raw = io.BufferedReader(_Borrowed(file, self.limits.line_bytes), _BUFFER_BYTES)
        errors = STRAY if self.encoding.startswith("utf-8") else "replace"
        text = io.TextIOWrapper(raw, encoding=self.encoding, errors=errors, newline="")
        # The module keeps one limit for the whole process; raising it is safe, since lines are limited here.
        csv.field_size_limit(max(csv.field_size_limit(), self.limits.field_characters))
        for _ in range(skipped_lines):
            text.readline()
        try:
            yield from enumerate(csv.reader(text, delimiter=self.delimiter), first)
        except csv.Error as error:
            raise SheetError(
                "cell_too_large", "A cell has no end: look for a double quote too many."
            ) from error


def open_csv(file: BinaryIO, limits: Limits) -> CsvSource:
    """The text file as a source of records; SheetError when it is not text."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    encoding = _encoding(head)
    errors = STRAY if encoding.startswith("utf-8") else "replace"
    # An incremental decoder leaves out a character that the end of the head cuts in two.
    text = codecs.getincrementaldecoder(encoding)(errors).decode(head)
    _require_text(text)
    if not text.strip("\ufeff\x00 \t\r\n\x1a"):
        raise SheetError("empty_file", "The file is empty.")
    if len(head) == _HEAD_BYTES:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    skipped = 0
    if separator := _SEPARATOR_LINE.match(text):
        # Spreadsheets take this line as a setting, not as a row.
        delimiter, skipped, text = separator.group(1), 1, text[separator.end() :]
    else:
        delimiter = _delimiter(text, limits)
    return CsvSource(file, encoding, delimiter, _decimal(text, delimiter), skipped, limits)


def _encoding(head: bytes) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) // 4:
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8-sig"


def _require_text(text: str) -> None:
    controls = sum(text.count(chr(code)) for code in range(32) if chr(code) not in _TEXT_CONTROLS)
    if controls > len(text) * _CONTROL_SHARE or text.count("\x00") > len(text) // 4:
        raise SheetError("not_text", "The file holds neither a spreadsheet nor text.")
    if text.lstrip("\ufeff \t\r\n").startswith(("<", "{\\rtf")):
        raise SheetError("unsupported_format", "The file is a web page or document. Save it as .xlsx or .csv")


def _delimiter(text: str, limits: Limits) -> str:
    """The delimiter under which the first rows look most like a header and rows of the same width."""

    def score(delimiter: str) -> tuple[int, int, int]:
        rows = _head_rows(text, delimiter, limits.header_search_rows)
        if not rows:
            return (0, 0, 0)
        width, times = Counter(map(len, rows)).most_common(1)[0]
        return (max(map(known_names, rows)), times if width > 1 else 0, width)

    return max(DELIMITERS, key=score)


def _head_rows(text: str, delimiter: str, most: int) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if cells:
                rows.append(cells)
            if len(rows) == most:
                break
    except csv.Error:
        return rows
    return rows


def _decimal(text: str, delimiter: str) -> Decimal:
    """Semicolons come from places that write decimal commas, unless the numbers say otherwise."""
    if delimiter != ";":
        return "."
    cells = [cell.strip() for row in _head_rows(text, delimiter, 1000) for cell in row]
    commas = sum(_WITH_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_WITH_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points else ".,"

"""A CSV of companies and periods as columns of numbers, with every bad cell named and no row lost."""

from __future__ import annotations

import csv
import gzip
import io
import math
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

import numpy as np

from ml.features import ANNUAL_RATIOS, LINE_ITEMS, QUARTERLY_RATIOS, RATIOS, Array

COMPANY, YEAR, QUARTER = "company_id", "fiscal_year", "fiscal_quarter"
ALIASES: Mapping[str, str] = {
    "company": COMPANY,
    "company_symbol": COMPANY,
    "symbol": COMPANY,
    "reporting_year": YEAR,
    "year": YEAR,
    "reporting_quarter": QUARTER,
    "quarter": QUARTER,
    "market_value": "market_cap",
}
SECOND_CHOICE: Mapping[str, str] = {"total_revenue": "net_sales"}
"""Columns that fill the gaps of another one."""
LABELS = frozenset({"default_next_year", "years_to_default"})
BLANK = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--"})
YEARS = range(1800, 2300)
_BLOCK = 20_000
_SHOWN = 40
_SEPARATORS = ",;\t|"


class FileError(Exception):
    """A file that cannot be scored at all; the text says what is wrong with it."""


@dataclass
class Sheet:
    """The rows of a file, in its order."""

    company: list[str]
    year_text: list[str]
    quarter_text: list[str]
    year: Array
    """Fiscal year, NaN where the cell is none."""
    quarter: Array
    """1 to 4, NaN where there is none."""
    numbers: dict[str, Array]
    row_number: Array
    """As a spreadsheet counts: the header is row 1."""
    faults: dict[int, list[str]] = field(default_factory=dict)
    """Position to what is wrong with cells of that row."""
    ignored: list[str] = field(default_factory=list)
    kind_hint: Literal["annual", "quarterly"] = "annual"
    has_quarter: bool = False

    def __len__(self) -> int:
        return len(self.company)


def read(path: str, encoding: str = "utf-8-sig") -> Sheet:
    """The sheet in a file (`.gz` is unpacked; "-" is standard input).

    Raises
    ------
    FileError
        If the file cannot be read, has no header, no company or year, or nothing to score on.
    """
    try:
        with _opened(path, encoding) as stream:
            return _sheet(stream)
    except (OSError, EOFError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not {error.encoding} text; name its encoding with --encoding") from error
    except csv.Error as error:
        raise FileError(f"{path} is not a CSV: {error}") from error


@contextmanager
def _opened(path: str, encoding: str) -> Iterator[TextIO]:
    try:
        "".encode(encoding)
    except LookupError:
        raise FileError(f"there is no encoding {encoding!r}") from None
    if path == "-":
        yield io.TextIOWrapper(sys.stdin.buffer, encoding=encoding, newline="")
        return
    with Path(path).open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        binary = gzip.GzipFile(fileobj=raw) if packed else raw
        yield io.TextIOWrapper(io.BufferedReader(binary), encoding=encoding, newline="")  # type: ignore[type-var]


def _sheet(stream: TextIO) -> Sheet:
    first = stream.readline()
    if not first.strip():
        raise FileError("the file has no header in its first row")
    separator = max(_SEPARATORS, key=first.count)
    header = next(csv.reader([first], delimiter=separator))
    columns = _Columns(header)
    reader = csv.reader(stream, delimiter=separator)
    sheet = Sheet([], [], [], np.empty(0), np.empty(0), {}, np.empty(0), ignored=columns.ignored)
    sheet.kind_hint, sheet.has_quarter = columns.kind_hint(), columns.quarter is not None
    gathered = {name: array("d") for name in columns.numbers}
    row_numbers = array("d")
    for block in _blocks(reader, row_numbers):
        _take(block, columns, sheet, gathered)
    sheet.row_number = np.frombuffer(row_numbers, dtype=np.float64) if row_numbers else np.empty(0)
    sheet.numbers = {
        name: np.frombuffer(values, dtype=np.float64) if values else np.empty(0)
        for name, values in gathered.items()
    }
    for extra, target in SECOND_CHOICE.items():
        if extra in sheet.numbers:
            spare = sheet.numbers.pop(extra)
            given = sheet.numbers.get(target, np.full(len(spare), np.nan))
            sheet.numbers[target] = np.where(np.isnan(given), spare, given)
    _read_periods(sheet)
    return sheet


def _blocks(reader: Iterator[list[str]], row_numbers: array[float]) -> Iterator[list[list[str]]]:
    block: list[list[str]] = []
    for number, record in enumerate(reader, start=2):
        if not record:  # an empty line is no row
            continue
        block.append(record)
        row_numbers.append(number)
        if len(block) == _BLOCK:
            yield block
            block = []
    if block:
        yield block


class _Columns:
    """Where each thing stands in a record."""

    def __init__(self, header: Sequence[str]) -> None:
        self.width = len(header)
        self.titles = list(header)
        places: dict[str, int] = {}
        self.ignored: list[str] = []
        known = {COMPANY, YEAR, QUARTER, *LINE_ITEMS, *RATIOS, *SECOND_CHOICE}
        plain = [title.strip().lower().replace(" ", "_").replace("-", "_") for title in header]
        for place, title in enumerate(plain):
            name = ALIASES.get(title, title)
            if name not in known or (title != name and name in plain):
                self.ignored.append(header[place])
            elif name in places:
                raise FileError(f"two columns mean {name}: {header[places[name]]!r} and {header[place]!r}")
            else:
                places[name] = place
        for name in (COMPANY, YEAR):
            if name not in places:
                also = ", ".join(alias for alias, target in ALIASES.items() if target == name)
                raise FileError(f"the header has no column {name} (also understood: {also})")
        self.company, self.year = places.pop(COMPANY), places.pop(YEAR)
        self.quarter = places.pop(QUARTER, None)
        self.numbers = places
        if not places:
            raise FileError("the header names no line item and no ratio: there is nothing to score on")

    def kind_hint(self) -> Literal["annual", "quarterly"]:
        """Annual, unless there are quarters and nothing says that they only label annual ratios."""
        if self.quarter is None:
            return "annual"
        yearly = set(ANNUAL_RATIOS) - set(QUARTERLY_RATIOS)
        return "annual" if yearly & self.numbers.keys() else "quarterly"


def _take(block: list[list[str]], columns: _Columns, sheet: Sheet, gathered: dict[str, array[float]]) -> None:
    start = len(sheet.company)
    for position, record in enumerate(block):
        if len(record) != columns.width:
            _fault(sheet, start + position, f"{len(record)} cells where the header has {columns.width}")
            record.extend([""] * (columns.width - len(record)))
    sheet.company += [record[columns.company].strip() for record in block]
    sheet.year_text += [record[columns.year].strip() for record in block]
    if columns.quarter is not None:
        sheet.quarter_text += [record[columns.quarter].strip() for record in block]
    for name, place in columns.numbers.items():
        cells = [record[place] for record in block]
        gathered[name].extend(_floats(cells, columns.titles[place], sheet, start))


def _fault(sheet: Sheet, position: int, text: str) -> None:
    sheet.faults.setdefault(position, []).append(text)


def _floats(cells: list[str], title: str, sheet: Sheet, start: int) -> list[float]:
    """Numbers of a column; what is none becomes NaN and is named."""
    try:
        values = list(map(float, cells))
        if all(map(math.isfinite, values)) and "_" not in "".join(cells):
            return values
    except ValueError:
        pass  # blanks, or something that is no number: cell by cell
    return [_float(cell, title, sheet, start + place) for place, cell in enumerate(cells)]


def _float(cell: str, title: str, sheet: Sheet, position: int) -> float:
    text = cell.strip()
    try:
        value = float(text)
        if math.isfinite(value) and "_" not in text:
            return value
    except ValueError:
        pass
    if text.lower() not in BLANK:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
        _fault(sheet, position, f"{title}: {shown!r} is not a number")
    return math.nan


def _read_periods(sheet: Sheet) -> None:
    years = array("d")
    for position, text in enumerate(sheet.year_text):
        year = _whole(text)
        if year not in YEARS:
            _fault(
                sheet, position, f"{YEAR}: {text[:_SHOWN]!r} is not a year" if text else f"{YEAR} is empty"
            )
            years.append(math.nan)
        else:
            years.append(year)
            sheet.year_text[position] = str(int(year))
        if not sheet.company[position]:
            _fault(sheet, position, f"{COMPANY} is empty")
    sheet.year = np.frombuffer(years, dtype=np.float64) if years else np.empty(0)
    if not sheet.has_quarter:
        sheet.quarter_text = [""] * len(sheet)
    cached = {text: _quarter(text) for text in set(sheet.quarter_text)}
    sheet.quarter = np.array([cached[text] for text in sheet.quarter_text], dtype=np.float64)
    if sheet.kind_hint == "quarterly":
        for position in np.flatnonzero(np.isnan(sheet.quarter)).tolist():
            _fault(sheet, position, f"{QUARTER}: {sheet.quarter_text[position][:_SHOWN]!r} is not Q1 to Q4")


def _whole(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if value.is_integer() else math.nan


def _quarter(text: str) -> float:
    digits = text.upper().removeprefix("Q").strip()
    return float(digits) if digits in ("1", "2", "3", "4") else math.nan

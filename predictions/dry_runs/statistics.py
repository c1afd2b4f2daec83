"""What the columns of a file hold: counted while the file goes by, medians from a copy on disk."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from companies.sheets import COLUMNS, CellError, ColumnMap, ParsedBatch, RowBlock, scoring_columns
from companies.sheets.csv_source import Record
from companies.sheets.errors import shown
from companies.sheets.mapping import read_header_cell
from companies.sheets.numbers import is_missing
from ml.features import LINE_ITEMS

UNREADABLE: Final = frozenset(
    {"not_a_number", "decimal_comma", "ambiguous_number", "formula", "cell_too_long", "symbol_invalid",
     "year_out_of_range", "unknown_quarter", "unknown_currency", "unknown_unit"}
)  # fmt: skip
"""Findings after which a cell that is filled has no value; placeholders and the like are counted apart."""
APART: Final = {
    "sentinel_value": "sentinels",
    "impossible_value": "impossible",
    "non_finite": "impossible",
    "spreadsheet_error": "spreadsheet_errors",
}
# A currency that a row does not say is filled in, and a unit is applied: what the file says is in its cells.
_NOT_IN_TABLE: Final = frozenset({"currency", "unit"})
# Different texts of a column that are counted; beyond, it is said that there are more.
MOST_DISTINCT: Final = 100_000
_ENOUGH: Final = 5
_RATIOS_ENOUGH: Final = 20
_FRACTION: Final = 1.5
# Millions of US dollars: hardly any company that reports has less, none has more.
_SMALLEST_MEDIAN: Final = 0.05
_LARGEST_MEDIAN: Final = 500_000.0
_TELLING: Final = ("total_assets", "net_sales", "total_liabilities", "market_cap")


class ColumnStatistics:
    """Counts of every mapped column over all rows, and minimum, median, maximum of the values that were read.

    A context: the copy of the numbers lies in a folder that goes with it.
    """

    def __init__(self, columns: ColumnMap) -> None:
        self._columns = columns
        self._rows = 0
        self._given: Counter[str] = Counter()
        self._found: Counter[tuple[str, str]] = Counter()
        self._distinct: dict[str, set[str]] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="dry-run-")
        self._copy = Path(self._folder.name) / "numbers.parquet"
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> ColumnStatistics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._folder.cleanup()

    def add(self, block: RowBlock | list[Record], batch: ParsedBatch) -> None:
        """Count the cells of a batch, which came of the block."""
        table = batch.whole
        self._rows += batch.total
        for finding in (*batch.errors, *batch.warnings):
            self._found[finding.column, finding.code] += 1
        for name in self._columns.found:
            if name in _NOT_IN_TABLE:
                self._given[name] += _filled(block, self._columns.found[name])
                continue
            column = table[name]
            if pa.types.is_string(column.type):
                self._given[name] += pc.sum(pc.not_equal(column, "")).as_py() or 0
                seen = self._distinct.setdefault(name, set())
                if len(seen) <= MOST_DISTINCT:
                    seen.update(text for text in pc.unique(column).to_pylist() if text)
            elif pa.types.is_integer(column.type):
                self._given[name] += pc.sum(pc.not_equal(column, 0)).as_py() or 0
            else:
                self._given[name] += int((~np.isnan(column.to_numpy())).sum())
        numbers = [f.name for f in batch.table.schema if not pa.types.is_string(f.type)]
        kept = batch.table.select(numbers)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._copy, kept.schema, compression="lz4", use_dictionary=False)
        self._writer.write_table(kept)

    def columns(self) -> list[dict[str, Any]]:
        """The file's columns in their order, each with what it was read as and what it holds."""
        if self._writer is not None:
            self._writer.close()
        return [self._column(place, text) for place, text in enumerate(self._columns.header)]

    def _column(self, place: int, text: str) -> dict[str, Any]:
        columns = self._columns
        name = next((ours for ours, found in columns.found.items() if found == place), None)
        said: dict[str, Any] = {"header": shown(text.strip()), "letter": letter(place), "read_as": name}
        if name is None:
            cell = read_header_cell(text)
            other = cell.column.name if cell is not None else None
            said["suggestion"] = columns.suggestions.get(shown(text.strip()))
            said["repeats"] = other if other in columns.found else None
            return said
        column = COLUMNS[name]
        factor = columns.factors.get(name)
        said |= {"role": column.role, "measure": column.measure, "unit_in_header": factor}
        if self._rows == 0:
            return said
        given = self._given[name]
        apart = dict.fromkeys(APART.values(), 0)
        unreadable = 0
        for (column_name, code), count in self._found.items():
            if column_name != name:
                continue
            if code in APART:
                apart[APART[code]] += count
            elif code in UNREADABLE and column.measure != "text":
                unreadable += count
        if name in _NOT_IN_TABLE:
            given = max(given - unreadable, 0)
        missing = max(self._rows - given - unreadable - sum(apart.values()), 0)
        said |= {"given": given, "missing": missing, "unreadable": unreadable, **apart}
        if name in self._distinct:
            said["distinct"] = len(self._distinct[name])
        return said | self._spread(name)

    def _spread(self, name: str) -> dict[str, Any]:
        """Least, median and largest value; one column of the copy in memory."""
        if not self._copy.exists() or name not in pq.read_schema(self._copy).names:
            return {}
        values = pq.read_table(self._copy, columns=[name], use_threads=False)[name].to_numpy()
        values = values[~np.isnan(values)] if values.dtype.kind == "f" else values[values > 0]
        if not len(values):
            return {"minimum": None, "median": None, "maximum": None}
        return {
            "minimum": _plain(values.min()),
            "median": _plain(np.median(values)),
            "maximum": _plain(values.max()),
            "p95_size": _plain(np.quantile(np.abs(values), 0.95)) if values.dtype.kind == "f" else None,
        }


def _plain(value: Any) -> float:
    return float(f"{float(value):.8g}")


def _filled(block: RowBlock | list[Record], place: int) -> int:
    """Cells of a column that say something."""
    if isinstance(block, RowBlock):
        counts = pc.value_counts(block.cells[place]).to_pylist()
        return sum(pair["counts"] for pair in counts if not is_missing(pair["values"]))
    return sum(len(cells) > place and not is_missing(cells[place]) for _, cells in block)


def letter(place: int) -> str:
    """The letters of a column as spreadsheets show it: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def absent_inputs(columns: ColumnMap) -> list[str]:
    """Inputs of this kind of sheet that no column holds: ratios, and line items where the file has some."""
    items = {name for name in columns.found if name in LINE_ITEMS and name != "market_cap"}
    return [
        name
        for name in scoring_columns(columns.kind)
        if name not in columns.found and (COLUMNS[name].role == "ratio" or items)
    ]


def suspicions(columns: Iterable[Mapping[str, Any]], *, unit: str, dollars: bool) -> list[dict[str, str]]:
    """What speaks for another unit than the one that was declared: column, code and a sentence."""
    found = []
    for column in columns:
        name, count, middle = column.get("read_as"), column.get("given", 0), column.get("median")
        if name is None or middle is None:
            continue
        if column["measure"] == "percent" and count >= _RATIOS_ENOUGH:
            if 0 < column["p95_size"] <= _FRACTION:
                text = "Nearly all values are below 1.5: perhaps fractions, where 12 stands for 12 percent."
                found.append({"column": name, "code": "perhaps_fractions", "detail": text})
        elif name in _TELLING and dollars and count >= _ENOUGH:
            if abs(middle) < _SMALLEST_MEDIAN:
                text = f"The median is {middle * 1_000_000:,.0f} US dollars when read in {unit}: too small."
                found.append({"column": name, "code": "unit_too_small", "detail": text})
            elif abs(middle) > _LARGEST_MEDIAN:
                text = (
                    f"The median is {middle / 1_000:,.0f} billion US dollars when read in {unit}: too much."
                )
                found.append({"column": name, "code": "unit_too_large", "detail": text})
    return found


def findings_of(errors: Iterable[CellError], warnings: Iterable[CellError]) -> list[tuple[str, CellError]]:
    """Errors and warnings in the order of their rows."""
    pairs = [("error", e) for e in errors] + [("warning", w) for w in warnings]
    return sorted(pairs, key=lambda pair: (pair[1].row, pair[0]))

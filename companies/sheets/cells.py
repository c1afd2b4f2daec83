"""Batches of rows as columns of numbers, with every cell that is wrong named.

Whole columns are read at once; only the cells that a plain reading refuses are looked at one by one. A
finding either refuses its row (a key that is missing, a number that cannot be read) or leaves the row scored
with the cell as missing and a warning (placeholders, impossible values): a row is scored from its other
inputs as long as one is left, and refused as `no_inputs` otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from companies.sheets.columns import COLUMNS, PRIOR, Column, Kind
from companies.sheets.csv_source import Decimal, Record
from companies.sheets.errors import REFUSING_CODES, CellError, shown
from companies.sheets.keys import (
    LONGEST_SECTOR,
    Key,
    clean_symbols,
    clean_texts,
    read_currency,
    read_quarter,
    read_symbol,
    read_text,
    read_unit,
    read_year,
)
from companies.sheets.mapping import ColumnMap
from companies.sheets.numbers import LONGEST_NUMBER, read_number
from companies.sheets.plausibility import check_amount, check_ratio
from companies.sheets.units import unit_factor

T = TypeVar("T")
RowKey = tuple[int, str, int, int]

BATCH_ROWS: Final = 10_000
_BLOCK_ROWS: Final = 256
_MILLION: Final = 1_000_000
_KEYS_WITH_WARNING: Final = {("reporting_quarter", "annual")}


@dataclass
class ParsedBatch:
    """Rows of a sheet ready to be scored, and all that was found in the cells of this batch.

    `frame` has one line per row that is not refused: company_symbol, company_name, sector, currency (texts,
    empty when missing), reporting_year, reporting_quarter (1 to 4, 0 for none), market_cap (millions), and of
    the other number columns those that the sheet has (ratios as they stand, amounts in millions of the row's
    currency), float64 with NaN for missing.
    """

    kind: Kind
    frame: pd.DataFrame
    row_numbers: NDArray[np.int64]
    total: int
    refused: list[int]
    """Numbers of the rows with an error, ascending."""
    errors: list[CellError] = field(default_factory=list)
    warnings: list[CellError] = field(default_factory=list)

    def keys(self) -> Iterator[RowKey]:
        """(row number, symbol, year, quarter) of each row; quarter 0 in an annual sheet (a label there)."""
        years, quarters = self.frame["reporting_year"].tolist(), self.frame["reporting_quarter"].tolist()
        if self.kind == "annual":
            quarters = [0] * len(years)
        return zip(self.row_numbers.tolist(), self.frame["company_symbol"], years, quarters, strict=True)


def batches(rows: Iterable[Record], size: int = BATCH_ROWS) -> Iterator[list[Record]]:
    """The rows in lists of at most `size`."""
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def parse_rows(
    rows: Iterable[Record],
    column_map: ColumnMap,
    kind: Kind,
    *,
    decimal: Decimal = ".",
    unit: str = "units",
    currency: str = "",
    latest_year: int | None = None,
) -> ParsedBatch:
    """Read a batch of rows.

    Parameters
    ----------
    rows : iterable of (row number, cells)
        As `Sheet.rows` gives them.
    column_map : ColumnMap
        From `map_columns` for the same kind.
    decimal : {".", ",", ".,"}
        `Sheet.decimal`.
    unit, currency : str
        Of the amounts, declared for the upload; a header's note and a row's own cell go before it.
    latest_year : int, optional
        The last fiscal year accepted; next year when not given.

    Raises
    ------
    ValueError
        If the map is of another kind, or the declared unit is unknown.
    """
    if column_map.kind != kind:
        raise ValueError(f"the columns were mapped for {column_map.kind}, not for {kind}")
    if (factor := unit_factor(unit)) is None:
        raise ValueError(f"unknown unit {unit!r}")
    latest = datetime.now(UTC).year + 1 if latest_year is None else latest_year
    return _Batch(list(rows), column_map, decimal, factor, currency, latest).parsed()


class _Batch:
    """The work on one batch, column after column."""

    def __init__(
        self,
        rows: list[Record],
        columns: ColumnMap,
        decimal: Decimal,
        factor: int,
        currency: str,
        latest: int,
    ) -> None:
        self._columns = columns
        self._kind = columns.kind
        self._decimal = decimal
        self._factor = factor
        self._currency = currency or columns.currency
        self._latest = latest
        self._numbers = [number for number, _ in rows]
        self._errors: list[CellError] = []
        self._warnings: list[CellError] = []
        self._refused: set[int] = set()
        self._cells = self._transposed([cells for _, cells in rows])

    def parsed(self) -> ParsedBatch:
        data: dict[str, Any] = dict(self._keys())
        inputs = np.zeros(len(self._numbers), dtype=bool)
        factors = self._factors()
        dollars = np.array([code in {"", "USD"} for code in data["currency"]], dtype=bool)
        numbers: dict[str, NDArray[np.float64]] = {"market_cap": np.full(len(self._numbers), np.nan)}
        for name, position in self._columns.found.items():
            column = COLUMNS[name]
            if not column.is_number:
                continue
            values = self._number_column(column, self._cells[position])
            if column.role == "ratio":
                values = self._checked(column, position, values, check_ratio(column, values))
            else:
                scale = factors(name)
                values = self._checked(column, position, values, check_amount(column, values, scale, dollars))
                values = _in_millions(values, scale)
            numbers[name] = values
            if column.is_input:
                inputs |= ~np.isnan(values)
        for index in np.flatnonzero(~inputs).tolist():
            if index not in self._refused:
                self._find(index, "", "no_inputs", "No ratio and no line item is left to score from.", "")
        return self._assembled({**data, **numbers})

    def _assembled(self, data: dict[str, Any]) -> ParsedBatch:
        frame = pd.DataFrame(
            {n: pd.Series(v, dtype=object) if isinstance(v, list) else v for n, v in data.items()}
        )
        frame = frame[[name for name in _frame_order(data)]]
        numbers = np.array(self._numbers, dtype=np.int64)
        if self._refused:
            kept = np.ones(len(numbers), dtype=bool)
            kept[list(self._refused)] = False
            frame, numbers = frame[kept].reset_index(drop=True), numbers[kept]
        return ParsedBatch(
            kind=self._kind,
            frame=frame,
            row_numbers=numbers,
            total=len(self._numbers),
            refused=sorted(self._numbers[index] for index in self._refused),
            errors=sorted(self._errors),
            warnings=sorted(self._warnings),
        )

    def _find(self, index: int, column: str, code: str, message: str, value: str) -> None:
        """Note what is wrong; whether the row is refused follows from the code and the column."""
        labels = column in {"company_name", "sector"} or (column, self._kind) in _KEYS_WITH_WARNING
        finding = CellError(self._numbers[index], column, code, message, shown(value))
        if code in REFUSING_CODES and not labels:
            self._errors.append(finding)
            self._refused.add(index)
        else:
            self._warnings.append(finding)

    def _transposed(self, rows: list[list[str]]) -> list[list[str]]:
        width = self._columns.width
        if set(map(len, rows)) - {width}:
            rows = [self._fitted(index, cells, width) for index, cells in enumerate(rows)]
        columns: list[list[str]] = [[] for _ in range(width)]
        # Blocks that stay in the processor's cache: turning all rows at once takes three times as long.
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = zip(*rows[start : start + _BLOCK_ROWS], strict=True)
            for column, part in zip(columns, block, strict=True):
                column.extend(part)
        return columns

    def _fitted(self, index: int, cells: list[str], width: int) -> list[str]:
        if len(cells) < width:
            # Spreadsheets leave out the separators of empty cells at the end of a row.
            message = f"The row has {len(cells)} cells for {width} columns: the others are taken as missing."
            self._warnings.append(CellError(self._numbers[index], "", "ragged_row", message, ""))
            return cells + [""] * (width - len(cells))
        if len(cells) > width:
            message = f"The row has {len(cells)} cells for {width} columns: the values may have slipped."
            self._find(index, "", "ragged_row", message, cells[width])
        return cells[:width]

    def _column(self, name: str) -> Sequence[str] | None:
        position = self._columns.found.get(name)
        return None if position is None else self._cells[position]

    def _read(
        self,
        name: str,
        read: Callable[[str], Key[T]],
        default: T,
        clean: Callable[[Sequence[str]], list[T] | None] | None = None,
    ) -> list[T]:
        """A column of keys or labels: at once where `clean` can, else each different text once."""
        texts = self._column(name)
        if texts is None:
            return [default] * len(self._numbers)
        if clean is not None and (values := clean(texts)) is not None:
            return values
        known = {text: read(text) for text in set(texts)}
        if any(key.code for key in known.values()):
            for index, text in enumerate(texts):
                if (key := known[text]).code:
                    self._find(index, name, key.code, key.message, text)
        return [known[text].value for text in texts]

    def _keys(self) -> Iterator[tuple[str, Any]]:
        yield "company_symbol", self._read("company_symbol", read_symbol, "", clean_symbols)
        yield "company_name", self._read("company_name", read_text, "", clean_texts)
        yield "sector", self._read("sector", lambda text: read_text(text, LONGEST_SECTOR), "")
        currencies = self._read("currency", read_currency, "")
        yield "currency", [code or self._currency for code in currencies]
        years = self._read("reporting_year", lambda text: read_year(text, self._latest), 0)
        yield "reporting_year", np.array(years, dtype=np.int64)
        required = self._kind == "quarterly"
        quarters = self._read("reporting_quarter", lambda text: read_quarter(text, required=required), 0)
        yield "reporting_quarter", np.array(quarters, dtype=np.int64)

    def _factors(self) -> Callable[[str], NDArray[np.float64]]:
        """For a column's name the whole units in one of its numbers, row by row."""
        units = np.array(self._read("unit", lambda text: read_unit(text, -1), -1), dtype=np.float64)

        def of(name: str) -> NDArray[np.float64]:
            return np.where(units > 0, units, float(self._columns.factors.get(name, self._factor)))

        return of

    def _number_column(self, column: Column, texts: Sequence[str]) -> NDArray[np.float64]:
        values = self._plain_column(texts)
        if values is not None:
            return values
        read = np.full(len(texts), np.nan)
        known = {text: read_number(text, column.measure, self._decimal) for text in set(texts)}
        for index, text in enumerate(texts):
            number = known[text]
            read[index] = number.value
            if number.code:
                self._find(index, column.name, number.code, number.message, text)
        return read

    def _plain_column(self, texts: Sequence[str]) -> NDArray[np.float64] | None:
        """The column when every cell is empty or plainly a number, else None."""
        cells = pa.array(texts, pa.string())
        if self._decimal == "," and pc.any(pc.match_substring(cells, ".")).as_py():
            return None
        if (pc.max(pc.binary_length(cells)).as_py() or 0) > LONGEST_NUMBER:
            return None
        given = pc.if_else(pc.equal(cells, ""), None, cells)
        try:
            # Rounds as float() does, takes nothing that read_number would not, at half the time.
            numbers = pc.cast(given, pa.float64())
        except pa.ArrowInvalid:
            return None
        if not pc.all(pc.is_finite(numbers)).as_py() and numbers.null_count < len(texts):
            return None
        values: NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
        return values.copy()

    def _checked(
        self,
        column: Column,
        position: int,
        values: NDArray[np.float64],
        findings: Iterable[tuple[int, str, str]],
    ) -> NDArray[np.float64]:
        """The column with what cannot be true made missing and named."""
        for index, code, message in findings:
            self._find(index, column.name, code, message, self._cells[position][index])
            values[index] = np.nan
        return values


def _in_millions(values: NDArray[np.float64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    # Division by a whole number rounds once; multiplication by 0.000001 would round twice.
    return np.where(factors < _MILLION, values / (_MILLION / factors), values * (factors / _MILLION))


def _frame_order(names: Iterable[str]) -> list[str]:
    """The keys and labels, then numbers in the order of the table."""
    present = set(names)
    order = [name for name in COLUMNS if name in present]
    return sorted(order, key=lambda name: (COLUMNS[name].is_number, name.startswith(PRIOR)))

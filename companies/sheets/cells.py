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
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from companies.sheets.columns import COLUMNS, PRIOR, Column, Kind
from companies.sheets.csv_source import Decimal, Record
from companies.sheets.duplicates import RowKeys
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
from companies.sheets.numbers import LONGEST_NUMBER, Number, read_number
from companies.sheets.parts import RowBlock
from companies.sheets.plausibility import check_amount, check_ratio
from companies.sheets.units import unit_factor

T = TypeVar("T")

_MILLION: Final = 1_000_000
_KEYS_WITH_WARNING: Final = {("reporting_quarter", "annual")}
_EXPONENT: Final = r"(?:[eE][-+]?[0-9]{1,4})?"
# What a cell may be to be taken as a number without a closer look; with decimal commas a point is none.
_PLAIN_NUMBER: Final = {
    True: rf"^(?:-?(?:[0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT})?$",
    False: rf"^(?:-?[0-9]+{_EXPONENT})?$",
}


@dataclass
class ParsedBatch:
    """Rows of a sheet ready to be scored, and all that was found in the cells of this batch.

    `table` has one line per row that is not refused: company_symbol, company_name, sector, currency (texts,
    empty when missing), reporting_year, reporting_quarter (1 to 4, 0 for none), market_cap (millions), and of
    the other number columns those that the sheet has (ratios as they stand, amounts in millions of the row's
    currency), float64 with NaN for missing.
    """

    kind: Kind
    table: pa.Table
    row_numbers: NDArray[np.int64]
    total: int
    refused: list[int]
    """Numbers of the rows with an error, ascending."""
    errors: list[CellError] = field(default_factory=list)
    warnings: list[CellError] = field(default_factory=list)
    whole: pa.Table = None
    """As `table`, with a line for the refused rows too; in the order of the file."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table for pandas."""
        return self.table.to_pandas()

    def row_keys(self) -> RowKeys:
        """The key of each row; quarter 0 in an annual sheet (a label there)."""
        quarters = self.table["reporting_quarter"].to_numpy()
        return RowKeys(
            self.row_numbers,
            self.table["company_symbol"].to_numpy(),
            self.table["reporting_year"].to_numpy(),
            np.zeros_like(quarters) if self.kind == "annual" else quarters,
        )


def parse_rows(
    rows: Iterable[Record] | RowBlock,
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
    rows : iterable of (row number, cells), or RowBlock
        As `Sheet.rows` or `Sheet.blocks` gives them.
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
    given = rows if isinstance(rows, RowBlock) else list(rows)
    return _Batch(given, column_map, decimal, factor, currency, latest).parsed()


class _Batch:
    """The work on one batch, column after column."""

    def __init__(
        self,
        rows: list[Record] | RowBlock,
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
        self._errors: list[CellError] = []
        self._warnings: list[CellError] = []
        self._slipped: set[int] = set()
        if not isinstance(rows, RowBlock):
            rows = RowBlock.of([self._fitted(number, cells) for number, cells in rows], columns.width)
        self._numbers, self._cells = rows.numbers, rows.cells
        slipped = np.isin(self._numbers, list(self._slipped)) if self._slipped else np.empty(0)
        self._refused: set[int] = set(np.flatnonzero(slipped).tolist())

    def parsed(self) -> ParsedBatch:
        data: dict[str, Any] = dict(self._keys())
        inputs = np.zeros(len(self._numbers), dtype=bool)
        factors = self._factors()
        dollars = pc.is_in(data["currency"], pa.array(["", "USD"])).to_numpy(zero_copy_only=False)
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
            # Minus zero is zero: a quotient by it would have the other sign.
            numbers[name] = values + 0.0
            if column.is_input:
                inputs |= ~np.isnan(values)
        for index in np.flatnonzero(~inputs).tolist():
            if index not in self._refused:
                self._find(index, "", "no_inputs", "No ratio and no line item is left to score from.", "")
        return self._assembled({**data, **numbers})

    def _assembled(self, data: dict[str, Any]) -> ParsedBatch:
        table, numbers = pa.table({name: data[name] for name in _frame_order(data)}), self._numbers
        whole = table
        if self._refused:
            kept = np.ones(len(numbers), dtype=bool)
            kept[list(self._refused)] = False
            table, numbers = table.filter(pa.array(kept)), numbers[kept]
        return ParsedBatch(
            kind=self._kind,
            table=table.combine_chunks(),
            row_numbers=numbers,
            total=len(self._numbers),
            refused=sorted(int(self._numbers[index]) for index in self._refused),
            errors=sorted(self._errors),
            warnings=sorted(self._warnings),
            whole=whole,
        )

    def _find(self, index: int, column: str, code: str, message: str, value: str) -> None:
        """Note what is wrong; whether the row is refused follows from the code and the column."""
        labels = column in {"company_name", "sector"} or (column, self._kind) in _KEYS_WITH_WARNING
        finding = CellError(int(self._numbers[index]), column, code, message, shown(value))
        if code in REFUSING_CODES and not labels:
            self._errors.append(finding)
            self._refused.add(index)
        else:
            self._warnings.append(finding)

    def _fitted(self, number: int, cells: list[str]) -> Record:
        width = self._columns.width
        if len(cells) < width:
            # Spreadsheets leave out the separators of empty cells at the end of a row.
            message = f"The row has {len(cells)} cells for {width} columns: the others are taken as missing."
            self._warnings.append(CellError(number, "", "ragged_row", message, ""))
            return number, cells + [""] * (width - len(cells))
        if len(cells) > width:
            message = f"The row has {len(cells)} cells for {width} columns: the values may have slipped."
            self._errors.append(CellError(number, "", "ragged_row", message, shown(cells[width])))
            self._slipped.add(number)
        return number, cells[:width]

    def _read(
        self,
        name: str,
        read: Callable[[str], Key[T]],
        default: T,
        clean: Callable[[Sequence[str]], list[T] | None] | None = None,
    ) -> pa.Array:
        """A column of keys or labels, each different text read once: all together where `clean` can."""
        position, kind = self._columns.found.get(name), pa.array([default]).type
        if position is None:
            return pa.array([default] * len(self._numbers), kind)
        encoded = self._cells[position].dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        values = clean(distinct) if clean is not None else None
        if values is None:
            known = [read(text) for text in distinct]
            values = [key.value for key in known]
            wrong = [place for place, key in enumerate(known) if key.code]
            if wrong:
                places = encoded.indices.to_numpy()
                for index in np.flatnonzero(np.isin(places, wrong)).tolist():
                    key = known[places[index]]
                    self._find(index, name, key.code, key.message, distinct[places[index]])
        return pa.array(values, kind).take(encoded.indices)

    def _keys(self) -> Iterator[tuple[str, Any]]:
        yield "company_symbol", self._read("company_symbol", read_symbol, "", clean_symbols)
        yield "company_name", self._read("company_name", read_text, "", clean_texts)
        yield "sector", self._read("sector", lambda text: read_text(text, LONGEST_SECTOR), "")
        currencies = self._read("currency", read_currency, "")
        yield "currency", pc.if_else(pc.equal(currencies, ""), self._currency, currencies)
        yield "reporting_year", self._read("reporting_year", lambda text: read_year(text, self._latest), 0)
        required = self._kind == "quarterly"
        quarters = self._read("reporting_quarter", lambda text: read_quarter(text, required=required), 0)
        yield "reporting_quarter", quarters

    def _factors(self) -> Callable[[str], NDArray[np.float64]]:
        """For a column's name the whole units in one of its numbers, row by row."""
        units = self._read("unit", lambda text: read_unit(text, -1), -1).to_numpy().astype(np.float64)

        def of(name: str) -> NDArray[np.float64]:
            return np.where(units > 0, units, float(self._columns.factors.get(name, self._factor)))

        return of

    def _number_column(self, column: Column, texts: pa.StringArray) -> NDArray[np.float64]:
        values = self._plain_column(texts)
        if values is not None:
            return values
        plain = pc.match_substring_regex(texts, _PLAIN_NUMBER[self._decimal != ","])
        read = self._plain_column(pc.if_else(plain, texts, ""))
        if read is None:
            plain, read = pc.equal(texts, ""), np.full(len(texts), np.nan)
        others = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
        known: dict[str, Number] = {}
        for index, text in zip(others.tolist(), texts.take(pa.array(others)).to_pylist(), strict=True):
            number = known.get(text)
            if number is None:
                number = known[text] = read_number(text, column.measure, self._decimal)
            read[index] = number.value
            if number.code:
                self._find(index, column.name, number.code, number.message, text)
        return read

    def _plain_column(self, cells: pa.StringArray) -> NDArray[np.float64] | None:
        """The column when every cell is empty or plainly a number, else None."""
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
        if not pc.all(pc.is_finite(numbers)).as_py() and numbers.null_count < len(cells):
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
            self._find(index, column.name, code, message, self._cells[position][index].as_py())
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

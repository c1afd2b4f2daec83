"""Rows of a file as companies and periods, with every cell that is wrong named.

A row with a wrong cell is left out as a whole: half a statement is worse than one that comes a day later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal as Number
from typing import Any, Final, NamedTuple

from companies.imports.fields import IDENTIFIERS, Place
from companies.imports.hints import hint_for
from companies.imports.mapping import Reading
from companies.imports.models import Layout
from companies.imports.values import BadCell, read_value
from companies.models import FIRST_YEAR
from companies.sheets.columns import COLUMNS, LARGEST_MARKET_CAP
from companies.sheets.csv_source import Decimal, Record
from companies.sheets.errors import shown
from companies.sheets.numbers import is_missing
from companies.sheets.plausibility import LARGEST_ANY_CURRENCY, is_sentinel
from ml.features import LARGEST_AMOUNT

_MILLION: Final = Number(1_000_000)
_PLACES: Final = Number("0.000001")


class Finding(NamedTuple):
    """What is wrong with a cell, or with a row as a whole."""

    row: int
    position: int
    """Of the column, -1 for the row as a whole."""
    code: str
    message: str
    value: str
    hint: str


@dataclass(slots=True)
class Period:
    """One period that a row tells of. Amounts are in millions of the currency, as text."""

    kind: str
    year: int
    quarter: int | None
    amounts: dict[str, str]
    cells: dict[str, str]
    """Line item to the cell that it stands in."""
    currency: str = ""
    unit: str = "units"
    end: str = ""
    months: int | None = None
    filed_on: str = ""
    filing_id: str = ""
    beside: bool = False
    """Whether it comes from columns of another year beside the row's own: it never replaces what is known."""


@dataclass(slots=True)
class RowDraft:
    """What a row says, ready to be stored."""

    row: int
    company: dict[str, Any]
    periods: list[Period] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """The first identifier that the row gives, by which its company is known within the file."""
        return next(f"{name}:{self.company[name]}" for name in IDENTIFIERS if self.company.get(name))

    def keys(self) -> Iterator[bytes]:
        """A digest for each company and period that the row tells of by itself."""
        own = [p for p in self.periods if not p.beside]
        names = [f"{self.identity}\x1f{p.kind}\x1f{p.year}\x1f{p.quarter or 0}" for p in own]
        for name in names or [self.identity]:
            yield hashlib.blake2b(name.encode(), digest_size=16).digest()


@dataclass(slots=True)
class Parsed:
    """A batch of rows."""

    total: int = 0
    drafts: list[RowDraft] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


def column_letter(position: int) -> str:
    """A column as a spreadsheet names it: 0 is A, 26 is AA."""
    letters = ""
    number = position + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_of(cell: str) -> int:
    """The column of a cell such as AB17: 27."""
    position = 0
    for letter in cell.rstrip("0123456789"):
        position = 26 * position + ord(letter) - 64
    return position - 1


def parse(
    rows: Iterable[Record], reading: Reading, *, decimal: Decimal, factor: int, currency: str
) -> Parsed:
    """Read rows; ``factor`` (whole units in one) and ``currency`` hold where the file itself says nothing."""
    parser = _Parser(reading, decimal, factor, currency)
    for number, cells in rows:
        parser.take(number, cells)
    return parser.parsed


class _Parser:
    def __init__(self, reading: Reading, decimal: Decimal, factor: int, currency: str) -> None:
        self.reading = reading
        self.decimal = decimal
        self.factor = factor
        self.currency = currency or next((n.currency for n in reading.notes if n.currency), "")
        self.parsed = Parsed()
        placed = [(i, p) for i, p in enumerate(reading.places) if p is not None]
        companies = reading.layout == Layout.COMPANIES
        # In a file of companies the plain words are about the company; beside amounts, about the period.
        renamed = {"currency": "company_currency", "market_cap": "company_market_cap"} if companies else {}
        self.amounts = [
            (i, p) for i, p in placed if p.target.part == "amount" and p.target.name not in renamed
        ]
        self.facts = [
            (i, p, renamed.get(p.target.name, p.target.name))
            for i, p in placed
            if p.target.part in {"company", "custom"} or p.target.name in renamed
        ]
        self.periods = [
            (i, p) for i, p in placed if p.target.part == "period" and p.target.name not in renamed
        ]
        self.where = {name: i for i, _, name in self.facts} | {p.target.name: i for i, p in self.periods}
        self.letters = [column_letter(i) for i in range(len(reading.header))]

    # -- one row ------------------------------------------------------------------------------------

    def take(self, number: int, cells: list[str]) -> None:
        self.parsed.total += 1
        self.row, self.cells, self.failed = number, cells, False
        width = len(self.reading.header)
        if len(cells) > width:
            text = f"The row has {len(cells)} cells for {width} columns: the values may have slipped."
            self.fault(-1, "ragged_row", text, cells[width])
            return
        self.cells = [*cells, *[""] * (width - len(cells))]
        period: dict[str, Any] = {}
        for position, place in self.periods:
            self.read(position, place, period, place.target.name)
        factor = period.pop("unit", None)
        company = self.company(factor)
        draft = RowDraft(number, company)
        if self.reading.layout != Layout.COMPANIES and not self.failed:
            draft.periods = self.told(period, factor)
        if not self.failed:
            self.parsed.drafts.append(draft)

    def fault(self, position: int, code: str, message: str, value: str = "") -> None:
        self.failed = True
        text = value or (self.cells[position] if 0 <= position < len(self.cells) else "")
        found = Finding(self.row, position, code, message, shown(text), hint_for(code))
        self.parsed.errors.append(found)

    def read(self, position: int, place: Place, into: dict[str, Any], name: str) -> None:
        text = self.cells[position]
        if is_missing(text):
            return
        try:
            into[name] = read_value(place.target, text, self.decimal)
        except BadCell as error:
            self.fault(position, error.code, error.message)

    # -- the company --------------------------------------------------------------------------------

    def company(self, factor: int | None) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for position, place, name in self.facts:
            before = len(self.parsed.errors)
            self.read(position, place, said, name)
            if name == "company_market_cap" and name in said and len(self.parsed.errors) == before:
                self.market_cap(position, said, factor)
            if place.target.required and name not in said and len(self.parsed.errors) == before:
                self.fault(position, "missing_field", f"{place.target.label} is needed.")
        if not any(said.get(name) for name in IDENTIFIERS) and not self.failed:
            position = next((self.where[name] for name in IDENTIFIERS if name in self.where), -1)
            self.fault(position, "missing_key", "Nothing says which company this is.")
        if said.get("state") == "defaulted" and "defaulted_on" not in said:
            position = self.where.get("defaulted_on", self.where["state"])
            self.fault(position, "default_undated", "A default needs its day.", "")
        if "defaulted_on" in said and said.get("state", "defaulted") != "defaulted":
            self.fault(self.where["defaulted_on"], "default_contradicts", "A default day, and no default.")
        return {name: _plain(value) for name, value in said.items()}

    def market_cap(self, position: int, said: dict[str, Any], factor: int | None) -> None:
        scale = Number(factor or self.reading.notes[position].factor or self.factor)
        value = said["company_market_cap"] * scale / _MILLION
        if value < 0 or value > Number(LARGEST_MARKET_CAP):
            self.fault(position, "impossible_value", "No company has such a market value.")
            return
        said["company_market_cap"] = value.quantize(_PLACES)

    # -- its periods --------------------------------------------------------------------------------

    def told(self, said: dict[str, Any], factor: int | None) -> list[Period]:
        """The row's own period, and those of columns beside it."""
        year, quarter = self.when(said)
        if self.failed:
            return []
        kind = said.get("period_kind") or ("quarterly" if quarter else "annual")
        if kind == "annual" and quarter:
            self.fault(self.where["fiscal_quarter"], "quarter_not_wanted", "A year has no quarter.")
        if kind != "annual" and not quarter:
            position = self.where.get("fiscal_quarter", self.where.get("period_kind", -1))
            self.fault(position, "missing_quarter", "The quarter is missing.")
        if self.failed:
            return []
        found: dict[int, Period] = {}
        for position, place in self.amounts:
            amount = self.amount(position, place, factor, said.get("currency", ""))
            if amount is None:
                continue
            of = place.year if place.year is not None else (year or 0) - place.back
            period = found.get(of)
            if period is None:
                period = found[of] = Period(kind, of, quarter, {}, {}, beside=place.back > 0)
                period.currency = (
                    said.get("currency") or self.reading.notes[position].currency or self.currency
                )
                period.unit = _unit_word(factor or self.reading.notes[position].factor or self.factor)
            period.beside = period.beside and place.back > 0
            period.amounts[place.target.name] = str(amount)
            period.cells[place.target.name] = f"{self.letters[position]}{self.row}"
        if self.failed:
            return []
        if not found:
            self.fault(-1, "no_amounts", "No cell of this row holds an amount.")
        own = found.get(year) if year is not None else None
        if own is not None:
            own.end = _plain(said.get("period_end", ""))
            own.months = said.get("months")
            own.filed_on = _plain(said.get("filed_on", ""))
            own.filing_id = said.get("filing_id", "")
        return [period for period in found.values() if period.year >= FIRST_YEAR]

    def when(self, said: dict[str, Any]) -> tuple[int | None, int | None]:
        year, end = said.get("fiscal_year"), said.get("period_end")
        if year is None and end is not None and "fiscal_year" not in self.where:
            year = end.year
        timed = any(place.year is None for _, place in self.amounts)
        if year is None and timed:
            position = self.where.get("fiscal_year", self.where.get("period_end", -1))
            self.fault(position, "missing_key", "Nothing says which year this is.")
        elif year is not None and end is not None and abs(end.year - year) > 1:
            self.fault(
                self.where["period_end"], "period_contradicts", "The day is not near that fiscal year."
            )
        return year, said.get("fiscal_quarter")

    def amount(self, position: int, place: Place, factor: int | None, currency: str) -> Number | None:
        text = self.cells[position]
        if is_missing(text):
            return None
        try:
            value = read_value(place.target, text, self.decimal)
        except BadCell as error:
            self.fault(position, error.code, error.message)
            return None
        column = COLUMNS[place.target.name]
        note = self.reading.notes[position]
        millions: Number = value * Number(factor or note.factor or self.factor) / _MILLION
        if is_sentinel(float(value), amount=True):
            self.fault(position, "sentinel_value", "A placeholder, not an amount.")
        elif column.low == 0.0 and (millions < 0 or (column.low_is_open and millions == 0)):
            least = "positive" if column.low_is_open else "zero or more"
            self.fault(position, "impossible_value", f"{place.target.label} is {least}.")
        elif abs(millions) > self.highest(column.high, currency or note.currency or self.currency):
            self.fault(position, "impossible_value", "Larger than any company's amount.")
        else:
            return millions.quantize(_PLACES)
        return None

    @staticmethod
    def highest(column_high: float, currency: str) -> Number:
        dollars = currency in {"", "USD"}
        return Number(min(column_high, LARGEST_AMOUNT) if dollars else LARGEST_ANY_CURRENCY)


def _unit_word(factor: int) -> str:
    return {1: "units", 1_000: "thousands"}.get(factor, "millions")


def _plain(value: Any) -> Any:
    """The value as JSON holds it."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Number) else value

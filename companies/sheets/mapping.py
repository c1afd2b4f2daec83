"""From a sheet's header to our columns: what was found, what is not known, what is missing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from companies.sheets.columns import COLUMNS, KINDS, NAMES, Column, Kind, normalised, own_ratios
from companies.sheets.errors import DETAIL_LIMIT, SheetError, shown
from companies.sheets.units import currency_code, unit_factor

_BRACKETS: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_IDLE_NOTES: Final = frozenset(
    {
        "",
        "pct",
        "percent",
        "percentage",
        "inpercent",
        "x",
        "times",
        "multiple",
        "ratio",
        "optional",
        "required",
    }
)
_FOOTNOTES: Final = frozenset("123456789")
_CLOSE_ENOUGH: Final = 0.8
_MOST_SUGGESTIONS: Final = 50
_LONGEST_HEADER_CELL: Final = 200


class HeaderCell(NamedTuple):
    """What one cell of a header says: a column, and for amounts perhaps a unit and a currency."""

    column: Column
    factor: int | None = None
    currency: str | None = None


@lru_cache(maxsize=4096)
def read_header_cell(text: str) -> HeaderCell | None:
    """The column that a header cell names, with the unit in brackets after it; None for an unknown one."""
    if len(text) > _LONGEST_HEADER_CELL:
        return None
    name = NAMES.get(normalised(text))
    if name is not None:
        return HeaderCell(COLUMNS[name])
    name = NAMES.get(normalised(_BRACKETS.sub(" ", text)))
    if name is None:
        return None
    factor = currency = None
    for note in _BRACKETS.findall(text):
        if normalised(note) in _IDLE_NOTES:
            continue
        found = unit_factor(note)
        # A note that is not understood may change what the numbers mean, so the column is not guessed.
        if found is None or COLUMNS[name].measure != "money" or note.strip() in _FOOTNOTES:
            return None
        currency = currency_code(note) or currency
        factor = found if currency_code(note) != normalised(note).upper() else factor
    return HeaderCell(COLUMNS[name], factor, currency)


def known_names(cells: Sequence[str]) -> int:
    """How many different columns of ours a row of cells names: how much it looks like a header."""
    found = (read_header_cell(cell) for cell in cells if cell)
    return len({cell.column.name for cell in found if cell is not None})


@dataclass(frozen=True)
class ColumnMap:
    """Where our columns stand in a sheet, and what about its header the user should know."""

    kind: Kind
    header: tuple[str, ...]
    found: Mapping[str, int]
    """Our name to the position in the sheet."""
    unknown: tuple[str, ...]
    """Header cells that name no column of this kind of sheet."""
    missing: tuple[str, ...]
    duplicated: Mapping[str, tuple[str, ...]]
    """Our name to the header cells that mean it as well and are not used."""
    suggestions: Mapping[str, str]
    """Unknown header cell to the column that was perhaps meant."""
    looks_like: Kind | None
    """The other kind of sheet, when the header is clearly one of that kind."""
    repeated: tuple[str, ...]
    """Header cells that stand there twice, word for word."""
    factors: Mapping[str, int]
    """Our name to the unit named in its header cell, in whole units."""
    currency: str
    """The one currency that the header names, or an empty text."""

    @property
    def width(self) -> int:
        """Number of columns of the sheet."""
        return len(self.header)

    @property
    def hint(self) -> str:
        """A sentence when the sheet belongs under the other kind, else an empty text."""
        if self.looks_like is None:
            return ""
        article = "an" if self.looks_like == "annual" else "a"
        return f"This looks like {article} {self.looks_like} sheet."

    @property
    def error(self) -> SheetError | None:
        """Why no row of the sheet can be scored, or None."""
        if self.missing:
            return SheetError("missing_columns", listed("Missing required columns: ", self.missing))
        if self.repeated:
            return SheetError("repeated_columns", listed("Columns stand there twice: ", self.repeated))
        return None

    def require(self) -> ColumnMap:
        """The map itself, for a sheet that can be scored; SheetError otherwise."""
        if (error := self.error) is not None:
            raise error
        return self


ANY_INPUT: Final = "any ratio or line item"


def map_columns(header: Sequence[str], kind: Kind) -> ColumnMap:
    """Match a header to the columns of an annual or quarterly sheet."""
    if kind not in KINDS:
        raise ValueError(f"kind must be 'annual' or 'quarterly', not {kind!r}")
    read = [read_header_cell(text) for text in header]
    named = {cell.column.name for cell in read if cell is not None}
    found: dict[str, int] = {}
    others: dict[str, list[int]] = {}
    unknown: list[str] = []
    for position, cell in enumerate(read):
        if cell is None or kind not in cell.column.kinds:
            if header[position].strip():
                unknown.append(shown(header[position].strip()))
            continue
        name = cell.column.name
        if name not in found:
            found[name] = position
        elif _is_exact(header[position], name) and not _is_exact(header[found[name]], name):
            others.setdefault(name, []).append(found[name])
            found[name] = position
        else:
            others.setdefault(name, []).append(position)
    used = {name: cell for name, position in found.items() if (cell := read[position]) is not None}
    currencies = {cell.currency for cell in used.values() if cell.currency}
    looks_like = _looks_like(named, kind)
    return ColumnMap(
        kind=kind,
        header=tuple(header),
        found=found,
        unknown=tuple(unknown),
        missing=_missing(found, kind, looks_like),
        duplicated={n: tuple(shown(header[p].strip()) for p in positions) for n, positions in others.items()},
        suggestions=_suggestions(unknown, found, kind),
        looks_like=looks_like,
        repeated=tuple(
            name
            for name, positions in others.items()
            if normalised(header[found[name]]) in {normalised(header[position]) for position in positions}
        ),
        factors={name: cell.factor for name, cell in used.items() if cell.factor is not None},
        currency=currencies.pop() if len(currencies) == 1 else "",
    )


def _is_exact(text: str, name: str) -> bool:
    return normalised(text) == normalised(name)


def _looks_like(named: set[str], kind: Kind) -> Kind | None:
    other: Kind = "quarterly" if kind == "annual" else "annual"
    if named.intersection(own_ratios(kind)) or not named.intersection(own_ratios(other)):
        return None
    if any(COLUMNS[name].role == "amount" and COLUMNS[name].is_input for name in named):
        return None
    return other


def _missing(found: Mapping[str, int], kind: Kind, looks_like: Kind | None) -> tuple[str, ...]:
    missing = [n for n, column in COLUMNS.items() if kind in column.required and n not in found]
    if looks_like is not None:
        # The two kinds share ratios: a sheet of the other kind would be scored on those alone, badly.
        missing.extend(own_ratios(kind))
    elif not any(COLUMNS[name].is_input for name in found):
        missing.append(ANY_INPUT)
    return tuple(missing)


def _suggestions(unknown: Sequence[str], found: Mapping[str, int], kind: Kind) -> dict[str, str]:
    open_names = {
        key: name for key, name in NAMES.items() if name not in found and kind in COLUMNS[name].kinds
    }
    suggestions: dict[str, str] = {}
    for text in unknown[:_MOST_SUGGESTIONS]:
        close = difflib.get_close_matches(normalised(text), open_names, n=1, cutoff=_CLOSE_ENOUGH)
        if close:
            suggestions[text] = open_names[close[0]]
    return suggestions


def listed(start: str, names: Sequence[str]) -> str:
    """The sentence with as many names as a client shows."""
    sentence = start + ", ".join(names)
    shown_names = len(names)
    while len(sentence) > DETAIL_LIMIT and shown_names > 1:
        shown_names -= 1
        sentence = f"{start}{', '.join(names[:shown_names])} and {len(names) - shown_names} more"
    return sentence

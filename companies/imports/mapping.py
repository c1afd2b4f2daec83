"""From a file's header to targets: what is known by name, what was remembered, what is missing."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from companies.imports.fields import CUSTOM, FARTHEST, IDENTIFIERS, NAMES, TARGETS, Place, Target, place_of
from companies.imports.models import Layout
from companies.sheets.columns import PRIOR, normalised
from companies.sheets.mapping import read_header_cell
from companies.sheets.units import currency_code, unit_factor

_BRACKETS: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_YEAR: Final = re.compile(r"(?<!\d)(?:FY\s*)?((?:19|20)\d\d)(?!\d)", re.IGNORECASE)
_BACK: Final = re.compile(
    r"(?:\b[nty]\s*-\s*([1-9])\b)|(?:\b([1-9])\s*years?\s*(?:ago|back|before)\b)", re.IGNORECASE
)
_CLOSE_ENOUGH: Final = 0.8
# What the sheet of faulty rows adds to the user's columns: never a column of his.
ERROR_COLUMNS: Final = frozenset({"error", "errorfound", "errorofthisrow"})


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column of a header seems to be."""

    target: str = ""
    how: str = ""
    """``name`` (known by its name), ``remembered``, or empty."""
    suggestion: str = ""
    """For one that is not known: what was perhaps meant."""


@dataclass(frozen=True, slots=True)
class Note:
    """The unit and the currency that a header cell names in brackets."""

    factor: int | None = None
    currency: str = ""


def is_error_column(text: str) -> bool:
    return normalised(text) in ERROR_COLUMNS


def fingerprint(header: Sequence[str]) -> str:
    """The same for two headers that differ in case, spaces, punctuation or the error column only."""
    names = [normalised(text) or text.strip() for text in header if not is_error_column(text)]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def guess(header: Sequence[str], customs: Mapping[str, Target]) -> list[Guess]:
    """What each column seems to be; of several that mean the same the first, or the one named exactly."""
    found = [_read(text, customs) for text in header]
    best: dict[str, int] = {}
    for position, target in enumerate(found):
        if not target:
            continue
        before = best.get(target)
        if before is None or (
            normalised(header[position]) == normalised(target) != normalised(header[before])
        ):
            best[target] = position
    return [
        Guess(target, "name")
        if target and best[target] == position
        else Guess(suggestion="" if target else _close(header[position], customs, best))
        for position, target in enumerate(found)
    ]


def _read(text: str, customs: Mapping[str, Target]) -> str:
    if not text.strip() or len(text) > 200 or is_error_column(text):
        return ""
    if name := _named(text, customs):
        return name
    cell = read_header_cell(text)
    if cell is not None and cell.column.role == "prior":
        return f"{cell.column.name.removeprefix(PRIOR)}@-1"
    # Before the brackets go: "EBIT (n-2)" and "Revenue (2022)" are not this year's.
    for pattern, form in ((_BACK, "{}@-{}"), (_YEAR, "{}@{}")):
        if match := pattern.search(text):
            rest = pattern.sub(" ", text)
            name = _named(rest, customs) or _named(_BRACKETS.sub(" ", rest), customs)
            if name in TARGETS and TARGETS[name].part == "amount":
                return form.format(name, next(filter(None, match.groups())))
    return _named(_BRACKETS.sub(" ", text), customs)


def _named(text: str, customs: Mapping[str, Target]) -> str:
    word = normalised(text)
    if name := NAMES.get(word):
        return name
    for name, target in customs.items():
        if word in {normalised(name), normalised(name.removeprefix(CUSTOM)), normalised(target.label)}:
            return name
    return ""


def _close(text: str, customs: Mapping[str, Target], taken: Mapping[str, int]) -> str:
    if is_error_column(text) or not text.strip():
        return ""
    names = {word: name for word, name in NAMES.items() if name not in taken}
    names |= {normalised(t.label): name for name, t in customs.items() if name not in taken}
    close = difflib.get_close_matches(normalised(_BRACKETS.sub(" ", text)), names, n=1, cutoff=_CLOSE_ENOUGH)
    return names[close[0]] if close else ""


def note_of(text: str) -> Note:
    """Unit and currency of a header such as ``Revenue (EUR thousands)``."""
    factor, currency = None, ""
    for note in _BRACKETS.findall(text):
        if (found := unit_factor(note)) is None:
            continue
        code = currency_code(note) or ""
        currency = code or currency
        if code != normalised(note).upper():
            factor = found
    return Note(factor, currency)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: the place of each column, and what the header says of amounts."""

    header: tuple[str, ...]
    places: tuple[Place | None, ...]
    notes: tuple[Note, ...]
    layout: Layout
    problems: tuple[str, ...] = ()
    """Why no row could be taken, in sentences."""
    customs: Mapping[str, Target] = field(default_factory=dict)

    def position_of(self, *names: str) -> int:
        """Where the first of these targets stands; -1 for none of them."""
        for name in names:
            for position, place in enumerate(self.places):
                if place is not None and place.target.name == name and not place.is_other_period:
                    return position
        return -1

    @property
    def where_keys(self) -> int:
        """The column that says which company a row is."""
        return self.position_of(*IDENTIFIERS)


def reading_of(header: Sequence[str], mapping: Sequence[str], customs: Mapping[str, Target]) -> Reading:
    """The mapping as places; ``problems`` says what it lacks."""
    names = [*mapping, *[""] * (len(header) - len(mapping))][: len(header)]
    places = tuple(place_of(name, customs) if name else None for name in names)
    layout = _layout(places)
    return Reading(
        header=tuple(header),
        places=places,
        notes=tuple(note_of(text) for text in header),
        layout=layout,
        problems=tuple(_problems(names, places, layout)),
        customs=customs,
    )


def _layout(places: Sequence[Place | None]) -> Layout:
    known = [place for place in places if place is not None]
    if any(place.is_other_period for place in known):
        return Layout.WIDE
    amounts = any(p.target.part == "amount" and p.target.name != "market_cap" for p in known)
    timed = any(p.target.name in {"fiscal_year", "period_end"} for p in known)
    return Layout.LONG if amounts or timed else Layout.COMPANIES


def _problems(names: Sequence[str], places: Sequence[Place | None], layout: Layout) -> list[str]:
    problems = [f"{name!r} is nothing that a column can be." for name, p in zip(names, places, strict=True)
                if name and p is None]  # fmt: skip
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    problems += [f"Two columns are read as {name!r}." for name in repeated]
    known = {place.target.name for place in places if place is not None}
    if not known & set(IDENTIFIERS):
        problems.append("No column says which company a row is: map one to symbol, lei, cik or ticker.")
    if layout == Layout.COMPANIES:
        return problems
    if not any(place is not None and place.target.part == "amount" for place in places):
        problems.append("No column holds an amount.")
    own = [p for p in places if p is not None and p.target.part == "amount" and p.year is None]
    if own and not known & {"fiscal_year", "period_end"}:
        problems.append("No column says which year a row is: map one to fiscal_year or period_end.")
    if any(place is not None and place.back > FARTHEST for place in places):
        problems.append(f"At most {FARTHEST} years back.")
    return problems

"""The cells that say which statement a row is: symbol, year, quarter, and the labels beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from companies.sheets.errors import shown
from companies.sheets.numbers import MISSING, is_missing
from companies.sheets.units import CURRENCIES, unit_factor

T = TypeVar("T")

EARLIEST_YEAR: Final = 1950
LONGEST_SYMBOL: Final = 30
LONGEST_TEXT: Final = 255
LONGEST_SECTOR: Final = 100
LONGEST_UNIT: Final = 32

_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9.\-_/&]{0,29}", re.ASCII)
_YEAR: Final = re.compile(r"(?:FY)?\s*(\d{4})(?:\.0*)?", re.ASCII | re.IGNORECASE)
_DATE: Final = re.compile(r"(\d{4})-\d\d-\d\d(?:[T ].*)?", re.ASCII)
_QUARTER: Final = re.compile(r"(?:Q|QTR|QUARTER)?\s*([1-4])(?:\.0*)?|([1-4])\s*Q", re.ASCII | re.IGNORECASE)


class Key(NamedTuple, Generic[T]):
    """A key cell read; with a code something was wrong, and the value is a stand-in."""

    value: T
    code: str = ""
    message: str = ""


def read_symbol(text: str) -> Key[str]:
    """The symbol in capitals without spaces around it."""
    symbol = text.strip().upper()
    if is_missing(symbol):
        return Key("", "missing_key", "The symbol is empty.")
    if len(symbol) > LONGEST_SYMBOL:
        return Key("", "cell_too_long", f"A symbol has at most {LONGEST_SYMBOL} characters.")
    if not _SYMBOL.fullmatch(symbol):
        return Key("", "symbol_invalid", "The symbol holds characters that no symbol has.")
    return Key(symbol)


def read_year(text: str, latest_year: int) -> Key[int]:
    """The fiscal year of 2024, 2024.0, FY2024 or 2024-12-31."""
    year = text.strip()
    if is_missing(year):
        return Key(0, "missing_key", "The year is empty.")
    match = _YEAR.fullmatch(year) or _DATE.fullmatch(year)
    if match is None:
        if year.startswith(("=", "@")):
            return Key(0, "formula", "A formula stands here instead of a value.")
        if year.lstrip("-").isdecimal():
            return Key(0, "year_out_of_range", f"The year is not between {EARLIEST_YEAR} and {latest_year}.")
        return Key(0, "not_a_number", "This is not a year.")
    number = int(match.group(1))
    if not EARLIEST_YEAR <= number <= latest_year:
        return Key(0, "year_out_of_range", f"The year is not between {EARLIEST_YEAR} and {latest_year}.")
    return Key(number)


def read_quarter(text: str, *, required: bool) -> Key[int]:
    """The quarter 1 to 4 of Q1, 1, 1Q or Quarter 1; 0 where there is none."""
    quarter = text.strip()
    if is_missing(quarter):
        return Key(0, "missing_key", "The quarter is empty.") if required else Key(0)
    match = _QUARTER.fullmatch(quarter)
    if match is None:
        rest = "" if required else " It is a label here and is left out."
        return Key(0, "unknown_quarter", "The quarter is none of Q1, Q2, Q3, Q4." + rest)
    return Key(int(match.group(1) or match.group(2)))


def clean_symbols(texts: Sequence[str]) -> list[str] | None:
    """All symbols at once when none is missing or wrong, else None."""
    symbols = [text.strip().upper() for text in texts]
    distinct = set(symbols)
    if all(map(_SYMBOL.fullmatch, distinct)) and MISSING.isdisjoint(map(str.casefold, distinct)):
        return symbols
    return None


def clean_texts(texts: Sequence[str]) -> list[str] | None:
    """All texts at once, without spaces around them, when none is missing, too long or unprintable."""
    distinct = set(texts)
    if not "".join(distinct).isprintable() or max(map(len, distinct), default=0) > LONGEST_TEXT:
        return None
    if not MISSING.isdisjoint(text.strip().casefold() for text in distinct):
        return None
    return [text.strip() for text in texts]


def read_text(text: str, longest: int = LONGEST_TEXT) -> Key[str]:
    """A name as it can be stored: no control characters, not too long, empty when missing."""
    name = text.strip()
    if is_missing(name):
        return Key("")
    if not name.isprintable():
        kept = "".join(character if character.isprintable() else " " for character in name)
        name = " ".join(kept.split())
        if not kept.isspace() and all(c.isprintable() or c.isspace() for c in text):
            return _shortened(name, longest)
        return Key(name[:longest], "control_character", "Characters that cannot be shown were removed.")
    return _shortened(name, longest)


def _shortened(name: str, longest: int) -> Key[str]:
    if len(name) > longest:
        return Key(name[:longest], "cell_too_long", f"The text was cut to {longest} characters.")
    return Key(name)


def read_currency(text: str) -> Key[str]:
    """The ISO 4217 code, empty when missing."""
    code = text.strip().upper()
    if is_missing(code):
        return Key("")
    if code not in CURRENCIES:
        return Key("", "unknown_currency", f"{shown(code)[:20]} is no currency code and is left out.")
    return Key(code)


def read_unit(text: str, default: int) -> Key[int]:
    """Whole units in one of the named unit; the default where the cell is empty."""
    if not text.strip() or text.strip() == "-":
        return Key(default)
    factor = unit_factor(text) if len(text) <= LONGEST_UNIT else None
    if factor is None:
        return Key(0, "unknown_unit", "The unit is none of units, thousands, millions, billions.")
    return Key(factor)

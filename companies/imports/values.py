"""One cell as a value of its target: text to what is stored, or a code, a sentence and a hint."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as Number
from typing import Any, Final

from companies import identifiers
from companies.identifiers import BadIdentifier
from companies.imports.fields import Target
from companies.models import FIRST_YEAR
from companies.sheets.columns import normalised
from companies.sheets.csv_source import Decimal
from companies.sheets.keys import Key, read_quarter, read_text, read_year
from companies.sheets.numbers import is_missing, read_number
from companies.sheets.units import unit_factor

MOST_TAGS: Final = 20
_MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
                  "october", "november", "december")  # fmt: skip
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", re.ASCII)
_EUROPEAN: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_SLASHED: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_NAMED: Final = re.compile(
    r"(\d{1,2})[ -]([A-Za-z]{3,9})[ -,]+(\d{4})|([A-Za-z]{3,9}) (\d{1,2}),? (\d{4})", re.ASCII
)
_SERIAL: Final = re.compile(r"(\d{5})(?:\.\d+)?", re.ASCII)
# The day before a spreadsheet's day 1, moved by the leap day that 1900 never had.
_EPOCH: Final = date(1899, 12, 30)
_YES: Final = frozenset({"yes", "y", "true", "t", "1", "x", "ja", "oui", "si", "evet"})
_NO: Final = frozenset({"no", "n", "false", "f", "0", "nein", "non", "hayir"})


class BadCell(ValueError):
    """A cell that cannot be taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_value(target: Target, text: str, decimal: Decimal) -> Any:
    """What a cell that is not empty says; raises BadCell."""
    value = text.strip()
    if value.startswith(("=", "@")):
        raise BadCell("formula", "A formula stands here instead of a value.")
    try:
        return _READERS[target.measure](target, value, decimal)
    except BadIdentifier as error:
        raise BadCell(error.code, error.detail) from None


def _checked(key: Key[Any]) -> Any:
    if key.code:
        raise BadCell(key.code, key.message)
    return key.value


def _text(target: Target, text: str, decimal: Decimal) -> str:
    value: str = _checked(read_text(text, 10_000))
    if len(value) > target.longest:
        raise BadCell("cell_too_long", f"{target.label} has at most {target.longest} characters.")
    if target.name == "national_id" and not re.fullmatch(r"[\w.\-/ &]{1,40}", value):
        raise BadCell("national_id_format", "A register's number has letters, digits, dots and dashes.")
    return value


def _choice(target: Target, text: str, decimal: Decimal) -> str:
    choices = target.choices or {}
    found = choices.get(normalised(text))
    if found is None:
        known = ", ".join(dict.fromkeys(choices.values()))
        raise BadCell("unknown_choice", f"{text[:40]!r} is none of: {known}."[:280])
    return found


def _month(target: Target, text: str, decimal: Decimal) -> int:
    name = text.casefold().rstrip(".")
    if len(name) >= 3:
        for number, month in enumerate(_MONTHS, 1):
            if month.startswith(name):
                return number
    match = re.fullmatch(r"(\d{1,2})(?:\.0*)?", text) or re.fullmatch(r"(?:\d{4}-)?(\d{2})-\d{2}", text)
    found = int(match[1]) if match else 0
    if not 1 <= found <= 12:
        raise BadCell("month_invalid", "A month is 1 to 12 or an English name.")
    return found


def _date(target: Target, text: str, decimal: Decimal) -> date:
    """A day as written without doubt: 2024-12-31, 31.12.2024, 31 Dec 2024, or a spreadsheet's number."""
    try:
        if match := _ISO.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _EUROPEAN.fullmatch(text):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if match := _SLASHED.fullmatch(text):
            first, second = int(match[1]), int(match[2])
            if first <= 12 and second <= 12 and first != second:
                raise BadCell("ambiguous_date", "Day and month cannot be told apart: write 2024-12-31.")
            day, month = (first, second) if first > 12 else (second, first)
            return date(int(match[3]), month, day)
        if match := _NAMED.fullmatch(text):
            said = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
            number = next((n for n, m in enumerate(_MONTHS, 1) if m.startswith(said[1].casefold())), 0)
            return date(int(said[2]), number, int(said[0]))
        if match := _SERIAL.fullmatch(text):
            return _EPOCH + timedelta(days=int(match[1]))
    except BadCell:
        raise
    except ValueError:
        raise BadCell("not_a_date", "There is no such day.") from None
    raise BadCell("not_a_date", "This is not a date: write it as 2024-12-31.")


def _day(target: Target, text: str, decimal: Decimal) -> date:
    day = _date(target, text, decimal)
    today = datetime.now(UTC).date()
    latest = today + timedelta(days=366) if target.name == "period_end" else today + timedelta(days=1)
    if target.part != "custom" and not FIRST_YEAR <= day.year <= latest.year + 1:
        raise BadCell("date_out_of_range", f"The day is not between {FIRST_YEAR} and next year.")
    if target.name in {"defaulted_on", "filed_on", "market_cap_on"} and day > latest:
        raise BadCell("date_in_future", "This day is still to come.")
    return day


def _number(target: Target, text: str, decimal: Decimal) -> Number:
    """A number as Decimal, as it stands in the cell."""
    measure: Any = "money" if target.measure == "money" else "multiple"
    read = read_number(text, measure, decimal)
    if read.code:
        raise BadCell(read.code, read.message.replace(": taken as missing", ""))
    if read.value != read.value:
        raise BadCell("not_a_number", "This is not a number.")
    return Number(repr(read.value))


def _whole(target: Target, text: str, decimal: Decimal) -> int:
    value = _number(target, text, decimal)
    if value != value.to_integral_value():
        raise BadCell("not_whole", "A whole number is needed.")
    if target.name == "months" and not 1 <= value <= 18:
        raise BadCell("months_out_of_range", "A period covers 1 to 18 months.")
    return int(value)


def _tags(target: Target, text: str, decimal: Decimal) -> list[str]:
    tags = [" ".join(tag.split()) for tag in re.split(r"[;,|]", text)]
    found = list(dict.fromkeys(tag for tag in tags if tag))
    if any(len(tag) > target.longest for tag in found):
        raise BadCell("tag_too_long", f"A tag has at most {target.longest} characters.")
    if len(found) > MOST_TAGS:
        raise BadCell("too_many_tags", f"A company has at most {MOST_TAGS} tags.")
    return found


def _year(target: Target, text: str, decimal: Decimal) -> int:
    year: int = _checked(read_year(text, datetime.now(UTC).year + 1))
    return year


def _quarter(target: Target, text: str, decimal: Decimal) -> int | None:
    if normalised(text) in {"fy", "year", "annual", "fullyear", "0", "y"}:
        return None
    quarter: int = _checked(read_quarter(text, required=True))
    return quarter


def _unit(target: Target, text: str, decimal: Decimal) -> int:
    factor = unit_factor(text) if len(text) <= 32 else None
    if factor is None:
        raise BadCell("unknown_unit", "The unit is none of units, thousands, millions, billions.")
    return factor


def _boolean(target: Target, text: str, decimal: Decimal) -> bool:
    word = normalised(text)
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise BadCell("not_yes_or_no", "Write yes or no.")


def _identifier(read: Callable[[str], str]) -> Callable[[Target, str, Decimal], str]:
    return lambda target, text, decimal: read(text)


_READERS: Final[dict[str, Callable[[Target, str, Decimal], Any]]] = {
    "symbol": _identifier(identifiers.symbol),
    "lei": _identifier(identifiers.lei),
    "cik": _identifier(lambda text: identifiers.cik(re.sub(r"\.0+$", "", text))),
    "country": _identifier(identifiers.country),
    "currency": _identifier(identifiers.currency),
    "text": _text,
    "choice": _choice,
    "month": _month,
    "date": _day,
    "money": _number,
    "number": _number,
    "whole": _whole,
    "tags": _tags,
    "year": _year,
    "quarter": _quarter,
    "unit": _unit,
    "boolean": _boolean,
}

__all__ = ["BadCell", "is_missing", "read_value"]

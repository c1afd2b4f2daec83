"""One cell as a number: every way of writing one that has a single meaning, and a code for all others."""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from companies.sheets.columns import Measure
from companies.sheets.csv_source import Decimal

LONGEST_NUMBER: Final = 64
_NAN: Final = math.nan

MISSING: Final = frozenset(
    {"", "na", "n/a", "n.a.", "#n/a", "#n/a n/a", "nan", "null", "none", "nil", "nm", "n/m", "n.m.",
     "missing", "-", "--", "---", "–", "—", ".", "..", "..."}
)  # fmt: skip
"""Case-folded texts that say that a value is not there."""
SPREADSHEET_ERRORS: Final = frozenset(
    {"#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA",
     "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!"}
)  # fmt: skip
_INFINITE: Final = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "∞", "-∞"})
_INVISIBLE: Final = "\ufeff\u200b\u200e\u200f\u2060"

_PLAIN: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_UNSIGNED: Final = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_SPACED: Final = re.compile(r"(\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+)(?:[.,](\d+))?", re.ASCII)
_COMMA_GROUPS: Final = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_POINT_GROUPS: Final = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?", re.ASCII)
_COMMA_DECIMAL: Final = re.compile(r"\d*,\d+", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T.*)?", re.ASCII)
_SPACE: Final = re.compile(r"[ \u00a0\u2009\u202f'’]")


class Number(NamedTuple):
    """A cell as a number. With a code something was wrong, and the value is NaN."""

    value: float
    code: str = ""
    message: str = ""


_NOTHING: Final = Number(_NAN)


def is_missing(text: str) -> bool:
    """True when a text says that there is no value."""
    return text.strip().strip(_INVISIBLE).strip().casefold() in MISSING


def read_number(text: str, measure: Measure, decimal: Decimal = ".") -> Number:
    """The number that a cell holds.

    Parameters
    ----------
    text : str
        The cell as it stands in the file.
    measure : {"percent", "multiple", "money"}
        What the column holds: "25.5%" is a number in a column of percentages only.
    decimal : {".", ",", ".,"}
        Sign before decimals in this sheet.
    """
    bare = text.strip().strip(_INVISIBLE).strip()
    if bare.casefold() in MISSING:
        return _NOTHING
    if len(bare) > LONGEST_NUMBER:
        return Number(_NAN, "cell_too_long", "The cell is longer than any number.")
    if bare.upper() in SPREADSHEET_ERRORS:
        return Number(
            _NAN, "spreadsheet_error", f"The spreadsheet shows {bare.upper()} here: taken as missing."
        )
    if bare.casefold() in _INFINITE:
        return Number(_NAN, "non_finite", "Infinity is no value: taken as missing.")
    if decimal != "," and _PLAIN.fullmatch(bare):
        return _finite(float(bare))
    sign, body = _sign(bare.replace("\u2212", "-"))
    body, refusal = _without_marks(body, measure)
    if refusal:
        return Number(_NAN, "not_a_number", refusal)
    plain, code = _plain(body, measure, decimal)
    if code:
        return Number(_NAN, code, _MESSAGES[code])
    if plain:
        return _finite(sign * float(plain))
    if bare[0] in "=@" or (bare[0] in "+-" and any(character.isalpha() for character in bare)):
        return Number(_NAN, "formula", "A formula stands here instead of a value.")
    if _DATE.fullmatch(bare):
        return Number(_NAN, "not_a_number", "A date stands here instead of a number.")
    return Number(_NAN, "not_a_number", "This is not a number.")


_MESSAGES: Final = {
    "decimal_comma": "A decimal comma: write a point, or put semicolons between the columns.",
    "ambiguous_number": "This may be thousands or decimals: write it without separators.",
}


def _finite(value: float) -> Number:
    if math.isfinite(value):
        return Number(value)
    return Number(_NAN, "non_finite", "The number is too large to hold: taken as missing.")


def _sign(text: str) -> tuple[int, str]:
    """Sign and the rest: -1.5, (1.5) and 1.5- are one number; two signs are none."""
    if text.startswith("(") and text.endswith((")", ")%")):
        percent = "%" if text.endswith("%") else ""
        return -1, text.removesuffix("%")[1:-1].strip() + percent
    if text[:1] in "+-":
        return (-1 if text[0] == "-" else 1), text[1:].lstrip()
    if text.endswith("-") and text[:1].isdigit():
        return -1, text[:-1].rstrip()
    return 1, text


def _without_marks(body: str, measure: Measure) -> tuple[str, str]:
    """The digits without %, x or a currency sign, or a sentence where the mark does not belong here."""
    if body.endswith("%"):
        if measure != "percent":
            return body, "A percentage stands in a column that holds none."
        return body[:-1].rstrip(), ""
    if measure == "multiple" and body[-1:] in ("x", "X", "×"):
        return body[:-1].rstrip(), ""
    if measure == "money":
        if body[:1] in ("$", "€", "£", "¥"):
            return body[1:].lstrip(), ""
        if body[-1:] in ("$", "€", "£", "¥"):
            return body[:-1].rstrip(), ""
    return body, ""


def _plain(body: str, measure: Measure, decimal: Decimal) -> tuple[str, str]:
    """(text for float, "") for a number with one meaning, ("", code) for one with two, ("", "") for none."""
    if _UNSIGNED.fullmatch(body):
        if decimal == "," and _POINT_GROUPS.fullmatch(body):
            return (body.replace(".", ""), "") if measure == "money" else ("", "ambiguous_number")
        return body, ""
    if _SPACED.fullmatch(body):
        return _SPACE.sub("", body).replace(",", "."), ""
    commas, points = body.count(","), body.count(".")
    if _COMMA_GROUPS.fullmatch(body) and (commas > 1 or points):
        return body.replace(",", ""), ""
    if _POINT_GROUPS.fullmatch(body) and (points > 1 or commas):
        return body.replace(".", "").replace(",", "."), ""
    if not _COMMA_DECIMAL.fullmatch(body):
        return "", ""
    if decimal == ",":
        return body.replace(",", "."), ""
    if _COMMA_GROUPS.fullmatch(body):
        # As an amount 1,234 is thousands to whoever writes decimal points; a ratio of 1,234 may be either.
        return (
            (body.replace(",", ""), "") if measure == "money" and decimal == "." else ("", "ambiguous_number")
        )
    return (body.replace(",", "."), "") if decimal == ".," else ("", "decimal_comma")

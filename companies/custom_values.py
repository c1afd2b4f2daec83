"""Values of an institution's own fields: one way to read each kind, from JSON and from cells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from companies.models import CustomKind

LONGEST = 500
_YES = frozenset({"true", "yes", "y", "1", "x", "ja", "oui", "si"})
_NO = frozenset({"false", "no", "n", "0", "nein", "non"})


class Definition(Protocol):
    """What is known of a field."""

    name: str
    label: str
    kind: str
    choices: list[str]


class BadValue(ValueError):
    """A value that the field does not take."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_value(definition: Definition, value: Any) -> Any:
    """The value as JSON keeps it; None where nothing is said. Raises BadValue."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _READERS[definition.kind](definition, value)


def _text(definition: Definition, value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadValue("custom_text", f"{definition.label} is a text.")
    text = str(value).strip()
    if len(text) > LONGEST or "\0" in text:
        raise BadValue("custom_text", f"{definition.label} has up to {LONGEST} characters.")
    return text


def _number(definition: Definition, value: Any) -> int | float:
    if isinstance(value, bool):
        raise BadValue("custom_number", f"{definition.label} is a number.")
    try:
        number = Decimal(str(value).strip().replace(",", "") if isinstance(value, str) else str(value))
    except InvalidOperation:
        raise BadValue("custom_number", f"{definition.label} is a number.") from None
    if not number.is_finite() or abs(number) >= Decimal("1e15"):
        raise BadValue("custom_number", f"{definition.label} is a number below a quadrillion.")
    return int(number) if number == number.to_integral_value() else float(number)


def _date(definition: Definition, value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return date.fromisoformat(str(value).strip()[:10]).isoformat()
    except ValueError:
        raise BadValue("custom_date", f"{definition.label} is a date such as 2026-03-31.") from None


def _choice(definition: Definition, value: Any) -> str:
    known = {choice.casefold(): choice for choice in definition.choices}
    found = known.get(str(value).strip().casefold())
    if found is None:
        offered = ", ".join(definition.choices)[:120]
        raise BadValue("custom_choice", f"{definition.label} is one of: {offered}.")
    return found


def _yes_no(definition: Definition, value: Any) -> bool:
    word = str(value).strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise BadValue("custom_yes_no", f"{definition.label} is yes or no.")


_READERS: dict[str, Any] = {
    CustomKind.TEXT: _text,
    CustomKind.NUMBER: _number,
    CustomKind.DATE: _date,
    CustomKind.CHOICE: _choice,
    CustomKind.YES_NO: _yes_no,
}


def by_name(definitions: list[Any]) -> Mapping[str, Any]:
    return {definition.name: definition for definition in definitions}

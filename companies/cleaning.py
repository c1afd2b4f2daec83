"""What is said of a company, read once: the same rules for the API, the console, files and connectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from companies import identifiers
from companies.custom_values import BadValue, read_value
from companies.identifiers import BadIdentifier
from companies.models import CustomField, LegalForm
from companies.sectors import reading

MOST_TAGS, LONGEST_TAG = 30, 40
# What may be said of a company, beside ``custom``. ``sic`` and ``nace`` lead to sector and industry.
EDITABLE: Final = (
    *("symbol", "name", "legal_form", "country", "sector", "industry"),
    *("ticker", "exchange", "cik", "lei", "national_id"),
    *("currency", "fiscal_year_end", "market_cap", "market_cap_currency", "market_cap_on", "tags"),
)
CODES: Final = ("sic", "nace")
CUSTOM: Final = "custom"
CUSTOM_PREFIX: Final = "custom."
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"), ("may",),
            ("jun", "june"), ("jul", "july"), ("aug", "august"), ("sep", "september", "sept"),
            ("oct", "october"), ("nov", "november"), ("dec", "december"),
        ),
        1,
    )
    for name in names
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    field: str
    code: str
    detail: str

    def as_error(self) -> dict[str, str]:
        """The fault as errors of the API are written."""
        return {"pointer": f"/{self.field.replace('.', '/')}", "code": self.code, "detail": self.detail}


@dataclass(slots=True)
class Cleaned:
    """Values by field as the table keeps them (empty for what is to be emptied), and what was refused."""

    values: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def clean(
    said: Mapping[str, Any],
    *,
    definitions: Mapping[str, CustomField],
    country: str = "",
    creating: bool = False,
    skip_empty: bool = False,
) -> Cleaned:
    """Read what is said; nothing raises, faults are listed.

    ``country`` is what is known already, for the check of a national number. With ``skip_empty`` an empty
    value says nothing (a cell of a file), without it empties the field. ``creating`` asks for the symbol and
    for the required fields of the institution.
    """
    cleaned = Cleaned()
    given = {name: value for name, value in said.items() if not (skip_empty and is_empty(value))}
    _custom(cleaned, given, definitions, creating=creating, skip_empty=skip_empty)
    for name in EDITABLE:
        if name in given and name not in {"sector", "industry", "national_id"}:
            _put(cleaned, name, given[name], _READERS[name])
    if "national_id" in given:
        where = cleaned.values.get("country") or country

        def checked(value: Any) -> str:
            return identifiers.national_id(str(value), where)

        _put(cleaned, "national_id", given["national_id"], checked)
    _classify(cleaned, given)
    for name in given.keys() - set(EDITABLE) - set(CODES) - {CUSTOM}:
        if not name.startswith(CUSTOM_PREFIX):
            cleaned.faults.append(Fault(name, "unknown_field", "There is no such field."))
    named = cleaned.values.get("symbol") or any(f.field == "symbol" for f in cleaned.faults)
    if not named and (creating or "symbol" in cleaned.values):
        cleaned.values.pop("symbol", None)
        cleaned.faults.append(Fault("symbol", "required", "A symbol is needed."))
    if "currency" in cleaned.values and not cleaned.values["currency"]:
        cleaned.values["currency"] = "USD"
    return cleaned


def _put(cleaned: Cleaned, name: str, value: Any, read: Callable[[Any], Any]) -> None:
    if is_empty(value) and name != "tags":
        cleaned.values[name] = None if name in _NULLABLE else ""
        return
    try:
        cleaned.values[name] = read(value)
    except (BadIdentifier, BadValue) as bad:
        cleaned.faults.append(Fault(name, bad.code, bad.detail))


def _classify(cleaned: Cleaned, given: Mapping[str, Any]) -> None:
    """Sector and industry, by name or by code."""
    texts = {name: str(given.get(name) or "").strip() for name in ("sector", "industry", *CODES)}
    for name, most in (("sector", 100), ("industry", 120)):
        if len(texts[name]) > most:
            cleaned.faults.append(Fault(name, "max_length", f"{most} characters at most."))
            texts[name] = ""
    found = reading(**texts)
    for name in ("sector", "industry"):
        value = getattr(found, name)
        if value or name in given:
            cleaned.values[name] = value


def _custom(
    cleaned: Cleaned,
    given: Mapping[str, Any],
    definitions: Mapping[str, CustomField],
    *,
    creating: bool,
    skip_empty: bool,
) -> None:
    whole = given.get(CUSTOM)
    if whole is not None and not isinstance(whole, Mapping):
        cleaned.faults.append(Fault(CUSTOM, "invalid", "Values by the name of the field are needed."))
        whole = None
    values = dict(whole or {}) | {
        name.removeprefix(CUSTOM_PREFIX): value
        for name, value in given.items()
        if name.startswith(CUSTOM_PREFIX)
    }
    for name, value in values.items():
        definition = definitions.get(str(name))
        if definition is None:
            cleaned.faults.append(
                Fault(f"custom.{str(name)[:60]}", "unknown_field", "The institution has no such field.")
            )
            continue
        if skip_empty and is_empty(value):
            continue
        try:
            read = read_value(definition, value)
        except BadValue as bad:
            cleaned.faults.append(Fault(f"custom.{name}", bad.code, bad.detail))
            continue
        if read is None and definition.required:
            cleaned.faults.append(Fault(f"custom.{name}", "required", f"{definition.label} is needed."))
            continue
        cleaned.custom[name] = read
    if creating:
        refused = {fault.field for fault in cleaned.faults}
        for name, definition in definitions.items():
            if definition.required and name not in cleaned.custom and f"custom.{name}" not in refused:
                cleaned.faults.append(Fault(f"custom.{name}", "required", f"{definition.label} is needed."))


def _name(value: Any) -> str:
    text = " ".join(str(value).split())
    if len(text) > 255 or "\0" in text:
        raise BadValue("max_length", "A name has up to 255 characters.")
    return text


def _legal_form(value: Any) -> str:
    word = str(value).strip().lower()
    found = next((v for v, label in LegalForm.choices if word in {v, str(label).lower()}), None)
    if found is None:
        raise BadValue("invalid_choice", f"A legal form is one of: {', '.join(LegalForm.values)}.")
    return found


def _month(value: Any) -> int:
    text = str(value).strip().lower()
    # A day such as 12-31, 31 Dec or 2025-06-30 names its month.
    dated = re.fullmatch(r"(?:[0-9]{4}-|--)?([0-9]{1,2})-[0-9]{1,2}", text)
    word = re.search(r"[a-z]+", text)
    number = _MONTHS.get(word[0]) if word else None
    if number is None and re.fullmatch(r"[0-9]{1,2}(\.0)?", text):
        number = int(float(text))
    elif number is None and dated:
        number = int(dated[1])
    if number is None or not 1 <= number <= 12:
        raise BadValue("month_invalid", "The fiscal year ends in a month, 1 to 12.")
    return number


# Millions: a thousand trillion of the smallest currency is beyond any company.
_MOST_WORTH = Decimal(10) ** 13


def _worth(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        raise BadValue("not_a_number", "A number in millions is needed.") from None
    if not amount.is_finite() or amount < 0 or amount >= _MOST_WORTH:
        raise BadValue("impossible_value", "A market capitalisation is zero or more, in millions.")
    return amount.quantize(Decimal("0.000001"))


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise BadValue("date_value", "A date such as 2026-03-31 is needed.") from None


def tags_of(value: Any) -> list[str]:
    """Tags in the order given, each once; a text is split at commas and semicolons."""
    parts = re.split(r"[,;]", value) if isinstance(value, str) else list(value or ())
    tags = list(dict.fromkeys(" ".join(str(part).split()) for part in parts if str(part).strip()))
    if len(tags) > MOST_TAGS:
        raise BadValue("too_many_tags", f"A company has up to {MOST_TAGS} tags.")
    if any(len(tag) > LONGEST_TAG or "\0" in tag for tag in tags):
        raise BadValue("tag_too_long", f"A tag has up to {LONGEST_TAG} characters.")
    return tags


def _text_reader(read: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: read(str(value))


_NULLABLE = frozenset({"fiscal_year_end", "market_cap", "market_cap_on"})
_READERS: dict[str, Callable[[Any], Any]] = {
    **{
        name: _text_reader(getattr(identifiers, name))
        for name in ("symbol", "lei", "cik", "ticker", "exchange", "country", "currency")
    },
    "name": _name,
    "legal_form": _legal_form,
    "fiscal_year_end": _month,
    "market_cap": _worth,
    "market_cap_currency": _text_reader(identifiers.currency),
    "market_cap_on": _day,
    "tags": tags_of,
}

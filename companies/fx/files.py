"""Files of exchange rates: the European Central Bank's, and a plain one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from companies.sheets.units import CURRENCIES
from tenants.kernel.errors import InvalidInput

# Bytes of a file.
LARGEST = 20 * 2**20
_PLAIN = ["currency", "date", "usd_per_unit"]
_STEP = Decimal("0.0000000001")
_LEAST, _MOST = Decimal("0.0000000001"), Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class RateRow:
    """One rate of a file."""

    currency: str
    on: date
    usd_per_unit: Decimal


def read_rates(text: str) -> list[RateRow]:
    """The rates in a CSV: the ECB's reference rates (`Date, USD, JPY, ...`, units for one euro), or columns
    `currency, date, usd_per_unit`.

    Raises InvalidInput that names the line for anything that is neither.
    """
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    header = [name.strip() for name in next(lines, [])]
    if [name.lower() for name in header] == _PLAIN:
        return list(_plain(lines))
    if header and header[0].lower() == "date" and "USD" in header:
        return list(_ecb(header, lines))
    raise _fault(1, "The header must be the ECB's (Date, USD, ...) or currency, date, usd_per_unit.")


def _plain(lines: Iterator[list[str]]) -> Iterator[RateRow]:
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(_PLAIN):
            raise _fault(number, "Three cells are expected.")
        currency = cells[0].strip().upper()
        if currency not in CURRENCIES:
            raise _fault(number, f"{currency[:10]!r} is no currency of ISO 4217.")
        rate = _number(cells[2], number)
        yield RateRow(currency, _day(cells[1], number), _within(rate, number))


def _ecb(header: list[str], lines: Iterator[list[str]]) -> Iterator[RateRow]:
    places = {name: place for place, name in enumerate(header) if name in CURRENCIES}
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        on = _day(cells[0], number)
        per_euro = {
            name: _number(cells[place], number)
            for name, place in places.items()
            if place < len(cells) and cells[place].strip() not in {"", "N/A"}
        }
        dollars = per_euro.get("USD")
        if dollars is None:
            raise _fault(number, "Without the dollar's rate no other can be reckoned.")
        yield RateRow("EUR", on, _within(dollars, number))
        for name, rate in per_euro.items():
            if name != "USD" and rate > 0:
                yield RateRow(name, on, _within(dollars / rate, number))


def _within(rate: Decimal, number: int) -> Decimal:
    rounded = rate.quantize(_STEP) if rate < _MOST else _MOST
    if not _LEAST <= rounded < _MOST:
        raise _fault(number, "A rate is a positive number below a million.")
    return rounded


def _number(cell: str, number: int) -> Decimal:
    try:
        value = Decimal(cell.strip())
    except InvalidOperation:
        raise _fault(number, f"{cell.strip()[:20]!r} is no number.") from None
    if not value.is_finite():
        raise _fault(number, f"{cell.strip()[:20]!r} is no number.")
    return value


def _day(cell: str, number: int) -> date:
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime(cell.strip(), form).date()  # noqa: DTZ007 - a day, no moment
        except ValueError:
            continue
    raise _fault(number, f"{cell.strip()[:20]!r} is no day; write 2024-12-31.")


def _fault(number: int, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/file/{number}", "code": "bad_rates", "detail": detail}])

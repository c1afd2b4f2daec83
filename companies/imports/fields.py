"""The table of what a column of an import may be: name, kind of value, other names, definition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from companies.models import CompanyState, DefaultKind, LegalForm, PeriodKind
from companies.sheets.columns import COLUMNS, normalised
from ml.features import LINE_ITEMS

Measure = Literal[
    "symbol", "text", "choice", "country", "currency", "month", "date", "money", "tags", "lei", "cik",
    "year", "quarter", "whole", "unit", "number", "boolean",
]  # fmt: skip
Part = Literal["company", "period", "amount", "custom"]

CUSTOM: Final = "custom."
FARTHEST: Final = 9
"""Years back that a column of a wide sheet may stand for."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a column may be read as."""

    name: str
    part: Part
    measure: Measure
    label: str
    definition: str
    aliases: tuple[str, ...] = ()
    choices: Mapping[str, str] | None = None
    """For choices: normalised text to the stored value."""
    longest: int = 255
    required: bool = False
    """Of an institution's own field: a row without it is refused."""
    example: Any = None

    @property
    def identifies(self) -> bool:
        """Whether a company can be found by it."""
        return self.name in IDENTIFIERS


def choices_of(options: Any, **others: str) -> dict[str, str]:
    """The ways to write a choice: its code, its label, and other words."""
    found = {normalised(str(value)): str(value) for value in options.values}
    found |= {normalised(str(label)): str(value) for value, label in options.choices}
    return found | {normalised(word): value for word, value in others.items()}


def choices_of_custom(words: Sequence[str]) -> dict[str, str]:
    """The ways to write a choice of an institution's own field."""
    return {normalised(word): word for word in words}


IDENTIFIERS: Final = ("symbol", "lei", "cik", "national_id", "ticker")
# A merger names its survivor, which is no matter of a cell.
_STATES: Final = {
    word: code
    for word, code in choices_of(
        CompanyState, active="alive", performing="alive", default="defaulted",
        bankrupt="defaulted", insolvent="defaulted",
    ).items()
    if code != CompanyState.MERGED
}  # fmt: skip
_FORMS: Final = choices_of(LegalForm, inc="corporation", plc="corporation", ag="corporation",
                           ltd="limited", llc="limited", gmbh="limited", sarl="limited",
                           bv="limited")  # fmt: skip
_DEFAULTS: Final = choices_of(DefaultKind, chapter7="chapter_7", chapter11="chapter_11",
                              liquidation="chapter_7", reorganization="chapter_11")  # fmt: skip
_KINDS: Final = choices_of(PeriodKind, yearly="annual", year="annual", fullyear="annual", fy="annual",
                           quarter="quarterly", q="quarterly", ltm="ttm", ttm="ttm")  # fmt: skip


def _company(name: str, measure: Measure, label: str, definition: str, *aliases: str, **more: Any) -> Target:
    return Target(name, "company", measure, label, definition, aliases, **more)


def _period(name: str, measure: Measure, label: str, definition: str, *aliases: str, **more: Any) -> Target:
    return Target(name, "period", measure, label, definition, aliases, **more)


_COMPANY: Final = (
    _company("symbol", "symbol", "Symbol", "The organization's own short name of the company, unique in it.",
             *COLUMNS["company_symbol"].aliases[:1], "company symbol", "company id", "obligor id",
             "customer id", "client id", "borrower id", "counterparty id", "id", longest=30, example="ACME"),
    _company("name", "text", "Name", "The company's name.", "company name",
             *COLUMNS["company_name"].aliases, "borrower", "customer", "client", "legal name",
             example="Acme Manufacturing Inc."),
    _company("legal_form", "choice", "Legal form", "One of " + ", ".join(LegalForm.values) + ".", "form",
             "company type", choices=_FORMS, example="corporation"),
    _company("country", "country", "Country", "ISO 3166-1: two letters, three letters or the English name.",
             "country code", "domicile", "country of incorporation", "country of risk", example="US"),
    _company("sector", "text", "Sector", "The company's sector.", *COLUMNS["sector"].aliases, longest=100,
             example="Industrials"),
    _company("industry", "text", "Industry", "Name of the industry.", "industry name", "gics industry",
             longest=120),
    _company("nace", "text", "NACE code", "NACE rev. 2, from which sector and industry follow.", "nace rev 2",
             longest=10),
    _company("sic", "text", "SIC code", "SIC of the SEC, from which sector and industry follow.", "sic code",
             longest=10),
    _company("ticker", "text", "Ticker", "The symbol on its exchange.", "ticker symbol", "stock symbol",
             "company ticker", longest=20, example="ACM"),
    _company("exchange", "text", "Exchange", "Name or ISO 10383 code of the market.", "market", "mic",
             "stock exchange", "listed on", longest=20, example="XNYS"),
    _company("cik", "cik", "CIK", "Central Index Key of the SEC: digits.", "cik number", "sec cik",
             longest=10),
    _company("lei", "lei", "LEI", "Legal Entity Identifier of ISO 17442: 20 characters with check digits.",
             "lei code", "legal entity identifier", longest=20),
    _company("national_id", "text", "National id", "Number in a national register.", "registration number",
             "register number", "company number", "tax id", "vat number", "tax number", longest=40),
    _company("company_currency", "currency", "Company currency", "ISO 4217: in which the company reports.",
             "reporting currency of company", "home currency"),
    _company("fiscal_year_end", "month", "Fiscal year end", "Month in which the fiscal year ends: 1 to 12, "
             "or its English name.", "fye", "year end month", "fiscal year end month", example=12),
    _company("company_market_cap", "money", "Company market cap", "Market value now, in the file's unit.",
             "current market cap", "latest market cap"),
    _company("market_cap_currency", "currency", "Market cap currency", "ISO 4217, where it is another one."),
    _company("market_cap_on", "date", "Market cap on", "Day of the market value, such as 2024-12-31.",
             "market cap date", "market cap as of"),
    _company("state", "choice", "State", "One of alive, defaulted.", "status",
             "company status", "company state", choices=_STATES, example="alive"),
    _company("defaulted_on", "date", "Defaulted on", "Day of the default, for one that defaulted.",
             "default date", "date of default", "bankruptcy date"),
    _company("default_kind", "choice", "Default kind", "One of " + ", ".join(DefaultKind.values) + ".",
             "type of default", "default type", choices=_DEFAULTS),
    _company("tags", "tags", "Tags", "Words separated by semicolons or commas.", "tag", "labels", longest=40,
             example="watch; export"),
    _company("internal_rating", "text", "Internal rating", "The institution's own rating that holds now.",
             "rating", "own rating", "internal grade", longest=20),
)  # fmt: skip

_PERIOD: Final = (
    _period("fiscal_year", "year", "Fiscal year", "Such as 2024.", "reporting year",
            *COLUMNS["reporting_year"].aliases, example=2024),
    _period("fiscal_quarter", "quarter", "Fiscal quarter", "1 to 4 or Q1 to Q4; empty or FY for a year.",
            "reporting quarter", *COLUMNS["reporting_quarter"].aliases, example=""),
    _period("period_kind", "choice", "Period kind", "annual, quarterly or ttm; else the quarter tells.",
            "period type", "frequency", "statement type", choices=_KINDS, example="annual"),
    _period("period_end", "date", "Period end", "Last day of the period, such as 2024-12-31.",
            "period end date", "balance sheet date", "as of", "statement date",
            "reporting date", example="2024-12-31"),
    _period("months", "whole", "Months", "Months that the flows cover, 1 to 18.", "months covered",
            "number of months", "duration", example=12),
    _period("currency", "currency", "Currency", "ISO 4217: in which the amounts are.",
            *COLUMNS["currency"].aliases, example="USD"),
    _period("unit", "unit", "Unit", "units, thousands, millions or billions: of the amounts.",
            *COLUMNS["unit"].aliases, example="millions"),
    _period("filed_on", "date", "Filed on", "Day of the filing or of the approval.", "filing date",
            "publication date"),
    _period("filing_id", "text", "Filing id", "The source's own number of the filing.", "accession number",
            "filing number", longest=60),
)  # fmt: skip


def _amount(name: str) -> Target:
    item = LINE_ITEMS[name]
    column = COLUMNS[name]
    words = getattr(item, "label", "") or name.replace("_", " ").capitalize()
    return Target(
        name, "amount", "money", words, f"{words}, in the unit and currency of the row.", column.aliases
    )


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target for target in (*_COMPANY, *_PERIOD, *(_amount(name) for name in LINE_ITEMS))
}
"""Every target by its name, in the order in which templates show them."""

_AT: Final = re.compile(r"(\w+)@(?:-([1-9])|((?:19|20)\d\d))")


@dataclass(frozen=True, slots=True)
class Place:
    """What a column means: a target, and for amounts of a wide sheet the year it is of."""

    target: Target
    back: int = 0
    """Years before the row's own."""
    year: int | None = None
    """A year of its own, whatever the row says."""

    @property
    def is_other_period(self) -> bool:
        return bool(self.back) or self.year is not None


def place_of(name: str, customs: Mapping[str, Target]) -> Place | None:
    """What a name in a mapping means: ``net_sales``, ``net_sales@-1``, ``net_sales@2022``, ``custom.x``."""
    if name in TARGETS:
        return Place(TARGETS[name])
    if name in customs:
        return Place(customs[name])
    match = _AT.fullmatch(name)
    if match is None or match[1] not in LINE_ITEMS:
        return None
    if match[2]:
        return Place(TARGETS[match[1]], back=int(match[2]))
    return Place(TARGETS[match[1]], year=int(match[3]))


def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for target in TARGETS.values():
        names[normalised(target.name)] = target.name
    for target in TARGETS.values():
        for alias in (target.label, *target.aliases):
            names.setdefault(normalised(alias), target.name)
    return names


NAMES: Final[Mapping[str, str]] = _names()
"""Normalised name or alias to the target's name."""

"""From a company's filings to its statements: one version for each filing that says something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from companies.connectors.edgar.calendar import FiscalCalendar, Position, fiscal_year, span_of
from companies.connectors.edgar.facts import CompanyFacts, Fact, Filing
from companies.connectors.edgar.ledger import Items, Ledger, Period
from companies.connectors.edgar.tags import ANNUAL_FORMS, PERIOD_TAGS, QUARTERLY_FORMS, RULE_OF

Kind = Literal["annual", "quarterly"]
Key = tuple[Kind, int, int | None]

REASONS = {
    "no_balance_sheet": "The filing states no total assets for the period.",
    "no_income": "The filing states neither sales nor net income for the period.",
    "no_currency": "The filing states no amount in a currency that its statements are read from.",
    "no_period": "The filing states no income, sales or cash flow for a year or a quarter.",
    "transition": "The period is neither a year nor a quarter of the fiscal year: a change of its end.",
}


@dataclass(frozen=True, slots=True)
class Version:
    """A period as one filing left it. Amounts in millions of ``currency``."""

    kind: Kind
    fiscal_year: int
    fiscal_quarter: int | None
    period_end: date
    currency: str
    items: Items
    accession: str
    form: str
    filed: date
    # Told by no filing: the year less three quarters.
    is_derived: bool = False

    @property
    def months(self) -> int:
        return 12 if self.kind == "annual" else 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """A filing, or a period of it, that gives no statement."""

    accession: str
    form: str
    filed: date
    period_end: date | None
    code: str

    @property
    def reason(self) -> str:
        return REASONS[self.code]


@dataclass(slots=True)
class Read:
    """What came out of one company's filings."""

    versions: list[Version]
    refusals: list[Refusal]


def statements_of(company: CompanyFacts, *, usual_end: str = "") -> Read:
    """Every version of every period, in the order of filing.

    A period's first version comes from the first filing that gives its balance sheet and income, its own or
    as a comparative. A later filing makes a further version where an amount that the present one rests on is
    another now, beyond rounding. The fourth quarter, which no form reports, is the year less the first three
    and is marked as derived.
    """
    reader = _Reader(FiscalCalendar(_year_ends(company), usual_end=usual_end))
    for filing in company.filings:
        reader.read(filing)
    return Read(reader.versions, reader.refusals)


def _periods(filing: Filing, *spans: str) -> set[date]:
    """Ends of the periods of these spans that a filing tells the flows of."""
    return {fact.end for fact in filing.facts if _tells(fact) and _span(fact) in spans}


def _tells(fact: Fact) -> bool:
    return fact.start is not None and fact.tag in PERIOD_TAGS


def _span(fact: Fact) -> str | None:
    return span_of(fact.start, fact.end) if fact.start is not None else None


def _year_ends(company: CompanyFacts) -> Iterator[date]:
    for filing in company.filings:
        if filing.form in ANNUAL_FORMS:
            yield from _periods(filing, "year")


class _Reader:
    def __init__(self, calendar: FiscalCalendar) -> None:
        self.calendar = calendar
        self.ledger = Ledger()
        self.latest: dict[Key, Version] = {}
        self.versions: list[Version] = []
        self.refusals: list[Refusal] = []

    def read(self, filing: Filing) -> None:
        self.ledger.add(filing.facts)
        annual = filing.form in ANNUAL_FORMS
        ends = _periods(filing, "year") if annual else _periods(filing, "quarter", "half", "nine_months")
        if not filing.currency or not ends:
            self._refuse(filing, None, "no_period" if filing.currency else "no_currency")
            return
        own = max(ends)
        for end in sorted(ends):
            if annual:
                self._take(filing, ("annual", fiscal_year(end), None), end, is_own=end == own)
                self._take(filing, ("quarterly", fiscal_year(end), 4), end, is_own=False)
            elif filing.form in QUARTERLY_FORMS:
                self._quarter(filing, end, is_own=end == own)

    def _quarter(self, filing: Filing, end: date, *, is_own: bool) -> None:
        position: Position | None = self.calendar.position(end)
        if position is None or position.quarter == 4:
            if is_own:
                self._refuse(filing, end, "transition")
            return
        self._take(filing, ("quarterly", position.fiscal_year, position.quarter), end, is_own=is_own)

    def _take(self, filing: Filing, key: Key, end: date, *, is_own: bool) -> None:
        kind, year, quarter = key
        period = Period(end, quarter, filing.currency, filing.is_ifrs)
        before = self.latest.get(key)
        if before is not None and not self._says_otherwise(before, filing, period):
            return
        items = self.ledger.items(period)
        if items.lacks:
            if is_own and before is None:
                self._refuse(filing, end, items.lacks)
            return
        version = Version(
            kind, year, quarter, end, filing.currency, items,
            filing.accession, filing.form, filing.filed, is_derived=quarter == 4,
        )  # fmt: skip
        self.latest[key] = version
        self.versions.append(version)

    def _says_otherwise(self, before: Version, filing: Filing, period: Period) -> bool:
        """Whether a filing changes what the present version of a period rests on."""
        if before.period_end != period.end or before.currency != period.currency:
            return True
        alone = Ledger()
        alone.add(filing.facts)
        # A new standard for revenue came with new tags: the old one is never contradicted, only left out.
        sales = RULE_OF["net_sales"]
        told = alone.item(sales, period, Items())
        known = before.items.amounts.get("net_sales")
        if told is not None and known is not None and not same(told[1].value * 1_000_000, known * 1_000_000):
            self.ledger.forget(sales, period, but=filing)
            return True
        for mark, value in before.items.marks.items():
            if mark.unit == "shares":  # a split changes the count, and no account
                continue
            now = self.ledger.value(mark)
            if now is not None and not same(now, value):
                return True
        return False

    def _refuse(self, filing: Filing, end: date | None, code: str) -> None:
        self.refusals.append(Refusal(filing.accession, filing.form, filing.filed, end, code))


def same(one: Decimal, other: Decimal) -> bool:
    """Whether two amounts in whole units differ by no more than the rounding of one of them."""
    if one == other:
        return True
    return any(
        abs(one - other) * 2 <= scale and (one % scale == 0 or other % scale == 0)
        for scale in (Decimal(1_000), Decimal(1_000_000))
    )

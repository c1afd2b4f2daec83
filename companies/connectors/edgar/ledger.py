"""What a company's filings have said so far, and the line items of one period out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from companies.connectors.edgar.calendar import Span, span_of
from companies.connectors.edgar.facts import Fact, Filing
from companies.connectors.edgar.tags import RULES, Nature, Rule, Term, formulas, terms

MILLION = Decimal(1_000_000)
_LONGER: dict[int, Span] = {2: "half", 3: "nine_months", 4: "year"}
_SHORTER: dict[int, Span] = {2: "quarter", 3: "half", 4: "nine_months"}
# Days between a balance sheet and the cover of its filing, on which the shares are counted.
_COVER_DAYS = 120


class Mark(NamedTuple):
    """One amount that a line item was made of."""

    taxonomy: str
    tag: str
    unit: str
    start: date | None
    end: date


@dataclass(slots=True)
class Amount:
    """What a formula gives, and what it was made of."""

    value: Decimal
    marks: dict[Mark, Decimal]
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Period:
    """The period that is asked for. ``quarter`` is None for a year."""

    end: date
    quarter: int | None
    currency: str
    is_ifrs: bool

    @property
    def taxonomies(self) -> tuple[str, str]:
        return ("ifrs-full" if self.is_ifrs else "us-gaap", "dei")


@dataclass(slots=True)
class Items:
    """The line items of a period: amounts in millions (shares as well), and how each was found."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    formulas: dict[str, str] = field(default_factory=dict)
    derived: set[str] = field(default_factory=set)
    marks: dict[Mark, Decimal] = field(default_factory=dict)

    @property
    def lacks(self) -> str:
        """Why this is no statement, as a code; empty for one that is."""
        if "total_assets" not in self.amounts:
            return "no_balance_sheet"
        if not {"net_sales", "net_income"} & self.amounts.keys():
            return "no_income"
        return ""


class Ledger:
    """Facts by tag, unit and day; a later filing writes over what an earlier one said of the same period."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str, str], dict[date, dict[date | None, Decimal]]] = {}

    def add(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            by_end = self._facts.setdefault((fact.taxonomy, fact.tag, fact.unit), {})
            by_end.setdefault(fact.end, {})[fact.start] = fact.value

    def value(self, mark: Mark) -> Decimal | None:
        """What the ledger says now under a mark."""
        by_end = self._facts.get((mark.taxonomy, mark.tag, mark.unit), {})
        return by_end.get(mark.end, {}).get(mark.start)

    def forget(self, rule: Rule, period: Period, *, but: Filing) -> None:
        """Drop what was said of a flow's period under tags that a filing says no more."""
        said = {fact.tag for fact in but.facts if fact.end == period.end}
        for formula in formulas(rule, ifrs=period.is_ifrs):
            for term in terms(formula):
                for tag in set(term.names) - said:
                    by_end = self._facts.get((period.taxonomies[0], tag, period.currency), {})
                    by_end.pop(period.end, None)

    def items(self, period: Period) -> Items:
        """Every line item that the ledger gives for a period."""
        found = Items()
        for rule in RULES:
            if (resolved := self.item(rule, period, found)) is None:
                continue
            formula, amount = resolved
            found.amounts[rule.item] = amount.value
            found.formulas[rule.item] = formula
            found.marks |= amount.marks
            if amount.derived:
                found.derived.add(rule.item)
        return found

    def item(self, rule: Rule, period: Period, known: Items) -> tuple[str, Amount] | None:
        """One line item by the first formula that can be computed; None where none can."""
        for formula in formulas(rule, ifrs=period.is_ifrs):
            total, counted = Amount(Decimal(0), {}), 0
            for term in terms(formula):
                part = self._term(term, rule.nature, period, known)
                if part is None and not term.optional:
                    break
                if part is not None:
                    counted += 1
                    total.value += term.sign * part.value
                    total.marks |= part.marks
                    total.derived |= part.derived
            else:
                if counted:
                    return formula, total
        return None

    def _term(self, term: Term, nature: Nature, period: Period, known: Items) -> Amount | None:
        for name in term.names:
            if name.islower():
                if name in known.amounts:
                    return Amount(known.amounts[name], {}, name in known.derived)
                continue
            for taxonomy in period.taxonomies:
                if (amount := self._amount(taxonomy, name, nature, period)) is not None:
                    amount.value /= MILLION
                    return amount
        return None

    def _amount(self, taxonomy: str, tag: str, nature: Nature, period: Period) -> Amount | None:
        unit = "shares" if nature == "shares" else period.currency
        by_end = self._facts.get((taxonomy, tag, unit))
        if by_end is None:
            return None
        if nature == "flow":
            return self._flow(taxonomy, tag, unit, by_end, period)
        days: Iterable[date] = (period.end,)
        if taxonomy == "dei":
            last = period.end + timedelta(days=_COVER_DAYS)
            days = sorted(day for day in by_end if period.end <= day <= last)
        for day in days:
            value = by_end.get(day, {}).get(None)
            # A newly founded holding has no shares yet; a statement does not say so of a going concern.
            if value is not None and (value or nature != "shares"):
                return Amount(value, {Mark(taxonomy, tag, unit, None, day): value})
        return None

    def _flow(
        self,
        taxonomy: str,
        tag: str,
        unit: str,
        by_end: dict[date, dict[date | None, Decimal]],
        period: Period,
    ) -> Amount | None:
        def found(*parts: tuple[date, date, int]) -> Amount:
            marks = {Mark(taxonomy, tag, unit, start, end): by_end[end][start] for start, end, _ in parts}
            value = sum((sign * by_end[end][start] for start, end, sign in parts), Decimal(0))
            return Amount(value, marks, derived=len(parts) > 1)

        wanted: Span = "year" if period.quarter is None else "quarter"
        if direct := list(_starts(by_end, period.end, wanted)):
            return found((direct[0], period.end, 1))
        if period.quarter is None or period.quarter == 1:
            return None
        # Cash flows are reported from the beginning of the year: take away what was there a quarter before.
        for start in _starts(by_end, period.end, _LONGER[period.quarter]):
            earlier = sorted(
                (end for end in by_end if 75 <= (period.end - end).days <= 125),
                key=lambda end: abs((period.end - end).days - 91),
            )
            for end in earlier:
                for begun in _starts(by_end, end, _SHORTER[period.quarter]):
                    if abs((begun - start).days) <= 3:
                        return found((start, period.end, 1), (begun, end, -1))
            if period.quarter == 4 and (quarters := _three_quarters(by_end, start, period.end)):
                return found((start, period.end, 1), *((begun, end, -1) for begun, end in quarters))
        return None


def _starts(by_end: dict[date, dict[date | None, Decimal]], end: date, span: Span) -> Iterator[date]:
    """Starts of the periods of a span that end on a day, the longest first."""
    starts = sorted(start for start in by_end.get(end, {}) if start is not None)
    return (start for start in starts if span_of(start, end) == span)


def _three_quarters(
    by_end: dict[date, dict[date | None, Decimal]], start: date, end: date
) -> list[tuple[date, date]]:
    """The first three quarters of a year, where each is known by itself; else nothing."""
    found = [
        (begun, day)
        for day in sorted(by_end)
        if start < day <= end - timedelta(days=75)
        for begun in _starts(by_end, day, "quarter")
        if begun >= start - timedelta(days=3)
    ]
    in_a_row = all(
        abs((later[0] - earlier[1]).days) <= 4 for earlier, later in zip(found, found[1:], strict=False)
    )
    return found if len(found) == 3 and in_a_row else []

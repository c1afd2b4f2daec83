"""Trailing twelve months: derived from four quarters, and again when one of them changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from companies.models import AmountUnit, PeriodKind, SourceKind, Statement
from companies.services.drafts import StatementDraft
from ml.features import FLOW_ITEMS

QUARTERS = 4
Quarter = tuple[UUID, int]
"""A company and a quarter as one number: year times four plus quarter less one."""


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from changed quarters."""

    drafts: list[StatementDraft]
    gone: list[Statement]
    """Derived statements whose quarters are no longer all there."""


def trailing_of(changed: Iterable[Statement]) -> Derived:
    """The trailing twelve months that these quarters are part of, from what the books hold now.

    Flows are added up where all four quarters know them; of stocks the last quarter's are taken. What
    somebody has reported for the same twelve months stays as it is. One query whatever their number.
    """
    touched = {
        (row.company_id, number(row) + ahead)
        for row in changed
        if row.kind == PeriodKind.QUARTERLY
        for ahead in range(QUARTERS)
    }
    if not touched:
        return Derived([], [])
    ids = {company for company, _ in touched}
    years = {at // QUARTERS + back for _, at in touched for back in (0, -1)}
    rows = Statement.objects.filter(company__in=ids, fiscal_year__in=years, current=True)
    quarters: dict[Quarter, Statement] = {}
    trailing: dict[Quarter, Statement] = {}
    for row in rows.filter(kind__in=[PeriodKind.QUARTERLY, PeriodKind.TRAILING]):
        place = quarters if row.kind == PeriodKind.QUARTERLY else trailing
        place[row.company_id, number(row)] = row
    drafts, gone = [], []
    for company, at in sorted(touched):
        there = trailing.get((company, at))
        if there is not None and there.source_kind != SourceKind.DERIVED:
            continue
        draft = _sum(company, at, quarters)
        if draft is not None:
            drafts.append(draft)
        elif there is not None:
            gone.append(there)
    return Derived(drafts, gone)


def number(row: Statement) -> int:
    """A quarter as a number; the next quarter's is one more."""
    return row.fiscal_year * QUARTERS + (row.fiscal_quarter or 1) - 1


def _sum(company: UUID, at: int, quarters: Mapping[Quarter, Statement]) -> StatementDraft | None:
    found = [quarters.get((company, at - back)) for back in range(QUARTERS)]
    four = [row for row in found if row is not None]
    if len(four) < QUARTERS or len({row.currency for row in four}) > 1:
        return None
    last = four[0]
    amounts = {}
    for name in Statement.item_names():
        values = [getattr(row, name) for row in (four if name in FLOW_ITEMS else four[:1])]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            amounts[name] = sum(known[1:], known[0])
    if not amounts:
        return None
    return StatementDraft(
        company_id=company,
        kind=PeriodKind.TRAILING,
        fiscal_year=last.fiscal_year,
        fiscal_quarter=last.fiscal_quarter,
        amounts=amounts,
        currency=last.currency,
        unit=AmountUnit(last.unit),
        period_end=last.period_end,
        months=12,
        source_kind=SourceKind.DERIVED,
        source="Sum of four quarters",
        source_ref={"statements": [str(row.id) for row in four]},
    )

"""The quality gate before the books: drafts beside what is known of their companies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from companies import quality
from companies.models import Company, PeriodKind, Statement
from companies.quality import Finding, Level
from companies.services.drafts import Period, StatementDraft, stored_period

Newest = Mapping[tuple[UUID, str], tuple[int, int]]
_ITEMS = frozenset(Statement.item_names())


def drafts_judge(
    drafts: Sequence[StatementDraft],
    *,
    companies: Mapping[UUID, Company],
    books: Mapping[Period, Statement],
    newest: Newest,
    today: date,
) -> list[list[Finding]]:
    """What the checks find in each draft, the gravest first; one with an error must not be stored.

    Years are gone through from old to new, so that each is held against the year before as it was taken in:
    a refused year says nothing about the next one. `books` are current statements by period, `newest` the
    latest (year, quarter) in them by company and kind.
    """
    found: list[list[Finding]] = [[] for _ in drafts]
    waves: dict[tuple[int, int], list[int]] = defaultdict(list)
    latest = dict(newest)
    for at, draft in enumerate(drafts):
        if faults := _beyond_checks(draft, companies):
            found[at] = faults
            continue
        when = (draft.fiscal_year, draft.fiscal_quarter or 0)
        waves[when].append(at)
        key = (draft.company_id, str(draft.kind))
        latest[key] = max(latest.get(key, when), when)
    taken: dict[Period, quality.Period] = {}
    for when in sorted(waves):
        places = waves[when]
        cases = []
        for at in places:
            draft = drafts[at]
            before = _a_year_before(draft.period)
            last = taken.get(before)
            if last is None and before in books:
                last = stored_period(books[before])
            now = draft.as_period()
            year, quarters = _year_of(draft.period, now, taken, books)
            cases.append(
                quality.Case(
                    now=now,
                    before=last,
                    year=year,
                    quarters=quarters,
                    fiscal_year_end=companies[draft.company_id].fiscal_year_end,
                    newest=latest[draft.company_id, str(draft.kind)] == when,
                    confirmed=draft.confirmed,
                )
            )
        for at, case, findings in zip(places, cases, quality.check_all(cases, today=today), strict=True):
            found[at] = [*findings, *drafts[at].noted]
            if quality.worst(found[at]) != Level.ERROR:
                taken[drafts[at].period] = case.now
    return found


def _year_of(
    period: Period,
    now: quality.Period,
    taken: Mapping[Period, quality.Period],
    books: Mapping[Period, Statement],
) -> tuple[quality.Period | None, tuple[quality.Period, ...]]:
    """The year and its four quarters, where all five are known with this statement: else nothing."""
    company, kind, year, _ = period
    if kind not in {PeriodKind.ANNUAL, PeriodKind.QUARTERLY}:
        return None, ()
    wanted: list[Period] = [(company, str(PeriodKind.ANNUAL), year, None)]
    wanted += [(company, str(PeriodKind.QUARTERLY), year, quarter) for quarter in (1, 2, 3, 4)]
    found = []
    for each in wanted:
        known = now if each == period else taken.get(each)
        if known is None and each in books:
            known = stored_period(books[each])
        if known is None:
            return None, ()
        found.append(known)
    return found[0], tuple(found[1:])


def _a_year_before(period: Period) -> Period:
    company, kind, year, quarter = period
    return (company, kind, year - 1, quarter)


def _beyond_checks(draft: StatementDraft, companies: Mapping[UUID, Company]) -> list[Finding]:
    """What keeps a draft from being looked at: no such company, no such item, no number."""
    if draft.company_id not in companies:
        return [Finding("unknown_company", Level.ERROR, "There is no such company.")]
    faults = []
    if strange := sorted(draft.amounts.keys() - _ITEMS):
        shown = strange[0].encode("ascii", "replace").decode()[:60]
        faults.append(Finding("unknown_item", Level.ERROR, f"There is no line item {shown!r}."))
    if wrong := sorted(name for name, value in draft.amounts.items() if not value.is_finite()):
        faults.append(Finding("not_a_number", Level.ERROR, "An amount is no number.", tuple(wrong)))
    quarterly = draft.kind != "annual"
    if quarterly != (draft.fiscal_quarter in {1, 2, 3, 4}):
        text = "A quarter of 1 to 4 is needed." if quarterly else "An annual statement has no quarter."
        faults.append(Finding("quarter_does_not_fit", Level.ERROR, text, ("fiscal_quarter",)))
    return faults

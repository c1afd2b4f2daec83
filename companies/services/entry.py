"""A statement typed in by somebody: what is not said is detected, and said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from companies.models import AmountUnit, Company, PeriodKind, SourceKind, Statement
from companies.quality import Finding, Level, worst
from companies.quality.detection import UNITS, detect_unit
from companies.services.drafts import STEP, Outcome, StatementDraft, cell_of
from companies.services.judging import drafts_judge
from companies.services.statements import BooksAround, statements_record
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.request import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody typed: amounts in ``unit`` of ``currency``, both of which he may have left out."""

    company: Company
    kind: PeriodKind
    fiscal_year: int
    fiscal_quarter: int | None
    amounts: Mapping[str, Decimal]
    currency: str = ""
    unit: str = ""
    period_end: date | None = None
    months: int | None = None
    source: str = ""
    filing_id: str = ""
    filed_on: date | None = None
    confirmed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Checked:
    """What would become of an entry."""

    draft: StatementDraft
    findings: tuple[Finding, ...]
    outcome: Outcome
    before: Statement | None
    """The version that holds now."""


def entry_check(*, entry: Entry) -> Checked:
    """What the checks say of an entry; nothing is stored."""
    draft = entry_draft(entry=entry)
    books = BooksAround.of([draft], {entry.company.id: entry.company})
    findings = drafts_judge(
        [draft],
        companies={entry.company.id: entry.company},
        books=books.current,
        newest=books.newest,
        today=timezone.now().date(),
    )[0]
    before = books.current.get(draft.period)
    outcome: Outcome = "created" if before is None else "restated"
    if worst(findings) == Level.ERROR:
        outcome = "refused"
    elif before is not None and before.content_hash == draft.content_hash:
        outcome = "unchanged"
    return Checked(draft, tuple(findings), outcome, before)


@transaction.atomic
def statement_enter(*, entry: Entry, restating: Statement | None = None, actor: Actor) -> Statement:
    """Store an entry: a new period, or with ``restating`` a further version of one.

    Raises Conflict where the period is there already (or, restating, where somebody else has restated it
    meanwhile), InvalidInput where the checks find an error.
    """
    company = Company.objects.select_for_update(no_key=True).get(id=entry.company.id)
    now = Statement.objects.filter(
        company=company,
        kind=entry.kind,
        fiscal_year=entry.fiscal_year,
        fiscal_quarter=entry.fiscal_quarter,
        current=True,
    ).first()
    if restating is None and now is not None:
        text = "There is a statement of this period: restate it."
        raise Conflict(text, code="duplicate_statement", statement_id=str(now.id))
    if restating is not None and (now is None or now.id != restating.id):
        text = "This is not the version that holds now: look at it again."
        fields = {"statement_id": str(now.id)} if now is not None else {}
        raise Conflict(text, code="not_the_current_version", **fields)
    draft = entry_draft(entry=replace(entry, company=company))
    recorded = statements_record(drafts=[draft], organization_id=company.organization_id, actor=actor)[0]
    if recorded.statement is None:
        raise InvalidInput(errors=refusals(recorded.errors, draft))
    if recorded.outcome == "unchanged":
        raise Conflict("It says what the current version says.", code="unchanged_statement")
    return recorded.statement


def refusals(errors: Sequence[Finding], draft: StatementDraft) -> list[dict[str, Any]]:
    """Errors as a client is told them: the field or cell, the code, what is wrong and what to look at."""
    told = []
    for finding in errors:
        items = [name for name in finding.items if name in draft.amounts]
        pointer = f"/amounts/{items[0]}" if items else _POINTERS.get(finding.code, "/amounts")
        fault: dict[str, Any] = {
            "pointer": pointer,
            "code": finding.code,
            "detail": f"{finding.message} {finding.hint}".strip(),
        }
        if finding.confirmable:
            fault["confirmable"] = True
        if cell := cell_of(finding, draft):
            fault["cell"] = cell
        told.append(fault)
    return told


_POINTERS = {
    "unit_unclear": "/unit",
    "future_period": "/period_end",
    "fiscal_year_off": "/period_end",
    "long_year": "/months",
    "not_a_quarter": "/months",
    "quarter_does_not_fit": "/fiscal_quarter",
}


def entry_draft(*, entry: Entry) -> StatementDraft:
    """The entry in millions, with what had to be detected noted beside it."""
    noted: list[Finding] = []
    currency = entry.currency
    if not currency:
        currency = entry.company.currency
        text = f"No currency is given: taken to be the company's, {currency}."
        noted.append(Finding("currency_assumed", Level.INFO, text, ("currency",)))
    unit = entry.unit
    if not unit:
        unit, finding = _detected(entry, currency)
        noted.append(finding)
    factor = Decimal(10) ** UNITS[unit]
    return StatementDraft(
        company_id=entry.company.id,
        kind=entry.kind,
        fiscal_year=entry.fiscal_year,
        fiscal_quarter=entry.fiscal_quarter,
        amounts={name: (value * factor).quantize(STEP) for name, value in entry.amounts.items()},
        currency=currency,
        unit=AmountUnit(unit),
        period_end=entry.period_end,
        months=entry.months,
        source_kind=SourceKind.TYPED,
        source=entry.source,
        filing_id=entry.filing_id,
        filed_on=entry.filed_on,
        confirmed=entry.confirmed,
        noted=tuple(noted),
    )


def _detected(entry: Entry, currency: str) -> tuple[str, Finding]:
    """The likeliest unit, and what to say of it: an error where it is not sure."""
    near = Statement.objects.filter(company=entry.company, kind=entry.kind, currency=currency, current=True)
    before = near.filter(fiscal_year__lte=entry.fiscal_year).order_by("-fiscal_year").first()
    found = detect_unit(entry.amounts, before=before.amounts() if before is not None else None)
    text = f"No unit is given: the amounts look like {found.unit} ({found.confidence:.0%} sure)."
    if found.sure:
        return found.unit, Finding("unit_detected", Level.INFO, f"{text} {found.reason}", ("unit",))
    hint = "Say `unit`: units, thousands or millions."
    return found.unit, Finding("unit_unclear", Level.ERROR, f"{text} {found.reason}", ("unit",), hint)


__all__ = ["Checked", "Entry", "entry_check", "entry_draft", "refusals", "statement_enter"]

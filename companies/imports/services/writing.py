"""Rows into companies and statements. A row that cannot be stored is told of and takes no other with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from companies import quality, services
from companies.imports.hints import hint_for
from companies.imports.mapping import Reading
from companies.imports.models import EffectKind, Import
from companies.imports.parsing import Finding, Period, RowDraft, column_of
from companies.imports.services.standing import STANDING, standing_learn
from companies.line_items import LineItems
from companies.models import AmountUnit, Company, PeriodKind, SourceKind, Statement
from companies.quality import Level
from companies.services import StatementDraft, Upserted
from tenants.kernel.errors import DomainError

# Names of a row's values where the companies' own service has another name.
_NAMES: Final = {"company_currency": "currency", "company_market_cap": "market_cap"}
_TARGETS: Final = {ours: name for name, ours in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that was written."""

    row: int
    kind: EffectKind
    company_id: UUID
    statement_id: UUID | None = None


@dataclass(slots=True)
class Written:
    """What became of a set of rows."""

    effects: list[Effect] = field(default_factory=list)
    unchanged: Counter[str] = field(default_factory=Counter)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    new: set[str] = field(default_factory=set)
    """Symbols of companies that were made."""

    def add(self, other: Written) -> Written:
        self.effects += other.effects
        self.unchanged += other.unchanged
        self.errors += other.errors
        self.warnings += other.warnings
        self.new |= other.new
        return self


class _Refused(Exception):
    """Rows that must be left out, so that the others can be written as if those had never been there."""

    def __init__(self, errors: list[Finding]) -> None:
        super().__init__()
        self.errors = errors


class _TriedDry(Exception):
    """Takes back what a trial has written."""


def write(job: Import, how: Reading, drafts: list[RowDraft]) -> Written:
    """Store the rows; where the import is dry, tell what would happen and store nothing.

    A row is stored wholly or not at all: what is refused is left out, and the others are written anew without
    it. What the database itself refuses is found by halving the set.
    """
    if not drafts:
        return Written()
    try:
        with transaction.atomic():
            written = _write(job, how, drafts)
            if job.dry:
                raise _TriedDry
    except _TriedDry:
        return written
    except _Refused as refused:
        rows = {finding.row for finding in refused.errors}
        rest = [draft for draft in drafts if draft.row not in rows]
        return Written(errors=refused.errors).add(write(job, how, rest))
    except (IntegrityError, DataError, DomainError) as error:
        if len(drafts) == 1:
            return Written(errors=[_unexpected(drafts[0].row, error)])
        half = len(drafts) // 2
        return write(job, how, drafts[:half]).add(write(job, how, drafts[half:]))
    return written


def _unexpected(row: int, error: Exception) -> Finding:
    code = getattr(error, "code", "internal")
    text = getattr(error, "detail", "The database refuses this row.")
    return Finding(row, -1, str(code), str(text), "", hint_for(str(code)))


def _write(job: Import, how: Reading, drafts: list[RowDraft]) -> Written:
    done = Written(errors=_unsound(job, how, drafts))
    if done.errors:
        rows = {finding.row for finding in done.errors}
        drafts = [draft for draft in drafts if draft.row not in rows]
    upserted = services.companies_upsert(
        rows=[_facts(draft.company) for draft in drafts],
        organization_id=job.organization_id,
        only_own=job.only_own,
        actor=job.owner,
    )
    faults = [
        _at(how, draft, fault.field, fault.code, fault.detail)
        for draft, result in zip(drafts, upserted, strict=True)
        for fault in result.faults
    ]
    # Of a refused row nothing was written: the others stand.
    done.errors += faults
    pairs = [(draft, told) for draft, told in zip(drafts, upserted, strict=True) if not told.faults]
    for draft, result in pairs:
        done.warnings += [_at(how, draft, n.field, n.code, n.detail) for n in result.notes]
    _companies(done, job, pairs)
    _statements(done, job, how, [(draft, result.company) for draft, result in pairs if result.company])
    return done


# What the checks of a period say of a statement by itself need not hold once its company and what is known
# of the period are looked at.
_LATER: Final = frozenset({"no_amounts", "future_period", "fiscal_year_off", "period_end_off"})


def _unsound(job: Import, how: Reading, drafts: list[RowDraft]) -> list[Finding]:
    """What is wrong with amounts by themselves: found before anything is written, it costs no second try."""
    told = [
        (draft, period)
        for draft in drafts
        for period in draft.periods
        if period.amounts and not period.beside
    ]
    cases = [
        quality.Case(
            now=quality.Period(
                kind=period.kind,
                fiscal_year=period.year,
                fiscal_quarter=period.quarter,
                amounts={name: Decimal(value) for name, value in period.amounts.items()},
                unit=period.unit,
                period_end=_day(period.end),
                months=period.months,
            ),
            newest=False,
            confirmed=frozenset(job.confirmed),
        )
        for _, period in told
    ]
    found = quality.check_all(cases, today=timezone.now().date())
    return [
        _doubt(how, draft, period, finding)
        for (draft, period), findings in zip(told, found, strict=True)
        for finding in findings
        # What may be confirmed has perhaps been, and stands in the books.
        if finding.level == Level.ERROR and not finding.confirmable and finding.code not in _LATER
    ]


def _facts(said: Mapping[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(name, name): value for name, value in said.items() if name not in STANDING}


def _at(how: Reading, draft: RowDraft, name: str, code: str, detail: str) -> Finding:
    """A finding at the cell of a field, else at the cell that names the company."""
    position = how.position_of(_TARGETS.get(name, name), name)
    if position < 0:
        position = how.where_keys
    said = draft.company.get(_TARGETS.get(name, name), draft.company.get(name, ""))
    return Finding(draft.row, position, code, detail, str(said)[:100], hint_for(code))


def _companies(done: Written, job: Import, pairs: list[tuple[RowDraft, Upserted]]) -> None:
    told: set[UUID] = set()
    for draft, result in pairs:
        company = result.company
        if company is None:
            continue
        own = not job.only_own or company.created_by_id == job.owner.user_id
        stood = standing_learn(company=company, said=draft.company, gaps_only=not own, actor=job.owner)
        if result.outcome == "created":
            done.new.add(company.symbol)
            done.effects.append(Effect(draft.row, EffectKind.COMPANY_CREATED, company.id))
        elif result.outcome == "updated" or stood:
            if company.id not in told and company.symbol not in done.new:
                done.effects.append(Effect(draft.row, EffectKind.COMPANY_CHANGED, company.id))
        elif company.id not in told and company.symbol not in done.new:
            done.unchanged["companies_unchanged"] += 1
        told.add(company.id)


@dataclass(slots=True)
class _Told:
    draft: RowDraft
    period: Period
    company: Company


def _statements(done: Written, job: Import, how: Reading, rows: list[tuple[RowDraft, Company]]) -> None:
    told = [_Told(draft, period, company) for draft, company in rows for period in draft.periods]
    if not told:
        return
    current = _current({row.company.id for row in told})
    explicit = {_key(t) for t in told if not t.period.beside}
    wanted: list[_Told] = []
    for t in told:
        known = current.get(_key(t))
        if t.period.beside and (_key(t) in explicit or (known is not None and not _from_beside(known))):
            continue
        wanted.append(t)
    refused = [
        _at(how, t.draft, "fiscal_year", "not_yours", "A colleague's statement stands there.")
        for t in wanted
        if job.only_own and (known := current.get(_key(t))) and known.created_by_id != job.owner.user_id
    ]
    if refused:
        raise _Refused(refused)
    drafts = [_draft(job, how, t, current.get(_key(t))) for t in wanted]
    recorded = services.statements_record(drafts=drafts, organization_id=job.organization_id, actor=job.owner)
    judged = [
        (f.level, _doubt(how, t.draft, t.period, f))
        for t, r in zip(wanted, recorded, strict=True)
        for f in r.findings
    ]
    left_out = {id(t) for t, r in zip(wanted, recorded, strict=True) if r.outcome == "refused"}
    if left_out:
        bad = {t.draft.row for t in wanted if id(t) in left_out}
        raise _Refused([f for level, f in judged if level == Level.ERROR and f.row in bad])
    done.warnings += [finding for level, finding in judged if level == Level.WARNING]
    for t, outcome in zip(wanted, recorded, strict=True):
        if outcome.statement is None or outcome.outcome == "unchanged":
            done.unchanged["statements_unchanged"] += 1
            continue
        created = outcome.outcome == "created"
        kind = EffectKind.STATEMENT_CREATED if created else EffectKind.STATEMENT_RESTATED
        done.effects.append(Effect(t.draft.row, kind, t.company.id, outcome.statement.id))


def _doubt(how: Reading, draft: RowDraft, period: Period, found: quality.Finding) -> Finding:
    """What the checks of statements found, at the cell of the first item that it is about."""
    cell = next((period.cells[name] for name in found.items if name in period.cells), "")
    position = column_of(cell) if cell else how.where_keys
    name = next((name for name in found.items if name in period.amounts), "")
    value = period.amounts.get(name, "")
    return Finding(draft.row, position, found.code, found.message, value, found.hint)


def _key(told: _Told) -> tuple[UUID, str, int, int | None]:
    return (told.company.id, told.period.kind, told.period.year, told.period.quarter)


def _current(companies: Iterable[UUID]) -> dict[tuple[UUID, str, int, int | None], Statement]:
    rows = Statement.objects.filter(company_id__in=list(companies), current=True)
    return {(row.company_id, row.kind, row.fiscal_year, row.fiscal_quarter): row for row in rows}


def _from_beside(statement: Statement) -> bool:
    return bool(statement.source_ref.get("beside"))


def _draft(job: Import, how: Reading, told: _Told, known: Statement | None) -> StatementDraft:
    """The period as it stands after the row: an empty cell says nothing, so what is known stays."""
    period = told.period
    currency = period.currency or (known.currency if known else "") or told.company.currency
    amounts: dict[str, Decimal] = {}
    end, months, filed_on, filing_id = (
        _day(period.end),
        period.months,
        _day(period.filed_on),
        period.filing_id,
    )
    if known is not None and known.currency == currency:
        amounts = {n: v for n in LineItems.item_names() if (v := getattr(known, n)) is not None}
        end, months = end or known.period_end, months or known.months
        filed_on, filing_id = filed_on or known.filed_on, filing_id or known.filing_id
    amounts |= {name: Decimal(value) for name, value in period.amounts.items()}
    return StatementDraft(
        company_id=told.company.id,
        kind=PeriodKind(period.kind),
        fiscal_year=period.year,
        fiscal_quarter=period.quarter,
        amounts=amounts,
        currency=currency,
        unit=AmountUnit(period.unit),
        period_end=end,
        months=months,
        source_kind=SourceKind.FILE,
        source=f"{job.original_filename}, row {told.draft.row}",
        source_ref={
            "import": str(job.id),
            "file": job.original_filename,
            "sheet": job.sheet_name,
            "row": told.draft.row,
            "cells": period.cells,
            "beside": period.beside,
        },
        filing_id=filing_id,
        filed_on=filed_on,
        confirmed=frozenset(job.confirmed),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None

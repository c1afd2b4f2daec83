"""Statements come in: what is new is stored as a version, what is known already changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from django.db import transaction

from companies.models import AmountUnit, Basis, Company, PeriodKind, SourceKind, Statement
from tenants.kernel import audit
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.request import Actor

Outcome = Literal["created", "restated", "unchanged"]
Period = tuple[UUID, str, int, int | None]


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """One period of a company on its way in. Amounts are in millions of ``currency``, by line item."""

    company_id: UUID
    kind: PeriodKind
    fiscal_year: int
    fiscal_quarter: int | None
    amounts: Mapping[str, Decimal]
    currency: str = "USD"
    unit: AmountUnit = AmountUnit.MILLIONS
    period_end: date | None = None
    months: int | None = None
    source_kind: SourceKind = SourceKind.TYPED
    source: str = ""
    source_ref: Mapping[str, Any] = field(default_factory=dict)
    filing_id: str = ""
    filed_on: date | None = None

    @property
    def period(self) -> Period:
        return (self.company_id, str(self.kind), self.fiscal_year, self.fiscal_quarter)

    @property
    def content_hash(self) -> str:
        """What the period says, whoever says it: two sources with the same amounts agree."""
        said = {name: format(value.normalize(), "f") for name, value in sorted(self.amounts.items())}
        what = [self.currency, self.period_end.isoformat() if self.period_end else None, self.months, said]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a draft."""

    statement: Statement
    outcome: Outcome


@transaction.atomic
def statements_record(
    *, drafts: Sequence[StatementDraft], organization_id: UUID, actor: Actor
) -> list[Recorded]:
    """Store the drafts, each as a further version where its period says something else now.

    A draft that says what the current version says is ``unchanged``, so the same file or filing twice has
    one effect. Companies are locked in the order of their ids. Of several drafts of one period in one call
    the later ones restate the earlier ones.
    """
    ids = sorted({draft.company_id for draft in drafts})
    found = Company.objects.filter(organization_id=organization_id, id__in=ids).order_by("id")
    companies = {company.id: company for company in found.select_for_update(no_key=True)}
    rows = Statement.objects.filter(company__in=list(companies), current=True)
    now = {(row.company_id, row.kind, row.fiscal_year, row.fiscal_quarter): row for row in rows}
    recorded: list[Recorded] = []
    fresh: list[Statement] = []
    superseded: list[UUID] = []
    for identifier, draft in zip(uuid7_batch(len(drafts)), drafts, strict=True):
        before = now.get(draft.period)
        if before is not None and before.content_hash == draft.content_hash:
            recorded.append(Recorded(before, "unchanged"))
            continue
        company = companies[draft.company_id]
        statement = _version(identifier, draft, company, before, actor)
        if before is not None:
            before.current = False
            superseded.append(before.id)
        fresh.append(statement)
        now[draft.period] = statement
        recorded.append(Recorded(statement, "created" if before is None else "restated"))
    Statement.objects.filter(id__in=superseded).update(current=False)
    Statement.objects.bulk_create(fresh, batch_size=500)
    for outcome in recorded:
        if outcome.outcome != "unchanged":
            changes = {"version": outcome.statement.version, "source": outcome.statement.source}
            audit.record(
                f"companies.statement.{outcome.outcome}", on=outcome.statement, changes=changes, actor=actor
            )
    return recorded


def _version(
    identifier: UUID, draft: StatementDraft, company: Company, before: Statement | None, actor: Actor
) -> Statement:
    return Statement(
        id=identifier,
        organization_id=company.organization_id,
        company=company,
        kind=draft.kind,
        fiscal_year=draft.fiscal_year,
        fiscal_quarter=draft.fiscal_quarter,
        period_end=draft.period_end,
        months=draft.months,
        basis=Basis.REPORTED if before is None else Basis.RESTATED,
        version=1 if before is None else before.version + 1,
        currency=draft.currency,
        unit=draft.unit,
        source_kind=draft.source_kind,
        source=draft.source[:200],
        source_ref=dict(draft.source_ref),
        filing_id=draft.filing_id,
        filed_on=draft.filed_on,
        content_hash=draft.content_hash,
        created_by_id=actor.user_id,
        **draft.amounts,
    )

"""What brings a statement in says it as a draft, and is told what became of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from companies import quality
from companies.models import AmountUnit, PeriodKind, SourceKind, Statement
from companies.quality import Finding

Outcome = Literal["created", "restated", "unchanged", "refused"]
Period = tuple[UUID, str, int, int | None]
"""Company, kind, fiscal year, fiscal quarter."""
STEP = Decimal("0.000001")
"""What amounts are kept to: one unit of the currency."""


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """One period of a company on its way in. Amounts are in millions of ``currency``, by line item.

    ``source_ref`` says where the amounts stood: ``{"file": ..., "sheet": ..., "row": 12, "cells":
    {"total_assets": "D12"}}``, or ``{"connector": ..., "tags": {"total_assets": "Assets"}}``. A finding about
    an item names its cell from there.
    """

    company_id: UUID
    kind: PeriodKind
    fiscal_year: int
    fiscal_quarter: int | None
    amounts: Mapping[str, Decimal]
    currency: str = "USD"
    unit: AmountUnit = AmountUnit.MILLIONS
    """What the source's numbers were in: the amounts here are in millions already."""
    period_end: date | None = None
    months: int | None = None
    source_kind: SourceKind = SourceKind.TYPED
    source: str = ""
    source_ref: Mapping[str, Any] = field(default_factory=dict)
    filing_id: str = ""
    filed_on: date | None = None
    confirmed: frozenset[str] = frozenset()
    """Codes of doubts (``CHECKS[code].confirmable``) that somebody has answered with "it is so"."""
    noted: tuple[Finding, ...] = ()
    """What the way in has found itself (a unit that was detected, say): kept beside what the checks find."""

    @property
    def period(self) -> Period:
        return (self.company_id, str(self.kind), self.fiscal_year, self.fiscal_quarter)

    @property
    def content_hash(self) -> str:
        """What the period says, whoever says it: two sources with the same amounts agree."""
        said = {
            name: format(value.quantize(STEP).normalize(), "f")
            for name, value in sorted(self.amounts.items())
        }
        what = [self.currency, self.period_end.isoformat() if self.period_end else None, self.months, said]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    def as_period(self) -> quality.Period:
        """As the checks take it."""
        return quality.Period(
            kind=str(self.kind),
            fiscal_year=self.fiscal_year,
            fiscal_quarter=self.fiscal_quarter,
            amounts=self.amounts,
            currency=self.currency,
            unit=str(self.unit),
            period_end=self.period_end,
            months=self.months,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a draft; ``statement`` is None where it was refused."""

    statement: Statement | None
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    """The gravest first. A refused draft has at least one error."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Why it was refused."""
        return tuple(f for f in self.findings if f.level == quality.Level.ERROR)


def stored_period(statement: Statement) -> quality.Period:
    """A statement of the books as the checks take it."""
    known = {name: getattr(statement, name) for name in Statement.item_names()}
    return quality.Period(
        kind=statement.kind,
        fiscal_year=statement.fiscal_year,
        fiscal_quarter=statement.fiscal_quarter,
        amounts={name: value for name, value in known.items() if value is not None},
        currency=statement.currency,
        unit=statement.unit,
        period_end=statement.period_end,
        months=statement.months,
    )


def cell_of(finding: Finding, draft: StatementDraft) -> str:
    """The cell that a finding is about, where the source knows cells; '' otherwise."""
    cells = draft.source_ref.get("cells") or {}
    return next((str(cells[item]) for item in finding.items if item in cells), "")

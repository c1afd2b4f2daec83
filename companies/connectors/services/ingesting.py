"""What documents say becomes rows: companies, versions of statements, defaults. Twice has one effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db import transaction

from companies.connectors.base import Batch, Refused, StatementFound
from companies.connectors.services.knowing import companies_known, default_mark
from companies.models import (
    FIRST_YEAR,
    LAST_YEAR,
    AmountUnit,
    Company,
    PeriodKind,
    SourceKind,
    Statement,
)
from companies.services import Recorded, StatementDraft, statements_record
from tenants.kernel.request import Actor

Period = tuple[UUID, str, int, int | None]


@dataclass(slots=True)
class Counts:
    """What a run has done so far, in the names of ``Run``."""

    companies_new: int = 0
    companies_changed: int = 0
    fetched: int = 0
    new: int = 0
    restated: int = 0
    unchanged: int = 0
    by_form: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A version that is stored."""

    filing_id: str
    content_hash: str
    document: str
    filed_on: date | None
    current: bool


class Writer:
    """Takes batches and counts what became of them."""

    def __init__(self, *, organization_id: UUID, actor: Actor) -> None:
        self._organization_id = organization_id
        self._actor = actor
        self.counts = Counts()

    @transaction.atomic
    def write(self, batch: Batch) -> None:
        """Store a batch: all of it or, where it fails, nothing."""
        counts = self.counts
        known = companies_known(
            rows=batch.companies,
            gaps_only=batch.is_history,
            organization_id=self._organization_id,
            actor=self._actor,
        )
        counts.companies_new += known.new
        counts.companies_changed += known.changed
        counts.refused += [*batch.refused, *known.refused]
        for default in batch.defaults:
            if (company := known.companies.get(default.company)) is not None:
                default_mark(company=company, found=default, actor=self._actor)
        counts.fetched += len(batch.statements)
        fresh = self._fresh(batch.statements, known.companies)
        if not fresh:
            return
        recorded = statements_record(
            drafts=[draft for _, draft in fresh], organization_id=self._organization_id, actor=self._actor
        )
        for (found, _), done in zip(fresh, recorded, strict=True):
            self._count(found, done)

    def _count(self, found: StatementFound, done: Recorded) -> None:
        if done.outcome == "unchanged":
            self.counts.unchanged += 1
            return
        if done.outcome == "refused":
            quarter = f" Q{found.fiscal_quarter}" if found.fiscal_quarter else ""
            where = f"{found.company}, {found.fiscal_year}{quarter}, {found.source}"
            self.counts.refused += [Refused(where, error.code, error.message) for error in done.errors[:1]]
            return
        if done.outcome == "created":
            self.counts.new += 1
        else:
            self.counts.restated += 1
        self.counts.by_form[found.form] += 1

    def _fresh(
        self, statements: Iterable[StatementFound], companies: Mapping[str, Company]
    ) -> list[tuple[StatementFound, StatementDraft]]:
        """The statements that are not stored yet, in their order, with their drafts."""
        kept = self._kept(companies.values())
        fresh = []
        for found in statements:
            company = companies.get(found.company)
            if company is None:  # refused with its row
                continue
            if not FIRST_YEAR <= found.fiscal_year <= LAST_YEAR:
                self.counts.refused.append(
                    Refused(found.source, "year_unlikely", f"The fiscal year {found.fiscal_year} is none.")
                )
                continue
            draft = _draft(found, company)
            if _is_known(found, draft, kept.get(draft.period, [])):
                self.counts.unchanged += 1
            else:
                fresh.append((found, draft))
        return fresh

    def _kept(self, companies: Iterable[Company]) -> dict[Period, list[_Kept]]:
        rows = Statement.objects.filter(company__in=list(companies)).order_by("version")
        kept: dict[Period, list[_Kept]] = {}
        for row in rows.only(
            "company_id", "kind", "fiscal_year", "fiscal_quarter", "filing_id", "content_hash",
            "source_ref", "filed_on", "current",
        ):  # fmt: skip
            version = _Kept(
                row.filing_id,
                row.content_hash,
                str(row.source_ref.get("document", "")),
                row.filed_on,
                row.current,
            )
            kept.setdefault((row.company_id, row.kind, row.fiscal_year, row.fiscal_quarter), []).append(
                version
            )
        return kept


def _is_known(found: StatementFound, draft: StatementDraft, kept: list[_Kept]) -> bool:
    """Whether a statement says nothing that is not stored.

    A filing is known by its number: with the same content, or out of another kind of document (a data set
    rounds what company facts say to the day). And what was filed before the present version never takes its
    place, so that sources may come in any order.
    """
    if not found.filing_id:
        return False
    for version in kept:
        if version.filing_id == found.filing_id and (
            version.content_hash == draft.content_hash or version.document != found.document
        ):
            return True
        later = (
            version.filed_on is not None and found.filed_on is not None and version.filed_on > found.filed_on
        )
        if version.current and later:
            return True
    return False


def _draft(found: StatementFound, company: Company) -> StatementDraft:
    return StatementDraft(
        company_id=company.id,
        kind=PeriodKind(found.kind),
        fiscal_year=found.fiscal_year,
        fiscal_quarter=found.fiscal_quarter,
        amounts=found.amounts,
        currency=found.currency,
        unit=AmountUnit(found.unit),
        period_end=found.period_end,
        months=found.months,
        source_kind=SourceKind.DERIVED if found.is_derived else SourceKind.CONNECTOR,
        source=found.source,
        source_ref=found.source_ref,
        filing_id=found.filing_id,
        filed_on=found.filed_on,
    )

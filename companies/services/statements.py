"""Statements come in: what is new is stored as a version, what is known already changes nothing, what cannot
be is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce
from django.utils import timezone

from companies import quality
from companies.models import Basis, Company, PeriodKind, Quality, Statement
from companies.quality import Finding, Level
from companies.services.drafts import STEP, Period, Recorded, StatementDraft
from companies.services.judging import drafts_judge
from companies.services.trailing import trailing_of
from organizations.models import Organization
from tenants.kernel import audit
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

# Up to this many statements in one call are in the audit log one by one, more as one row with counts: each
# version bears who made it and when itself.
AUDITED_ONE_BY_ONE = 50
# A year and its quarter as one number that keeps their order.
ORDINAL = 8
# Companies that one task scores.
SCORED_AT_ONCE = 100


@transaction.atomic
def statements_record(
    *, drafts: Sequence[StatementDraft], organization_id: UUID, score: bool = True, actor: Actor
) -> list[Recorded]:
    """Store the drafts, each as a further version where its period says something else now.

    A draft that says what the current version says is ``unchanged``, so the same file or filing twice has
    one effect. One in which the checks find an error is ``refused``, the others are stored with what was
    found; none keeps another from being stored. Companies are locked in the order of their symbols, as all
    writers lock them. Of several drafts of one period in one call the later ones restate the earlier ones.

    Trailing twelve months follow from quarters that changed, and after commit a task scores every company
    that says something new, unless ``score`` is False (the caller then scores himself).
    """
    recorded = _record(drafts, organization_id, actor)
    changed = [r.statement for r in recorded if r.statement is not None and r.outcome != "unchanged"]
    trailing_refresh(changed, organization_id=organization_id, actor=actor)
    if score:
        scores_ask({row.company_id for row in changed}, organization_id=organization_id, actor=actor)
    return recorded


def trailing_refresh(changed: Sequence[Statement], *, organization_id: UUID, actor: Actor) -> None:
    """Derive anew what trails the changed quarters; part of the transaction that changed them."""
    derived = trailing_of(changed)
    if derived.drafts:
        _record(derived.drafts, organization_id, actor)
    for row in derived.gone:
        row.current, row.deleted_at, row.deleted_by_id = False, timezone.now(), actor.user_id
        row.delete_reason = "A quarter that it was derived from is gone."
        row.save(update_fields=["current", "deleted_at", "deleted_by_id", "delete_reason"])
        audit.record("companies.statement.deleted", on=row, actor=actor)


def scores_ask(company_ids: Iterable[UUID], *, organization_id: UUID, actor: Actor) -> None:
    """Have the scores of companies brought up to date after commit. A queue that cannot be reached takes
    nothing away from what is stored; whatever touches the company next scores it."""
    ids = sorted(str(identifier) for identifier in company_ids)
    for start in range(0, len(ids), SCORED_AT_ONCE):
        enqueue(
            "predictions.score_companies",
            actor=actor,
            queue="score",
            robust=True,
            organization_id=str(organization_id),
            company_ids=",".join(ids[start : start + SCORED_AT_ONCE]),
        )


def _record(drafts: Sequence[StatementDraft], organization_id: UUID, actor: Actor) -> list[Recorded]:
    companies = _locked(organization_id, {draft.company_id for draft in drafts})
    books = BooksAround.of(drafts, companies)
    found = drafts_judge(
        drafts,
        companies=companies,
        books=books.current,
        newest=books.newest,
        today=timezone.now().date(),
    )
    recorded: list[Recorded] = []
    fresh: list[Statement] = []
    superseded: list[UUID] = []
    now = dict(books.current)
    for identifier, draft, findings in zip(uuid7_batch(len(drafts)), drafts, found, strict=True):
        before = now.get(draft.period)
        known = all(f.code not in _NOT_LOOKED_AT for f in findings)
        if before is not None and known and before.content_hash == draft.content_hash:
            recorded.append(Recorded(before, "unchanged"))
            continue
        if quality.worst(findings) == Level.ERROR:
            recorded.append(Recorded(None, "refused", tuple(findings)))
            continue
        statement = _version(identifier, draft, companies[draft.company_id], findings, actor)
        statement.version = books.next_version(draft.period, before)
        statement.basis = Basis.REPORTED if before is None else Basis.RESTATED
        if before is not None:
            before.current = False
            superseded.append(before.id)
        fresh.append(statement)
        now[draft.period] = statement
        outcome = "created" if before is None else "restated"
        recorded.append(Recorded(statement, outcome, tuple(findings)))  # type: ignore[arg-type]
    Statement.objects.filter(id__in=superseded).update(current=False)
    Statement.objects.bulk_create(fresh, batch_size=500)
    _audit(recorded, organization_id, actor)
    return recorded


_NOT_LOOKED_AT = frozenset({"unknown_company", "unknown_item", "not_a_number", "quarter_does_not_fit"})


def _locked(organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Company]:
    rows = Company.objects.filter(organization_id=organization_id, id__in=list(ids)).order_by("symbol")
    return {company.id: company for company in rows.select_for_update(no_key=True)}


_OF_A_YEAR = {str(PeriodKind.ANNUAL), str(PeriodKind.QUARTERLY)}


@dataclass(frozen=True, slots=True)
class BooksAround:
    """What the books say of the companies and years that drafts are about."""

    current: dict[Period, Statement]
    newest: dict[tuple[UUID, str], tuple[int, int]]
    last_versions: dict[Period, int]
    """The highest number ever given in a period, deleted versions included."""

    @classmethod
    def of(cls, drafts: Sequence[StatementDraft], companies: Mapping[UUID, Company]) -> BooksAround:
        ids, kinds = list(companies), {str(draft.kind) for draft in drafts}
        years = {draft.fiscal_year for draft in drafts}
        rows = Statement.all_objects.filter(company_id__in=ids, kind__in=kinds)
        concerned = Statement.all_objects.filter(
            company_id__in=ids,
            # A year is held against its quarters, and they against it.
            kind__in=kinds | (_OF_A_YEAR if kinds & _OF_A_YEAR else set()),
            fiscal_year__in=years | {year - 1 for year in years},
        )
        current = {_period(row): row for row in concerned.filter(current=True)}
        keys = ("company_id", "kind", "fiscal_year", "fiscal_quarter")
        grouped = rows.filter(fiscal_year__in=years).order_by().values_list(*keys)
        last_versions = {tuple(row[:4]): row[4] for row in grouped.annotate(last=Max("version"))}
        present = rows.filter(current=True).order_by().values_list("company_id", "kind")
        latest = Max(F("fiscal_year") * ORDINAL + Coalesce(F("fiscal_quarter"), 0))
        newest = {(company, kind): divmod(n, ORDINAL) for company, kind, n in present.annotate(n=latest)}
        return cls(current, newest, last_versions)

    def next_version(self, period: Period, before: Statement | None) -> int:
        last = max(self.last_versions.get(period, 0), before.version if before is not None else 0)
        return last + 1


def _period(row: Statement) -> Period:
    return (row.company_id, row.kind, row.fiscal_year, row.fiscal_quarter)


def _version(
    identifier: UUID,
    draft: StatementDraft,
    company: Company,
    findings: Sequence[Finding],
    actor: Actor,
) -> Statement:
    worst = quality.worst(findings)
    return Statement(
        id=identifier,
        organization_id=company.organization_id,
        company=company,
        kind=draft.kind,
        fiscal_year=draft.fiscal_year,
        fiscal_quarter=draft.fiscal_quarter,
        period_end=draft.period_end,
        months=draft.months,
        currency=draft.currency,
        unit=draft.unit,
        source_kind=draft.source_kind,
        source=draft.source[:200],
        source_ref=dict(draft.source_ref),
        filing_id=draft.filing_id,
        filed_on=draft.filed_on,
        content_hash=draft.content_hash,
        findings=[finding.as_json() for finding in findings],
        quality=Quality(str(worst)) if worst is not None else Quality.CLEAN,
        created_by_id=actor.user_id,
        **{name: value.quantize(STEP) for name, value in draft.amounts.items()},
    )


def _audit(recorded: Sequence[Recorded], organization_id: UUID, actor: Actor) -> None:
    changed = [r for r in recorded if r.statement is not None and r.outcome != "unchanged"]
    if len(changed) <= AUDITED_ONE_BY_ONE:
        for outcome in changed:
            statement = outcome.statement
            assert statement is not None  # noqa: S101 - chosen above
            changes = {"version": statement.version, "source": statement.source}
            audit.record(f"companies.statement.{outcome.outcome}", on=statement, changes=changes, actor=actor)
        return
    counts = Counter(str(r.outcome) for r in recorded)
    sources = sorted({r.statement.source for r in changed if r.statement is not None})[:5]
    audit.record(
        "companies.statements.recorded",
        on=Organization.objects.get(id=organization_id),
        changes={**counts, "sources": sources},
        actor=actor,
    )

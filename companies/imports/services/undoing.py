"""Taking an import back: its statements give way to the ones before, its companies go unless used since."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies import services
from companies.imports.models import UNDOABLE, EffectKind, Import, ImportEffect, ImportState
from companies.models import Company, Statement
from companies.services.statements import scores_ask, trailing_refresh
from tenants.kernel import audit
from tenants.kernel.errors import Conflict
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor

_BATCH = 1_000
# What is said of statements and follows them: no use by anybody else.
_FOLLOWS = frozenset({"statements", "merged_from"})


@transaction.atomic
def import_undo(*, row: Import, actor: Actor) -> Import:
    """Take back what an import has made; tells in ``counts`` what went and what stayed.

    A statement that is still the current version gives way to the one before it, or to none; one that
    somebody has restated since stays. A company that the import made is removed unless something else
    refers to it by now. What was changed on companies that were there before stays: the audit log says what
    it was. Raises Conflict for an import that has written nothing, or is under way.
    """
    hold_alone(row.id)
    locked: Import = Import.objects.select_for_update(of=("self",), no_key=True).get(id=row.id)
    if locked.state not in UNDOABLE or locked.dry:
        raise Conflict("Only an import that has been taken in can be undone.", code="not_undoable")
    effects = list(locked.effects.filter(undone=False))
    counts: Counter[str] = Counter()
    touched = {e.company_id for e in effects if e.company_id is not None}
    # The same locks, in the same order, as whoever records statements.
    companies = Company.objects.filter(id__in=touched).order_by("symbol").select_for_update(no_key=True)
    known = {company.id: company for company in companies}
    undone = _statements(locked, effects, counts, actor) | _companies(effects, known, counts, actor)
    ImportEffect.objects.filter(id__in=undone).update(undone=True)
    locked.state = ImportState.UNDONE
    locked.undone_at = timezone.now()
    locked.counts = {**locked.counts, **{f"undone_{name}": number for name, number in counts.items()}}
    locked.save()
    audit.record("imports.import.undone", on=locked, changes=dict(counts), actor=actor)
    return locked


def _statements(job: Import, effects: list[ImportEffect], counts: Counter[str], actor: Actor) -> set[UUID]:
    by_statement = {e.statement_id: e.id for e in effects if e.statement_id is not None}
    own = list(Statement.objects.filter(id__in=list(by_statement)))
    holding = {_period(row) for row in own if row.current}
    # A version that another of the same import has replaced goes with it.
    gone = [row for row in own if _period(row) in holding]
    counts["statements_kept"] = len(own) - len(gone)
    counts["statements_withdrawn"] = len(gone)
    if not gone:
        return set()
    reason = f"The import of {job.original_filename} was undone."[:200]
    Statement.objects.filter(id__in=[row.id for row in gone]).update(
        current=False, deleted_at=timezone.now(), deleted_by_id=actor.user_id, delete_reason=reason
    )
    companies = {row.company_id for row in gone}
    latest: dict[tuple[UUID, str, int, int | None], Statement] = {}
    for row in Statement.objects.filter(company_id__in=companies).order_by("version"):
        if _period(row) in holding:
            latest[_period(row)] = row
    Statement.objects.filter(id__in=[row.id for row in latest.values()]).update(current=True)
    counts["statements_brought_back"] = len(latest)
    trailing_refresh(gone, organization_id=job.organization_id, actor=actor)
    scores_ask(companies, organization_id=job.organization_id, actor=actor)
    return {by_statement[row.id] for row in gone}


def _period(row: Statement) -> tuple[UUID, str, int, int | None]:
    return (row.company_id, row.kind, row.fiscal_year, row.fiscal_quarter)


def _companies(
    effects: list[ImportEffect], known: dict[UUID, Company], counts: Counter[str], actor: Actor
) -> set[UUID]:
    made = {e.company_id: e.id for e in effects if e.kind == EffectKind.COMPANY_CREATED and e.company_id}
    ids = [i for i in made if i in known]
    undone: set[UUID] = set()
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        used = used_since(some)
        for company in sorted((known[i] for i in some), key=lambda c: c.symbol):
            if company.id in used:
                counts["companies_kept"] += 1
                continue
            identifier = company.id
            services.company_delete(company=company, actor=actor)
            counts["companies_removed"] += 1
            undone.add(made[identifier])
    return undone


def used_since(companies: list[UUID]) -> set[UUID]:
    """Which of these companies something refers to by now: a statement that holds, a score of something
    else than a statement, an outcome, a note, a list."""
    rows = Statement.objects.filter(company_id__in=companies, current=True)
    used = set(rows.values_list("company_id", flat=True))
    for relation in Company._meta.related_objects:
        field, model = relation.field.name, relation.related_model
        if model is ImportEffect or relation.get_accessor_name() in _FOLLOWS:
            continue
        others = model._default_manager.filter(**{f"{field}__in": companies})
        if hasattr(model, "scores"):
            # Scores that rest on a statement follow the books by themselves; others somebody asked for.
            others = others.filter(scores__statement__isnull=True)
        used |= set(others.values_list(f"{field}_id", flat=True))
    return used

"""Taking an import back: its statements give way to the ones before, its companies go unless used since."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from companies import services
from companies.imports.models import UNDOABLE, EffectKind, Import, ImportEffect, ImportState
from companies.imports.services.jobs import mirror
from companies.models import Company, Statement
from companies.services.statements import scores_ask, trailing_refresh
from organizations.notices.services import notify
from tenants.kernel import audit
from tenants.kernel.errors import Conflict
from tenants.kernel.jobs import enqueue
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor

_BATCH = 1_000
# What is said of statements and follows them: no use by anybody else.
_FOLLOWS = frozenset({"statements", "merged_from"})


@transaction.atomic
def import_undo(*, row: Import, actor: Actor) -> Import:
    """Take back what an import has made, at once or, where that is much, in the background.

    A statement that is still the current version gives way to the one before it, or to none; one that
    somebody has restated since stays. A company that the import made is removed unless something else
    refers to it by now. What was changed on companies that were there before stays: the audit log says what
    it was. ``counts`` tells what went and what stayed. Raises Conflict for an import that has written
    nothing, or is under way.
    """
    hold_alone(row.id)
    locked = _locked(row.id)
    if locked is None or locked.state not in UNDOABLE or locked.dry:
        raise Conflict("Only an import that has been taken in can be undone.", code="not_undoable")
    number = locked.effects.filter(undone=False).count()
    if number <= settings.IMPORT_UNDO_AT_ONCE:
        return _undo(locked, actor)
    locked.state = ImportState.UNDOING
    locked.error_message = ""
    locked.save(update_fields=["state", "error_message"])
    mirror(locked)
    audit.record("imports.import.undo_asked", on=locked, changes={"effects": number}, actor=actor)
    enqueue("imports.undo", actor=actor, queue="io", robust=True, import_id=str(locked.id))
    return locked


@transaction.atomic
def import_undo_go_on(*, import_id: UUID, actor: Actor) -> Import | None:
    """Carry out what was asked for; None where it is done already."""
    hold_alone(import_id)
    locked = _locked(import_id)
    if locked is None or locked.state != ImportState.UNDOING:
        return None
    done = _undo(locked, actor)
    if done.created_by_id is not None:
        notify(
            user_ids=[done.created_by_id],
            kind="job_finished",
            title=f"The import of {done.original_filename} is undone",
            text=f"{done.counts.get('undone_statements_withdrawn', 0):,} statements and "
            f"{done.counts.get('undone_companies_removed', 0):,} companies were taken back.",
            link=f"/admin/imports/import/{done.id}/change/",
            organization_id=done.organization_id,
            actor=actor,
        )
    return done


@transaction.atomic
def import_undo_give_up(*, import_id: UUID, actor: Actor) -> None:
    """Say that it could not be undone; everything is as it was, and it may be asked for again."""
    locked = _locked(import_id)
    if locked is None or locked.state != ImportState.UNDOING:
        return
    locked.state = ImportState.COMPLETED
    locked.error_message = "The import could not be undone because of a fault on our side."
    locked.save(update_fields=["state", "error_message"])
    mirror(locked)
    audit.record("imports.import.undo_failed", on=locked, actor=actor)


def _locked(import_id: UUID) -> Import | None:
    rows = Import.objects.select_for_update(of=("self",), no_key=True)
    found: Import | None = rows.filter(id=import_id).first()
    return found


def _undo(locked: Import, actor: Actor) -> Import:
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
    mirror(locked)
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
        unused = set(some) - used_since(some)
        services.companies_delete(company_ids=unused, actor=actor)
        counts["companies_removed"] += len(unused)
        counts["companies_kept"] += len(some) - len(unused)
        undone |= {made[identifier] for identifier in unused}
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

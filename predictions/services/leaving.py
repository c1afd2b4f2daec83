"""A job's way out: its scores undone, or the job deleted and its scores kept. In the background, in batches.

Each batch is one transaction that also says how far it is, so it may break off anywhere and goes on.
"""

from __future__ import annotations

import time
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from companies.imports.services.undoing import used_since
from companies.models import Company
from organizations.models import AuditEvent
from predictions.models import GOING, UNFINISHED, JobState, Prediction, Score, ScoringJob
from predictions.services import jobs
from tenants.kernel import audit
from tenants.kernel.arrays import AnyOf
from tenants.kernel.copying import remove_rows, update_rows
from tenants.kernel.errors import Conflict
from tenants.kernel.files import remove_folder
from tenants.kernel.jobs import enqueue
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor
from tenants.services.tickets import ticket_remove

BATCH = 5_000
# A job of so few rows is deleted while its caller waits.
AT_ONCE = 2_000
# Seconds that one task goes on, so that others get their turn.
TURN = 20


def _locked(job_id: UUID) -> ScoringJob | None:
    hold_alone(job_id)
    rows = ScoringJob.objects.select_for_update(of=("self",), no_key=True)
    found: ScoringJob | None = rows.filter(id=job_id).first()
    return found


def refuse_unless_ended(job: ScoringJob, *, doing: str) -> None:
    """Raises Conflict (``job_running``) for a job that is under way, in whichever direction."""
    if job.state in UNFINISHED:
        raise Conflict(f"Cancel the job before {doing} it.", code="job_running")
    if job.state in GOING:
        raise Conflict(f"The job is {job.get_state_display().lower()} already.", code="job_running")


@transaction.atomic
def job_undo(*, job: ScoringJob, actor: Actor) -> ScoringJob:
    """Take back all that an ended job has stored; it can be scored again afterwards (``job_resume``).

    Raises Conflict: ``job_running``; ``nothing_to_undo``; ``scored_since`` where later scores have taken the
    place of the job's, which then rest on what it made.
    """
    locked = _locked(job.id) or job
    refuse_unless_ended(locked, doing="undoing")
    if not locked.scores.exists():
        raise Conflict("The job has stored no score that could be undone.", code="nothing_to_undo")
    if (count := _superseded(locked)) > 0:
        shown = f"{count:,}" if count <= BATCH else f"More than {BATCH:,}"
        raise Conflict(
            f"{shown} of its predictions were scored again since; undo the later job first.",
            code="scored_since",
        )
    locked.state, locked.undone = JobState.UNDOING, {}
    locked.save(update_fields=["state", "undone"])
    jobs.mirror(locked)
    changes = {"file": locked.original_filename, "scores": locked.scored_rows}
    audit.record("predictions.job.undo_started", on=locked, changes=changes, actor=actor)
    go_on(locked, actor)
    return locked


def _superseded(job: ScoringJob) -> int:
    """How many of a job's predictions stand on another job's score by now, counted to a little over BATCH."""
    others = job.scores.order_by().exclude(prediction__current=F("id"))
    # Almost always none, and this asks one join less. One job may have scored a prediction twice, where
    # two companies of its file were merged meanwhile.
    if not others.exists():
        return 0
    return int(others.exclude(prediction__current__job=job)[: BATCH + 1].count())


def job_delete(*, job: ScoringJob, actor: Actor) -> bool:
    """Remove an ended job with its files and findings. Its scores stay, and say no longer from which job.

    A large one goes in the background. Tells whether it is gone already; raises Conflict (``job_running``).
    """
    with transaction.atomic():
        locked = _locked(job.id)
        if locked is None:
            return True
        refuse_unless_ended(locked, doing="deleting")
        locked.state = JobState.DELETING
        locked.save(update_fields=["state"])
        audit.record("predictions.job.deleted", on=locked, actor=actor)
        if locked.total_rows <= AT_ONCE:
            while not _forget_batch(locked):
                pass
            _remove(locked)
            return True
        jobs.mirror(locked)
        go_on(locked, actor)
    return False


def go_on(job: ScoringJob, actor: Actor) -> None:
    """Have the job's way out gone on with."""
    enqueue("predictions.take_away", actor=actor, queue="io", priority=8, robust=True, job_id=str(job.id))


def job_take_away(*, job_id: UUID, actor: Actor) -> None:
    """Go on with undoing or deleting a job for TURN seconds. Safe to call at any time and by several."""
    until = time.monotonic() + TURN
    while time.monotonic() < until:
        if _step(job_id, actor):
            return
    with transaction.atomic():
        job = ScoringJob.objects.filter(id=job_id, state__in=GOING).first()
        if job is not None:
            go_on(job, actor)


@transaction.atomic
def _step(job_id: UUID, actor: Actor) -> bool:
    """One batch; whether nothing is left to do."""
    job = _locked(job_id)
    if job is None or job.state not in GOING:
        return True
    if job.state == JobState.DELETING:
        if _forget_batch(job):
            _remove(job)
            return True
        jobs.mirror(job)
        return False
    ended = _undo_batch(job)
    if ended and _drop_issues(job):
        job.chunks.update(
            done_at=None, sent_at=None, attempts=0, scored_rows=0, refused_rows=0, warning_count=0,
            level_counts={}, refused_counts={},
        )  # fmt: skip
        job.state, job.completed_at = JobState.UNDONE, timezone.now()
        job.scored_rows = job.refused_rows = job.warning_count = 0
        job.level_counts, job.refused_counts = {}, {}
        audit.record("predictions.job.undone", on=job, changes=job.undone, actor=actor)
    job.save()
    jobs.mirror(job)
    return bool(job.state == JobState.UNDONE)


def _forget_batch(job: ScoringJob) -> bool:
    """Let scores forget the job, then drop its findings; whether nothing is left."""
    ids = list(job.scores.order_by().values_list("id", flat=True)[:BATCH])
    if ids:
        Score.objects.filter(id__in=ids).update(job=None)
        return False
    return _drop_issues(job)


def _drop_issues(job: ScoringJob) -> bool:
    ids = list(job.issues.order_by().values_list("id", flat=True)[: BATCH * 5])
    job.issues.filter(id__in=ids).delete()
    return len(ids) < BATCH * 5


def _remove(job: ScoringJob) -> None:
    path, identifier = jobs.folder(job.id), job.id
    job.delete()
    ticket_remove(job_id=identifier)
    transaction.on_commit(lambda: remove_folder(path))


def _undo_batch(job: ScoringJob) -> bool:
    """Take back some of the job's scores; whether there was none left."""
    found = list(job.scores.order_by("row_number").values_list("id", "prediction__company")[:BATCH])
    if not found:
        return True
    ids = [score for score, _ in found]
    # Every writer of heads locks the companies first, in this order. Deleted ones count: they may come back.
    companies = Company.all_objects.filter(AnyOf("id", {company for _, company in found}, "uuid"))
    locked = list(companies.order_by("symbol").select_for_update(no_key=True).values_list("id", flat=True))
    heads = set(Prediction.all_objects.filter(AnyOf("current_id", ids, "uuid")).values_list("id", flat=True))
    # Their heads get another current score, or go.
    current = Prediction.current.field
    remove_rows(Score, organization_id=job.organization_id, ids=ids, but=[current])
    left = Score.objects.filter(AnyOf("prediction_id", heads, "uuid"))
    newest = left.order_by("prediction_id", "-id").distinct("prediction_id")
    before = newest.values_list("prediction_id", "id", "pd", "risk_level")
    now = timezone.now()
    update_rows(
        Prediction,
        organization_id=job.organization_id,
        fields=("current", "pd", "risk_level", "updated_at"),
        rows=[(*row, now) for row in before],
    )
    alone = heads - {head for head, *_ in before}
    remove_rows(Prediction, organization_id=job.organization_id, ids=alone)
    gone = _companies(job, locked)
    for name, count in (("scores", len(ids)), ("predictions", len(alone)), ("companies", gone)):
        job.undone[name] = job.undone.get(name, 0) + count
    job.scored_rows = max(job.scored_rows - len(ids), 0)
    return False


def _companies(job: ScoringJob, locked: list[UUID]) -> int:
    """Remove the companies that the job alone has made: since it came, by its owner, in no other way, and
    nothing refers to them."""
    made = Company.objects.filter(
        id__in=locked, created_by_id=job.created_by_id, created_at__gte=job.created_at
    )
    ids = list(made.values_list("id", flat=True))
    if not ids:
        return 0
    # What a person or an import has done with a company is in the log; the rows of a file are not.
    texts = [str(identifier) for identifier in ids]
    named = AuditEvent.objects.filter(object_id__in=texts).values_list("object_id", flat=True)
    touched = {UUID(text) for text in named} | used_since(ids)
    free = [identifier for identifier in ids if identifier not in touched]
    remove_rows(Company, organization_id=job.organization_id, ids=free)
    return len(free)

"""Scoring jobs: taking a file in, cutting it into chunks, scoring them, and telling how it stands.

A chunk's scores, its findings and its done-mark are written in one transaction, so a chunk is done
wholly or not at all, whoever is handed it how often. Which chunks are in the queue is decided for all jobs of
a tenant together (`dispatching`); a lost message delays nothing but its own chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from companies.sheets import ColumnMap, SheetError, map_columns
from companies.sheets.errors import shown
from predictions.live.channel import publish
from predictions.models import GOING, UNFINISHED, JobState, ScoringJob
from predictions.services import limits
from predictions.services.dispatching import dispatch, urgency
from predictions.services.ending import job_ended
from predictions.services.uploads import Looked, digest_of, upload_keep, upload_look
from tenants.kernel import audit
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.files import remove_folder
from tenants.kernel.ids import uuid7
from tenants.kernel.jobs import enqueue
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor
from tenants.services.tickets import ticket_write


def column_map_of(job: ScoringJob, header: list[str]) -> ColumnMap:
    """How the job's file was understood."""
    return map_columns(header, "quarterly" if job.kind == "quarterly" else "annual")


def job_create(
    *,
    kind: str,
    upload: UploadedFile[bytes],
    organization_id: UUID,
    unit: str = "units",
    currency: str = "",
    sheet: str = "",
    only_own: bool = False,
    priority: str = "",
    actor: Actor,
) -> ScoringJob:
    """Check the file as a whole, keep it, and queue its scoring. Without a ``priority`` its size gives one.

    Raises InvalidInput (with the reader's code) for a file that cannot be scored, TooLarge and TooMany beyond
    the limits, StorageFull or Unavailable where it could not be kept. ``sheet`` names that of a workbook.
    """
    looked = upload_look(kind=kind, upload=upload, sheet=sheet)
    try:
        looked.columns.require()
    except SheetError as error:
        raise InvalidInput(error.detail, code=error.code) from None
    # Before the file is kept, and once more when the job is registered: others upload at the same time.
    limits.check(organization_id=organization_id, rows=looked.rows)
    limits.priority_for(wanted=priority, rows=looked.rows, organization_id=organization_id)
    job_id = uuid7()
    sha256 = digest_of(upload)
    path = upload_keep(upload=upload, looked=looked, folder=folder(job_id))
    try:
        return job_open(
            job_id=job_id,
            organization_id=organization_id,
            kind=kind,
            priority=priority,
            path=path,
            said=file_facts(looked),
            sha256=sha256,
            unit=unit,
            currency=currency,
            only_own=only_own,
            actor=actor,
        )
    except Exception:
        remove_folder(folder(job_id))
        raise


def file_facts(looked: Looked) -> dict[str, Any]:
    """What a job (or a dry run) keeps of how its file was understood."""
    columns, header = looked.columns, looked.sheet.columns
    return {
        "original_filename": looked.name,
        "file_size": looked.size,
        "sheet": looked.sheet_name,
        "columns": {ours: shown(header[position]) for ours, position in columns.found.items()},
        "unknown_columns": list(columns.unknown),
        "total_rows": looked.rows,
    }


def job_open(
    *,
    job_id: UUID,
    organization_id: UUID,
    kind: str,
    path: str,
    said: Mapping[str, Any],
    sha256: str,
    unit: str,
    currency: str,
    only_own: bool,
    priority: str = "",
    actor: Actor,
) -> ScoringJob:
    """Open the job of a file that is stored already, and queue its scoring."""
    return _register(
        ScoringJob(
            id=job_id,
            organization_id=organization_id,
            kind=kind,
            priority=priority,
            path=path,
            sha256=sha256,
            unit=unit,
            currency=currency.upper(),
            only_own=only_own,
            chunk_rows=settings.SCORING_CHUNK_ROWS,
            created_by_id=actor.user_id,
            created_by_label=actor.label,
            **said,
        ),
        actor,
    )


def folder(job_id: UUID) -> str:
    """Where a job's files lie: apart by tenant, unguessable by name."""
    return f"{current_tenant().schema_name}/jobs/{job_id}"


@transaction.atomic
def _register(job: ScoringJob, actor: Actor) -> ScoringJob:
    organization_id = UUID(str(job.organization_id))
    hold_alone(organization_id)
    limits.check(organization_id=organization_id, rows=job.total_rows)
    job.priority = limits.priority_for(
        wanted=job.priority, rows=job.total_rows, organization_id=organization_id
    )
    job.save(force_insert=True)
    mirror(job)
    changes = {"file": job.original_filename, "rows": job.total_rows, "sha256": job.sha256}
    audit.record("predictions.job.created", on=job, changes=changes, actor=actor)
    plan(job, actor)
    return job


def plan(job: ScoringJob, actor: Actor, *, passed_over: bool = False, after: int | None = None) -> None:
    """Have the job's file cut."""
    priority = urgency(job.priority, passed_over=passed_over)
    enqueue(
        "predictions.plan_job",
        actor=actor,
        queue="io",
        priority=priority,
        robust=True,  # the sweep sends it again
        after=after,
        job_id=str(job.id),
    )


@transaction.atomic
def job_advance(*, job_id: UUID, swept: bool = False, actor: Actor) -> ScoringJob | None:
    """Bring a job's figures up to date, hand out its next chunks, or close it. Safe to call at any time.

    A job that was silent is ``swept``: somebody who works on it just now is left alone, and a file that
    nobody is cutting is cut on, a job that is being undone or deleted goes on going.

    Everything is counted afresh from the chunks, so no interruption leaves a wrong figure behind.
    """
    rows = ScoringJob.objects.select_for_update(of=("self",), no_key=True, skip_locked=swept)
    job: ScoringJob | None = rows.filter(id=job_id).first()
    if job is None:
        return None
    if job.state in GOING:
        if swept:
            enqueue("predictions.take_away", actor=actor, queue="io", job_id=str(job.id))
            mirror(job)
        return job
    # Looked at before the figures are counted: a chunk that is done in between is in them, or comes again.
    left = job.chunks.filter(done_at=None).exists()
    _count(job)
    if job.state in UNFINISHED:
        if job.planned_at is None:
            # Nothing is scored before the file is read to its end: one that breaks off half way is refused
            # as a whole.
            if swept:
                plan(job, actor, passed_over=True)
        elif not left:
            job.state = JobState.COMPLETED
            job.completed_at = timezone.now()
            changes = {"scored": job.scored_rows, "refused": job.refused_rows}
            audit.record("predictions.job.completed", on=job, changes=changes, actor=actor)
            job_ended(job=job, actor=actor)
    job.save()
    mirror(job)
    if job.planned_at is not None:
        # Also when it has ended: its places in the queue are another job's now.
        dispatch(passed_over=job.id if swept else None)
    return job


def _count(job: ScoringJob) -> None:
    levels: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    job.scored_rows = job.refused_rows = job.warning_count = 0
    done = job.chunks.exclude(done_at=None)
    fields = ("scored_rows", "refused_rows", "warning_count", "level_counts", "refused_counts")
    for scored, rows, warnings, level_counts, refused_counts in done.values_list(*fields):
        job.scored_rows += scored
        job.refused_rows += rows
        job.warning_count += warnings
        levels.update(level_counts)
        refused.update(refused_counts)
    job.level_counts, job.refused_counts = dict(levels), dict(refused)


def mirror(job: ScoringJob) -> None:
    """The job's state in the platform's directory, and to those who follow it."""
    publish(job)
    rows = job.total_rows
    ticket_write(job_id=job.id, kind=job.kind, state=job.state, rows=rows, rows_done=job.processed_rows)


@transaction.atomic
def job_cancel(*, job: ScoringJob, actor: Actor) -> ScoringJob:
    """Stop a job at the next chunk's border; what is scored stays. Raises Conflict for an ended job.

    Waits for the chunks that are being written: once this has returned, no row is added.
    """
    hold_alone(job.id)
    locked: ScoringJob = ScoringJob.objects.select_for_update(of=("self",), no_key=True).get(id=job.id)
    if locked.state not in UNFINISHED:
        raise Conflict(f"The job is {locked.get_state_display().lower()} already.", code="job_ended")
    _count(locked)
    locked.state = JobState.CANCELLED
    locked.completed_at = timezone.now()
    locked.save()
    mirror(locked)
    audit.record("predictions.job.cancelled", on=locked, changes={"rows": locked.processed_rows}, actor=actor)
    job_ended(job=locked, actor=actor)
    dispatch()
    return locked


@transaction.atomic
def job_prioritise(*, job: ScoringJob, priority: str, actor: Actor) -> ScoringJob:
    """Let a job that has not ended go before or behind others from its next chunk on.

    Raises Conflict for an ended job, and as an upload does where it cannot be urgent.
    """
    organization_id = UUID(str(job.organization_id))
    hold_alone(organization_id)
    locked: ScoringJob = ScoringJob.objects.select_for_update(of=("self",), no_key=True).get(id=job.id)
    if locked.state not in UNFINISHED:
        raise Conflict(f"The job is {locked.get_state_display().lower()} already.", code="job_ended")
    before = locked.priority
    if before == priority:
        return locked
    locked.priority = limits.priority_for(
        wanted=priority, rows=locked.total_rows, organization_id=organization_id
    )
    locked.save(update_fields=["priority"])
    changes = {"priority": [before, locked.priority]}
    audit.record("predictions.job.prioritised", on=locked, changes=changes, actor=actor)
    if locked.planned_at is not None:
        dispatch()
    elif locked.state == JobState.PENDING:
        plan(locked, actor)
    return locked


@transaction.atomic
def job_fail(*, job_id: UUID, message: str, actor: Actor) -> None:
    """End a job that cannot go on, with one sentence for its owner."""
    locked = (
        ScoringJob.objects.select_for_update(of=("self",), no_key=True)
        .filter(id=job_id, state__in=UNFINISHED)
        .first()
    )
    if locked is None:
        return
    locked.state, locked.error_message = JobState.FAILED, message[:200]
    locked.completed_at = timezone.now()
    locked.save()
    mirror(locked)
    audit.record("predictions.job.failed", on=locked, changes={"why": message}, actor=actor)
    job_ended(job=locked, actor=actor)
    dispatch()

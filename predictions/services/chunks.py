"""The work on a part of a job's file: it is scored and written in one transaction, or split, or given up.

A chunk that fails and fails again is halved, and its halves as well, down to the row: what makes the scoring
fail costs its own row only.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from companies.sheets import CellError
from predictions.models import JobChunk, JobState, RowIssue, ScoringJob, Severity
from predictions.registry.selectors import model_at
from predictions.services import jobs
from predictions.services.parts import (
    by_reason,
    read_part,
    refuse_foreign_currency,
    refuse_repeated,
    refuse_unscored,
)
from predictions.services.scoring import score_columns, store_columns
from tenants.kernel import pieces
from tenants.kernel.copying import copy_rows
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.locks import hold_shared
from tenants.kernel.request import Actor

logger = logging.getLogger(__name__)
# Often enough for a worker that was stopped in mid-chunk by no fault of the chunk.
MOST_ATTEMPTS = 3
FAULT = "internal"
_FAULT_TEXT = "This row makes the scoring fail: a fault on our side. The other rows of the file are scored."


def rows_of(chunk: JobChunk) -> list[int]:
    """The numbers of a chunk's rows, ascending."""
    return chunk.row_numbers if chunk.row_numbers is not None else read_part(chunk).rows()


def chunk_score(*, chunk_id: UUID) -> UUID | None:
    """Score a chunk and write all it brings in one transaction; the job's id, None where it is gone.

    Computing comes first and holds no lock. A chunk that somebody else is writing or has written is left.
    """
    chunk = JobChunk.objects.select_related("job").filter(id=chunk_id).first()
    if chunk is None:
        return None
    if chunk.done_at is not None or chunk.job.state != JobState.PROCESSING:
        return UUID(str(chunk.job_id))
    if not pieces.begin(JobChunk.objects.all(), chunk_id, most=MOST_ATTEMPTS):
        # It takes its worker along, or it would have failed in an orderly way.
        return chunk_failed(chunk_id=chunk_id)
    part = read_part(chunk)
    refuse_repeated(part, {int(row): first for row, first in chunk.duplicates.items()})
    refuse_foreign_currency(part)
    model = model_at(chunk.job.model_version_id)
    scored, unscored = score_columns(chunk.job.kind, part.kept(), model=model)
    refuse_unscored(part, unscored)
    with transaction.atomic():
        hold_shared(chunk.job_id)
        mine = pieces.claim(JobChunk.objects.filter(job__state=JobState.PROCESSING), chunk.id)
        if mine is None:
            return UUID(str(chunk.job_id))
        stored = store_columns(
            chunk.job.kind,
            scored,
            organization_id=chunk.organization_id,
            model=model,
            job_id=UUID(str(chunk.job_id)),
            warnings=_by_row(part.warnings),
            only_own=chunk.job.only_own,
            actor=chunk.job.owner,
        )
        for row, symbol in stored.refused:
            text = "A colleague's prediction stands there: you may change only what you created."
            part.refuse(row, "company_symbol", "not_yours", text, symbol)
        _store_findings(mine, part.errors, part.warnings)
        mine.scored_rows, mine.refused_rows = len(stored.scored), len(part.refused)
        mine.warning_count = len(part.warnings)
        mine.level_counts = stored.scored.level_counts()
        mine.refused_counts = by_reason(part.errors)
        mine.done_at = timezone.now()
        mine.save()
    return UUID(str(chunk.job_id))


def _by_row(warnings: list[CellError]) -> dict[int, list[dict[str, Any]]]:
    noted: dict[int, list[dict[str, Any]]] = {}
    for w in warnings:
        noted.setdefault(w.row, []).append({"column": w.column, "code": w.code, "message": w.message})
    return noted


def _store_findings(chunk: JobChunk, errors: list[CellError], warnings: list[CellError]) -> None:
    findings = [(Severity.ERROR, e) for e in errors] + [(Severity.WARNING, w) for w in warnings]
    findings.sort(key=lambda pair: pair[1].row)
    copy_rows(
        RowIssue,
        organization_id=chunk.organization_id,
        fields=("id", "job", "row_number", "severity", "column", "code", "message", "value"),
        rows=(
            (
                identifier,
                chunk.job_id,
                f.row,
                severity.value,
                f.column,
                f.code,
                f.message[:300],
                f.value.replace("\x00", "\ufffd")[:200],
            )
            for identifier, (severity, f) in zip(uuid7_batch(len(findings)), findings, strict=True)
        ),
    )


def chunk_fail(*, chunk_id: UUID, message: str, actor: Actor) -> None:
    """End the whole job of a chunk that no attempt can score, with one sentence for its owner."""
    job_id = JobChunk.objects.filter(id=chunk_id).values_list("job_id", flat=True).first()
    if job_id is not None:
        logger.error("a job cannot go on", extra={"job": str(job_id), "reason": message})
        jobs.job_fail(job_id=job_id, message=message, actor=actor)


def is_whole(*, chunk_id: UUID) -> bool:
    """Whether a chunk is as it was cut, and no part of one that has failed before."""
    found: bool = JobChunk.objects.filter(id=chunk_id, row_numbers=None).exists()
    return found


@transaction.atomic
def chunk_failed(*, chunk_id: UUID) -> UUID | None:
    """Halve a chunk that cannot be scored; a single row is refused. The job's id, None where it is gone.

    Where too many rows fail the fault is not in the rows, and the job ends as failed.
    """
    job_id: UUID | None = JobChunk.objects.filter(id=chunk_id).values_list("job_id", flat=True).first()
    if job_id is None:
        return None
    hold_shared(job_id)
    # Two chunks that are split at a time would take the same number.
    job = ScoringJob.objects.select_for_update(of=("self",), no_key=True).get(id=job_id)
    chunk = pieces.claim(JobChunk.objects.filter(job__state=JobState.PROCESSING), chunk_id)
    if chunk is None:
        return job_id
    numbers = rows_of(chunk)
    if len(numbers) > 1:
        _halve(chunk, numbers)
        return job_id
    _refuse_whole(chunk)
    faults = job.issues.filter(severity=Severity.ERROR, code=FAULT).values("row_number").distinct().count()
    if faults > settings.JOB_MAX_FAULTS:
        message = f"More than {settings.JOB_MAX_FAULTS} rows make the scoring fail: the fault is on our side."
        jobs.job_fail(job_id=job_id, message=f"{message} The job can be resumed later.", actor=job.owner)
    return job_id


def _halve(chunk: JobChunk, numbers: list[int]) -> None:
    middle = len(numbers) // 2
    last = chunk.job.chunks.aggregate(last=Max("number"))["last"]
    JobChunk.objects.create(
        organization_id=chunk.organization_id,
        job_id=chunk.job_id,
        number=last + 1,
        path=chunk.path,
        rows=len(numbers) - middle,
        row_numbers=numbers[middle:],
        duplicates=chunk.duplicates,
    )
    chunk.rows, chunk.row_numbers = middle, numbers[:middle]
    chunk.attempts, chunk.sent_at = 0, None
    chunk.save()


def _refuse_whole(chunk: JobChunk) -> None:
    """Close a chunk without a score: each of its rows is an error row, so that none is lost."""
    part = read_part(chunk)
    for row in part.table["row_number"].to_pylist():
        part.refuse(int(row), "", FAULT, _FAULT_TEXT, "")
    _store_findings(chunk, part.errors, part.warnings)
    chunk.scored_rows, chunk.level_counts = 0, {}
    chunk.refused_rows, chunk.warning_count = len(part.refused), len(part.warnings)
    chunk.refused_counts = by_reason(part.errors)
    chunk.done_at = timezone.now()
    chunk.save()


def chunk_forgive(*, chunk_id: UUID) -> None:
    """Count no attempt that failed for want of the database or the storage: it says nothing of the rows."""
    JobChunk.objects.filter(id=chunk_id, done_at=None).update(attempts=0)

"""A job taken up again: one that broke off goes on, and rows that failed by our fault are tried once more.

Both go on in the same job. Its rows are rows of one file: scored and refused together stay the file's rows, a
row is scored once, and results, report and history are one.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Max

from predictions.models import GOING, UNFINISHED, JobChunk, JobState, RowIssue, ScoringJob, Severity
from predictions.services import jobs, limits
from predictions.services.chunks import FAULT, rows_of
from tenants.kernel import audit
from tenants.kernel.errors import Conflict
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor

# Reasons that may be gone when a row is tried again as it stands. Any other needs the row mended, and a file.
RETRYABLE = (FAULT, "not_yours")


def _locked(job: ScoringJob) -> ScoringJob:
    hold_alone(job.id)
    rows = ScoringJob.objects.select_for_update(of=("self",), no_key=True)
    locked: ScoringJob = rows.get(id=job.id)
    if locked.state in GOING:
        raise Conflict(f"The job is {locked.get_state_display().lower()}.", code="job_running")
    return locked


@transaction.atomic
def job_resume(*, job: ScoringJob, actor: Actor) -> ScoringJob:
    """Go on with a job that failed, was cancelled or undone, or that seems stuck: with what is not done yet.

    Raises Conflict (``job_ended`` for a completed one, ``file_gone``) and TooMany beyond the limits.
    """
    locked = _locked(job)
    if locked.state == JobState.COMPLETED:
        raise Conflict("All its rows are accounted for.", code="job_ended")
    if not default_storage.exists(locked.path):
        raise Conflict("The uploaded file is no longer kept.", code="file_gone")
    before = locked.state
    if before not in UNFINISHED:
        limits.check(organization_id=UUID(str(locked.organization_id)), rows=0)
    locked.chunks.filter(done_at=None).update(sent_at=None, attempts=0)
    _open(locked)
    audit.record("predictions.job.resumed", on=locked, changes={"state": [before, locked.state]}, actor=actor)
    if locked.planned_at is None:
        jobs.plan(locked, actor)
        return locked
    return jobs.job_advance(job_id=locked.id, actor=actor) or locked


def _open(job: ScoringJob) -> None:
    # A cut that was broken off has chosen its model, and goes on.
    begun = job.planned_at is not None or job.model_version_id is not None
    job.state = JobState.PROCESSING if begun else JobState.PENDING
    job.completed_at, job.error_message = None, ""
    job.save()
    jobs.mirror(job)


@transaction.atomic
def job_retry(*, job: ScoringJob, actor: Actor) -> ScoringJob:
    """Try the rows of a completed job again that were refused for a reason of RETRYABLE.

    Raises Conflict: ``job_running`` while it goes on, ``nothing_to_retry``, ``file_gone``.
    """
    locked = _locked(job)
    if locked.state != JobState.COMPLETED:
        raise Conflict(
            "Only rows of a completed job can be tried again; resume this one.", code="job_running"
        )
    first: dict[int, str] = {}
    errors = locked.issues.filter(severity=Severity.ERROR).order_by("row_number", "id")
    for row, code in errors.values_list("row_number", "code").iterator():
        first.setdefault(row, code)
    wanted = {row: code for row, code in first.items() if code in RETRYABLE}
    if not wanted:
        raise Conflict(
            "No refused row would be scored as it stands: mend them in the error sheet and upload it.",
            code="nothing_to_retry",
        )
    if not default_storage.exists(locked.path):
        raise Conflict("The uploaded file is no longer kept.", code="file_gone")
    for chunk in locked.chunks.order_by("number"):
        if not set(RETRYABLE) & set(chunk.refused_counts):
            continue
        numbers = rows_of(chunk)
        again = [number for number in numbers if number in wanted]
        if again:
            _take_out(chunk, numbers, {number: wanted[number] for number in again})
    _open(locked)
    audit.record("predictions.job.retried", on=locked, changes={"rows": len(wanted)}, actor=actor)
    return jobs.job_advance(job_id=locked.id, actor=actor) or locked


def _take_out(chunk: JobChunk, numbers: list[int], again: dict[int, str]) -> None:
    """Open some rows of a chunk that is done: they become a chunk of their own, their findings go."""
    issues = RowIssue.objects.filter(job_id=chunk.job_id, row_number__in=list(again))
    warnings = issues.filter(severity=Severity.WARNING).count()
    issues.delete()
    last = chunk.job.chunks.aggregate(last=Max("number"))["last"]
    JobChunk.objects.create(
        organization_id=chunk.organization_id,
        job_id=chunk.job_id,
        number=last + 1,
        path=chunk.path,
        rows=len(again),
        row_numbers=list(again),
        duplicates=chunk.duplicates,
    )
    rest = [number for number in numbers if number not in again]
    if not rest:
        chunk.delete()
        return
    chunk.row_numbers, chunk.rows = rest, len(rest)
    chunk.refused_rows -= len(again)
    chunk.warning_count -= warnings
    chunk.refused_counts = dict(Counter(chunk.refused_counts) - Counter(again.values()))
    chunk.save()

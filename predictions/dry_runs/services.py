"""Dry runs: looking a portfolio file through before it is scored, and then scoring its good rows."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final, cast
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from companies.sheets import SheetError
from organizations.notices.services import notify
from predictions.dry_runs import checking
from predictions.dry_runs.models import UNFINISHED, DryRun, DryRunState
from predictions.models import ScoringJob
from predictions.services import jobs
from predictions.services.uploads import digest_of, upload_keep, upload_look
from tenants.kernel import audit
from tenants.kernel.errors import Conflict, DomainError
from tenants.kernel.files import keep_file, remove_folder
from tenants.kernel.ids import uuid7
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM, Actor
from tenants.services.tickets import ticket_remove, ticket_write

KIND: Final = "dry_run"
# A file up to this size is looked through while its sender waits.
DIRECT_BYTES: Final = 1 << 20
DIRECT_ROWS: Final = 3_000
TICKET: Final = {
    DryRunState.PENDING: "pending",
    DryRunState.CHECKING: "processing",
    DryRunState.READY: "completed",
    DryRunState.FAILED: "failed",
}


class _Overtaken(Exception):
    """Somebody else has looked it through, or it is gone."""


def dry_run_create(
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
) -> DryRun:
    """Keep a file and look it through: a small one at once, a large one in the background.

    Raises InvalidInput (with the reader's code) for a file that is no table, TooLarge beyond the limits,
    StorageFull or Unavailable where it cannot be kept. A table that lacks columns is taken, and says so.
    """
    looked = upload_look(kind=kind, upload=upload, sheet=sheet)
    identifier = uuid7()
    sha256 = digest_of(upload)
    # The job has the same id and folder: proceeding moves nothing.
    folder = jobs.folder(identifier)
    path = upload_keep(upload=upload, looked=looked, folder=folder)
    direct = looked.size <= DIRECT_BYTES and looked.rows <= DIRECT_ROWS
    row = DryRun(
        id=identifier,
        organization_id=organization_id,
        kind=kind,
        original_filename=looked.name,
        path=path,
        file_size=looked.size,
        sha256=sha256,
        format=looked.sheet.ending,
        sheet=looked.sheet_name,
        unit=unit,
        currency=currency.upper(),
        only_own=only_own,
        priority=priority,
        total_rows=looked.rows,
        created_by_id=actor.user_id,
        created_by_label=actor.label,
    )
    try:
        _register(row, actor, direct=direct)
    except Exception:
        remove_folder(folder)
        raise
    if direct:
        try:
            dry_run_check(dry_run_id=identifier, told=False)
        except DomainError:
            # No room for what was found: the sender is told, and nothing stays.
            dry_run_delete(row=row, actor=actor)
            raise
        row.refresh_from_db()
    return row


@transaction.atomic
def _register(row: DryRun, actor: Actor, *, direct: bool) -> None:
    row.save(force_insert=True)
    _mirror(row)
    said = {"file": row.original_filename, "rows": row.total_rows, "sha256": row.sha256}
    audit.record("dry_runs.dry_run.created", on=row, changes=said, actor=actor)
    if not direct:
        enqueue("dry_runs.check", actor=actor, queue="io", robust=True, dry_run_id=str(row.id))


def dry_run_check(*, dry_run_id: UUID, told: bool = True) -> None:
    """Read the file to its end and keep what was found. Safe to call again: what is ready is left.

    A file that breaks off fails the dry run with a sentence. ``told`` sends its owner a notice.
    """
    row = DryRun.objects.filter(id=dry_run_id, state__in=UNFINISHED).first()
    if row is None:
        return
    with checking.findings_file() as findings:
        try:
            with default_storage.open(row.path, "rb") as stored:
                outcome = checking.check(row, cast(BinaryIO, stored), findings, lambda n: _tell(row, n))
        except _Overtaken:
            return
        except SheetError as error:
            dry_run_fail(dry_run_id=dry_run_id, message=error.detail)
            return
        findings.seek(0)
        path = keep_file(f"{jobs.folder(row.id)}/findings.csv", File(findings))
    if not _finish(dry_run_id, outcome, path, told=told):
        with contextlib.suppress(OSError):
            default_storage.delete(path)
            if not DryRun.objects.filter(id=dry_run_id).exists():
                remove_folder(jobs.folder(dry_run_id))


def _tell(row: DryRun, rows: int) -> None:
    """A sign of life; raises _Overtaken where nobody waits for it any more."""
    going = DryRun.objects.filter(id=row.id, state__in=UNFINISHED)
    if not going.update(state=DryRunState.CHECKING, read_rows=rows):
        raise _Overtaken
    ticket_write(job_id=row.id, kind=KIND, state="processing", rows=max(rows, row.total_rows), rows_done=rows)


@transaction.atomic
def _finish(dry_run_id: UUID, outcome: checking.Outcome, path: str, *, told: bool) -> bool:
    row = _unfinished(dry_run_id)
    if row is None:
        return False
    row.state, row.completed_at = DryRunState.READY, timezone.now()
    row.findings_path, row.findings, row.findings_count = path, outcome.first, outcome.findings
    row.columns, row.missing_columns, row.absent_inputs = outcome.columns, outcome.missing, outcome.absent
    row.suspicions = outcome.suspicions
    if outcome.blocked is None:
        row.total_rows = row.read_rows = outcome.total
        row.scorable_rows = outcome.scorable
        row.refused_rows = outcome.total - outcome.scorable
        row.refused_counts = dict(outcome.refused)
        row.error_counts, row.warning_counts = dict(outcome.errors), dict(outcome.warnings)
    else:
        row.blocked_code = outcome.blocked.code
        row.blocked_detail = " ".join(filter(None, [outcome.blocked.detail, outcome.hint]))[:200]
    row.save()
    _mirror(row)
    said = {"rows": row.total_rows, "scorable": row.scorable_rows, "refused": row.refused_rows}
    audit.record("dry_runs.dry_run.checked", on=row, changes=said, actor=row.owner)
    if told and row.created_by_id is not None:
        notify(
            user_ids=[row.created_by_id],
            kind="job_finished",
            title=f"{row.original_filename} is looked through",
            text=row.blocked_detail or f"{row.scorable_rows:,} of {row.total_rows:,} rows can be scored.",
            link=page_of(row),
            organization_id=row.organization_id,
            actor=SYSTEM,
        )
    return True


def _unfinished(dry_run_id: UUID) -> DryRun | None:
    rows = DryRun.objects.select_for_update(of=("self",), no_key=True)
    found: DryRun | None = rows.filter(id=dry_run_id, state__in=UNFINISHED).first()
    return found


@transaction.atomic
def dry_run_fail(*, dry_run_id: UUID, message: str) -> None:
    """End a dry run whose file cannot be read, with one sentence for its owner."""
    row = _unfinished(dry_run_id)
    if row is None:
        return
    row.state, row.error_message, row.completed_at = DryRunState.FAILED, message[:200], timezone.now()
    row.save()
    _mirror(row)
    audit.record("dry_runs.dry_run.failed", on=row, changes={"why": message}, actor=row.owner)


@transaction.atomic
def dry_run_proceed(*, row: DryRun, only_own: bool = False, actor: Actor) -> ScoringJob:
    """Score the good rows: a job from the file that is stored already. Raises Conflict where it cannot be."""
    locked: DryRun = DryRun.objects.select_for_update(of=("self",), no_key=True).get(id=row.id)
    if locked.job_id is not None:
        raise Conflict(
            "Its rows are being scored already.", code="already_proceeded", job_id=str(locked.job_id)
        )
    if locked.state in UNFINISHED:
        raise Conflict("The file is still being looked through.", code="dry_run_not_ready")
    if not locked.can_proceed:
        detail = locked.blocked_detail or locked.error_message or "No row of the file can be scored."
        raise Conflict(detail[:100], code="nothing_to_score")
    if not default_storage.exists(locked.path):
        raise Conflict("The uploaded file is no longer kept.", code="file_gone")
    read = {c["read_as"]: c["header"] for c in locked.columns if c["read_as"]}
    job = jobs.job_open(
        job_id=UUID(str(locked.id)),
        organization_id=UUID(str(locked.organization_id)),
        kind=locked.kind,
        path=locked.path,
        said={
            "original_filename": locked.original_filename,
            "file_size": locked.file_size,
            "sheet": locked.sheet,
            "columns": read,
            "unknown_columns": [c["header"] for c in locked.columns if not c["read_as"] and c["header"]],
            "total_rows": locked.total_rows,
        },
        sha256=locked.sha256,
        unit=locked.unit,
        currency=locked.currency,
        only_own=only_own,
        priority=locked.priority,
        actor=actor,
    )
    locked.job = job
    locked.save(update_fields=["job"])
    audit.record("dry_runs.dry_run.proceeded", on=locked, changes={"job": str(job.id)}, actor=actor)
    return job


@transaction.atomic
def dry_run_delete(*, row: DryRun, why: str = "deleted", actor: Actor) -> None:
    """Remove a dry run with its file; one under way stops. Raises Conflict where a job has the file."""
    locked: DryRun = DryRun.objects.select_for_update(of=("self",), no_key=True).get(id=row.id)
    if locked.job_id is not None:
        raise Conflict("Its file belongs to a job: delete the job.", code="already_proceeded")
    audit.record(f"dry_runs.dry_run.{why}", on=locked, actor=actor)
    identifier, folder = locked.id, jobs.folder(UUID(str(locked.id)))
    locked.delete()
    ticket_remove(job_id=identifier)
    transaction.on_commit(lambda: remove_folder(folder))


def dry_runs_purge(*, now: datetime) -> int:
    """Remove dry runs past their time with which nobody has proceeded; tells how many."""
    before = now - timedelta(days=settings.DRY_RUN_KEPT_DAYS)
    due = list(DryRun.objects.filter(job=None, created_at__lt=before))
    for row in due:
        with contextlib.suppress(Conflict, DryRun.DoesNotExist):
            dry_run_delete(row=row, why="expired", actor=SYSTEM)
    return len(due)


def _mirror(row: DryRun) -> None:
    state = TICKET[DryRunState(row.state)]
    ticket_write(job_id=row.id, kind=KIND, state=state, rows=row.total_rows, rows_done=row.read_rows)


def page_of(row: DryRun) -> str:
    """Its page on the institution's console."""
    try:
        page = "admin:dry_runs_dryrun_change"
        path: str = reverse(page, args=[row.pk], urlconf=settings.ROOT_URLCONF)
    except NoReverseMatch:
        return ""
    return path


def findings_of(row: DryRun) -> Any:
    """The file of all findings; raises Conflict where there is none (yet, or any more)."""
    if row.state in UNFINISHED:
        raise Conflict("The file is still being looked through.", code="dry_run_not_ready")
    if not row.findings_path or not default_storage.exists(row.findings_path):
        raise Conflict("The findings are no longer kept.", code="file_gone")
    return default_storage.open(row.findings_path, "rb")

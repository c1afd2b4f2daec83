"""The life of an import: planned, handed out in chunks, counted, closed, cancelled, removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.imports import parts, selectors
from companies.imports.models import BUSY, OPEN, UNFINISHED, Import, ImportState
from organizations.notices.services import notify
from tenants.kernel import audit, pieces
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.files import remove_folder
from tenants.kernel.jobs import enqueue
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor
from tenants.services.tickets import ticket_remove, ticket_write

KIND = "import"


def _locked(import_id: UUID) -> Import:
    row: Import = Import.objects.select_for_update(of=("self",), no_key=True).get(id=import_id)
    return row


@transaction.atomic
def import_start(*, row: Import, dry: bool, confirmed: Sequence[str] = (), actor: Actor) -> Import:
    """Check the whole file without writing (``dry``), or take it in. ``confirmed``: doubts that hold.

    Raises InvalidInput where no row could be taken as the columns are read, Conflict for one under way.
    """
    locked = _locked(row.id)
    if locked.state not in OPEN:
        raise Conflict(f"The import is {locked.get_state_display().lower()} already.", code="import_closed")
    reading = selectors.reading(locked)
    if reading.problems:
        raise InvalidInput(
            errors=[{"pointer": "/mapping", "code": "mapping", "detail": text} for text in reading.problems]
        )
    locked.layout = reading.layout
    locked.dry = dry
    locked.confirmed = sorted(set(confirmed))
    locked.error_message = ""
    locked.started_at = timezone.now()
    locked.completed_at = None
    locked.issues.all().delete()
    if locked.planned_at is not None:
        # The parts of the dry run are the parts of the real one.
        locked.chunks.update(
            done_at=None, sent_at=None, attempts=0, ok_rows=0, faulty_rows=0, warning_count=0
        )
        locked.state = ImportState.PROCESSING
    else:
        locked.state = ImportState.PENDING
    _count(locked)
    locked.save()
    mirror(locked)
    action = "checked" if dry else "started"
    audit.record(f"imports.import.{action}", on=locked, changes={"rows": locked.total_rows}, actor=actor)
    enqueue("imports.advance", actor=actor, queue="io", robust=True, import_id=str(locked.id))
    return locked


@transaction.atomic
def import_advance(*, import_id: UUID, wait: bool = True, actor: Actor) -> Import | None:
    """Bring an import's figures up to date, hand out its next chunks, or close it. Safe to call at any time.

    Without ``wait`` an import that somebody is working on just now is left to him. Everything is counted
    afresh from the chunks, so no interruption leaves a wrong figure behind.
    """
    rows = Import.objects.select_for_update(of=("self",), no_key=True, skip_locked=not wait)
    row: Import | None = rows.filter(id=import_id).first()
    if row is None:
        return None
    # Looked at before the figures are counted: a chunk that is done in between is in them, or comes again.
    left = row.chunks.filter(done_at=None).exists()
    if row.state != ImportState.UNDOING:
        _count(row)
    if row.state == ImportState.UNDOING:
        enqueue("imports.undo", actor=actor, queue="io", import_id=str(row.id))
    elif row.state in UNFINISHED:
        if row.planned_at is None:
            enqueue("imports.plan", actor=actor, queue="io", import_id=str(row.id))
        elif left:
            for chunk_id in pieces.hand_out(row.chunks.all()):
                enqueue("imports.take_chunk", actor=actor, queue="io", chunk_id=str(chunk_id))
        else:
            _close(row, actor)
    row.save()
    mirror(row)
    return row


def _close(row: Import, actor: Actor) -> None:
    row.completed_at = timezone.now()
    said = {"taken": row.ok_rows, "faulty": row.faulty_rows, **row.counts}
    if row.dry:
        row.state = ImportState.CHECKED
        row.forecast = {**row.counts, "ok_rows": row.ok_rows, "faulty_rows": row.faulty_rows}
        row.counts = {}
        return
    row.state = ImportState.COMPLETED
    audit.record("imports.import.completed", on=row, changes=said, actor=actor)
    if row.created_by_id is not None:
        notify(
            user_ids=[row.created_by_id],
            kind="job_finished",
            title=f"{row.original_filename} is taken in",
            text=f"{row.ok_rows:,} rows were taken, {row.faulty_rows:,} left out.",
            link=f"/admin/imports/import/{row.id}/change/",
            organization_id=row.organization_id,
            actor=actor,
        )


def _count(row: Import) -> None:
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    fresh: set[str] = set()
    row.ok_rows = row.faulty_rows = row.warning_count = 0
    done = row.chunks.exclude(done_at=None)
    for ok, faulty, warnings, brought, by_code in done.values_list(
        "ok_rows", "faulty_rows", "warning_count", "counts", "fault_counts"
    ):
        row.ok_rows += ok
        row.faulty_rows += faulty
        row.warning_count += warnings
        # In a dry run a company is new to each of its chunks: it is counted once.
        fresh.update(brought.pop("new", ()))
        counts.update(brought)
        faults.update(by_code)
    if fresh:
        counts["companies_created"] = len(fresh)
    row.counts, row.fault_counts = dict(counts), dict(faults)


_TICKET_STATES = {
    ImportState.CHECKED: ImportState.COMPLETED,
    ImportState.UNDONE: ImportState.COMPLETED,
    ImportState.UNDOING: ImportState.PROCESSING,
}


def mirror(row: Import) -> None:
    """Tell the directory how the import stands."""
    state = _TICKET_STATES.get(ImportState(row.state), row.state)
    ticket_write(job_id=row.id, kind=KIND, state=state, rows=row.total_rows, rows_done=row.processed_rows)


def forget_plan(row: Import) -> None:
    """Drop what was read under another mapping."""
    row.chunks.all().delete()
    row.issues.all().delete()
    row.planned_at = None
    row.forecast, row.counts, row.fault_counts = {}, {}, {}
    row.ok_rows = row.faulty_rows = row.warning_count = 0
    path = parts.folder(row)
    transaction.on_commit(lambda: remove_folder(path))


@transaction.atomic
def import_cancel(*, row: Import, actor: Actor) -> Import:
    """Stop at the next chunk's border; what is written stays and can be undone. Raises Conflict if ended.

    Waits for the chunks that are being written: once this has returned, no row is added.
    """
    hold_alone(row.id)
    locked = _locked(row.id)
    if locked.state not in UNFINISHED:
        raise Conflict(f"The import is {locked.get_state_display().lower()} already.", code="import_ended")
    _count(locked)
    # A check has written nothing: the file is as it was before.
    locked.state = ImportState.DRAFT if locked.dry else ImportState.CANCELLED
    locked.completed_at = timezone.now()
    locked.save()
    state = ImportState.CANCELLED
    ticket_write(job_id=row.id, kind=KIND, state=state, rows=row.total_rows, rows_done=locked.processed_rows)
    said = {"rows": locked.processed_rows}
    audit.record("imports.import.cancelled", on=locked, changes=said, actor=actor)
    return locked


@transaction.atomic
def import_fail(*, import_id: UUID, message: str, actor: Actor) -> None:
    """End an import that cannot go on, with one sentence for its owner."""
    rows = Import.objects.select_for_update(of=("self",), no_key=True)
    locked = rows.filter(id=import_id, state__in=UNFINISHED).first()
    if locked is None:
        return
    locked.state, locked.error_message = ImportState.FAILED, message[:200]
    locked.completed_at = timezone.now()
    locked.save()
    mirror(locked)
    audit.record("imports.import.failed", on=locked, changes={"why": message}, actor=actor)


@transaction.atomic
def import_delete(*, row: Import, actor: Actor) -> None:
    """Remove an ended import with its file and findings. What it brought stays, and can be undone no more."""
    hold_alone(row.id)
    locked = _locked(row.id)
    if locked.state in BUSY:
        text = "Cancel the import before deleting it."
        if locked.state == ImportState.UNDOING:
            text = "The import is being undone; delete it afterwards."
        raise Conflict(text, code="import_running")
    audit.record("imports.import.deleted", on=locked, actor=actor)
    path = f"{current_tenant().schema_name}/imports/{locked.id}"
    identifier = locked.id
    locked.delete()
    ticket_remove(job_id=identifier)
    transaction.on_commit(lambda: remove_folder(path))

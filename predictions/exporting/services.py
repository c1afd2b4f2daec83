"""Exports: a small list at once, a large one in the background, kept for a while and then gone."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from organizations.notices.services import notify
from predictions.exporting.lists import LISTS
from predictions.exporting.models import Export, ExportState, FileType
from predictions.exporting.rendering import SheetOf, csv_pieces, write_workbook
from predictions.exporting.tables import BATCH, ListTable, Value
from tenants import modules
from tenants.kernel import audit, scope
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict, InvalidInput, TooLarge
from tenants.kernel.files import keep_file, remove_folder
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM, Actor
from tenants.services.tickets import ticket_remove, ticket_write

KIND = "export"
# A file that nobody has reported back for so long is made once more.
LOST_AFTER = timedelta(minutes=15)


def table_of(code: str) -> ListTable:
    """The list of a code; raises InvalidInput for none, ModuleOff where it is switched off."""
    table = LISTS.get(code)
    if table is None:
        known = ", ".join(LISTS)
        raise InvalidInput(
            errors=[{"pointer": "/list", "code": "unknown_list", "detail": f"There are: {known}."}]
        )
    modules.require(table.module)
    return table


def export_now(
    *, code: str, type: str, filters: Mapping[str, Any], actor: Actor
) -> tuple[Iterator[bytes], str]:
    """A small list at once, as pieces made in the scope that is active now; and its file's name.

    Raises TooLarge beyond ``EXPORT_DIRECT_ROWS``: those are made in the background.
    """
    table = table_of(code)
    rows = table.query(filters, user_id=actor.user_id)
    most = settings.EXPORT_DIRECT_ROWS
    count = rows[: most + 1].count()
    if count > most:
        text = f"Lists of up to {most:,} rows come at once; ask for this one as an export."
        raise TooLarge(text, code="export_too_large")
    cells = table.cells(rows.iterator(chunk_size=BATCH))
    if type == FileType.CSV:
        return csv_pieces(table.columns, cells), filename(table, type)
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - ends with its last piece
    _workbook(file, table, cells, filters)
    return _pieces(file), filename(table, type)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    with file:
        while piece := file.read(1 << 16):
            yield piece


def _workbook(
    file: IO[bytes], table: ListTable, cells: Iterator[list[Value]], filters: Mapping[str, Any]
) -> int:
    said = "; ".join(f"{name} = {value}" for name, value in filters.items()) or "none"
    about = [
        ("List", table.title),
        ("Institution", current_tenant().name),
        ("Filters", said),
        ("Made at", timezone.now().strftime("%Y-%m-%d %H:%M UTC")),
    ]
    return write_workbook(file, [SheetOf(table.title, table.columns, cells)], about=about)


def filename(table: ListTable, type: str) -> str:
    """A name that says which list and when."""
    return f"{table.code}-{timezone.now():%Y%m%d-%H%M}.{type}"


@transaction.atomic
def export_create(
    *, code: str, type: str, filters: Mapping[str, Any], organization_id: UUID, actor: Actor
) -> Export:
    """Ask for a list as a file, of the rows that the active scope reaches. It is made in the background."""
    table = table_of(code)
    count = table.query(filters, user_id=actor.user_id).count()
    if count > settings.EXPORT_MAX_ROWS:
        text = f"A file holds up to {settings.EXPORT_MAX_ROWS:,} rows; these are {count:,}: narrow the list."
        raise TooLarge(text, code="export_too_large")
    reach = scope.current().organization_ids
    row = Export(
        organization_id=organization_id,
        list_code=code,
        type=type,
        filters=dict(filters),
        reach=sorted(str(i) for i in reach or ()),
        filename=filename(table, type),
        rows=count,
        sent_at=timezone.now(),
        created_by_id=actor.user_id,
        created_by_label=actor.label,
    )
    row.save(force_insert=True)
    said = {"list": code, "type": type, "filters": dict(filters), "rows": count}
    audit.record("exporting.export.requested", on=row, changes=said, actor=actor)
    ticket_write(job_id=row.id, kind=KIND, state="pending", rows=count)
    enqueue("exporting.make_export", actor=actor, queue="io", robust=True, export_id=str(row.id))
    return row


def export_run(*, export_id: UUID) -> None:
    """Make the file of an export. A second run of one that is made finds it so and leaves."""
    row = Export.objects.filter(id=export_id, state=ExportState.PENDING).first()
    if row is None:
        return
    table = table_of(row.list_code)
    with tempfile.TemporaryFile() as file:
        counted = 0

        def counting(cells: Iterator[list[Value]]) -> Iterator[list[Value]]:
            nonlocal counted
            for line in cells:
                counted += 1
                yield line

        cells = counting(
            table.cells(table.query(row.filters, user_id=row.created_by_id).iterator(chunk_size=BATCH))
        )
        if row.type == FileType.CSV:
            for piece in csv_pieces(table.columns, cells):
                file.write(piece)
        else:
            _workbook(file, table, cells, row.filters)
        size = file.tell()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        path = keep_file(f"{folder(row.id)}/{row.filename}", File(file))
    if not _finish(row.id, path, counted, size, digest):
        default_storage.delete(path)


@transaction.atomic
def _finish(export_id: UUID, path: str, rows: int, size: int, digest: str) -> bool:
    row: Export | None = (
        Export.objects.select_for_update(of=("self",)).filter(id=export_id, state=ExportState.PENDING).first()
    )
    if row is None:
        return False
    row.state, row.path, row.rows, row.file_size, row.sha256 = ExportState.READY, path, rows, size, digest
    row.completed_at = timezone.now()
    row.expires_at = row.completed_at + timedelta(days=settings.EXPORT_KEPT_DAYS)
    row.save()
    ticket_write(job_id=row.id, kind=KIND, state="completed", rows=rows, rows_done=rows)
    audit.record("exporting.export.made", on=row, changes={"rows": rows, "sha256": digest}, actor=row.owner)
    if row.created_by_id is not None:
        notify(
            user_ids=[row.created_by_id],
            kind="job_finished",
            title=f"{row.filename} is ready",
            text=f"{rows:,} rows; it is kept until {row.expires_at:%Y-%m-%d}.",
            link=f"/console/exporting/export/{row.id}/change/",
            organization_id=row.organization_id,
            actor=SYSTEM,
        )
    return True


@transaction.atomic
def export_fail(*, export_id: UUID, message: str) -> None:
    """End an export that cannot be made, with one sentence for its owner."""
    rows = Export.objects.select_for_update(of=("self",))
    row = rows.filter(id=export_id, state=ExportState.PENDING).first()
    if row is None:
        return
    row.state, row.error_message, row.completed_at = ExportState.FAILED, message[:200], timezone.now()
    row.save()
    ticket_write(job_id=row.id, kind=KIND, state="failed", rows=row.rows)
    audit.record("exporting.export.failed", on=row, changes={"why": message}, actor=row.owner)


@transaction.atomic
def export_fetch(*, row: Export, actor: Actor) -> IO[bytes]:
    """The file of an export, noted as fetched. Raises Conflict where it is not there (yet, or any more)."""
    if row.state != ExportState.READY or not default_storage.exists(row.path):
        code = {ExportState.PENDING: "export_not_ready", ExportState.FAILED: "export_failed"}
        text = {ExportState.PENDING: "The file is still being made.", ExportState.FAILED: row.error_message}
        state = ExportState(row.state)
        raise Conflict(
            text.get(state) or "The file is no longer kept.", code=code.get(state, "export_expired")
        )
    Export.objects.filter(id=row.id).update(fetched_at=timezone.now())
    file: IO[bytes] = default_storage.open(row.path, "rb")
    return file


@transaction.atomic
def export_delete(*, row: Export, actor: Actor) -> None:
    """Remove an export with its file."""
    audit.record("exporting.export.deleted", on=row, actor=actor)
    path, identifier = folder(row.id), row.id
    row.delete()
    ticket_remove(job_id=identifier)
    transaction.on_commit(lambda: remove_folder(path))


def exports_tend(*, now: Any) -> int:
    """Remove files past their time, and have those made that a worker has lost; tells how many."""
    due = Export.objects.filter(state=ExportState.READY, expires_at__lt=now)
    tended = 0
    for row in list(due):
        with transaction.atomic():
            Export.objects.filter(id=row.id).update(state=ExportState.EXPIRED, path="")
            audit.record("exporting.export.expired", on=row, actor=SYSTEM)
            transaction.on_commit(partial(remove_folder, folder(row.id)))
        tended += 1
    lost = Export.objects.filter(state=ExportState.PENDING, sent_at__lt=now - LOST_AFTER)
    for row in list(lost):
        # In the reach in which it was asked for, and no more.
        ids = [UUID(i) for i in row.reach]
        with scope.organizations(ids, reason="a lost export"), transaction.atomic():
            Export.objects.filter(id=row.id).update(sent_at=now)
            enqueue("exporting.make_export", actor=row.owner, queue="io", export_id=str(row.id))
        tended += 1
    return tended


def folder(identifier: UUID) -> str:
    """Where an export's file lies: apart by tenant, unguessable by name."""
    return f"{current_tenant().schema_name}/exports/{identifier}"

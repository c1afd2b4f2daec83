"""Exports of all data of a tenant: asked for, made in the background, fetched for some days, removed."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tenants import selectors
from tenants.exporting import PIECE, Contents, write_archive
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.files import keep_file
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM, Actor
from tenants.models import ExportState, Tenant, TenantExport
from tenants.services.base import record_for

FOLDER = "exports"
TASK = "tenants.run_export"
# An archive that has been in the making for this long has lost its worker.
LOST_AFTER = timedelta(hours=1)
logger = structlog.get_logger(__name__)


@transaction.atomic
def export_request(
    *, tenant_id: UUID, for_deletion: bool = False, until: datetime | None = None, actor: Actor
) -> TenantExport:
    """Have an archive of all data of the tenant made in the background.

    Raises Conflict while another is being made. ``until`` says how long it is kept; by default for the
    days that the platform's settings give, counted from its completion.
    """
    with in_public():
        tenant = Tenant.objects.select_for_update().filter(id=tenant_id).first()
        if tenant is None:
            raise Absent()
        unfinished = tenant.exports.filter(state__in=(ExportState.PENDING, ExportState.RUNNING))
        running = unfinished.first()
        if running is not None:
            if not for_deletion:
                raise Conflict("An export is being made already.", code="export_running")
            # The one that runs may have begun while people still worked: let it be the export.
            running.for_deletion, running.expires_at = True, until
            running.save(update_fields=["for_deletion", "expires_at"])
            return running
        export = TenantExport.objects.create(
            tenant=tenant,
            for_deletion=for_deletion,
            requested_by_id=actor.user_id,
            expires_at=until,
        )
        change = {"tenant": str(tenant_id)}
        record_for(tenant, "tenants.export.requested", on=export, changes=change, actor=actor)
        enqueue(TASK, actor=actor, queue="io", robust=True, export_id=str(export.id))
    return export


def export_run(*, export_id: UUID) -> TenantExport | None:
    """Make the archive of a request; None where somebody else is at it, or it is no longer wanted."""
    now = timezone.now()
    free = Q(state=ExportState.PENDING) | Q(state=ExportState.RUNNING, started_at__lt=now - LOST_AFTER)
    with in_public():
        taken = TenantExport.objects.filter(free, id=export_id)
        if not taken.update(state=ExportState.RUNNING, started_at=now):
            return None
        export = TenantExport.objects.select_related("tenant__settings").get(id=export_id)
        name = f"{FOLDER}/{export.tenant.schema_name}/{export.id}.zip"
        with tempfile.TemporaryFile() as archive:
            contents = write_archive(export.tenant, archive)
            archive.seek(0)
            digest = hashlib.sha256()
            while piece := archive.read(PIECE):
                digest.update(piece)
            size = archive.tell()
            archive.seek(0)
            if default_storage.exists(name):
                default_storage.delete(name)
            path = keep_file(name, File(archive))
        return _finished(export, contents, path=path, size=size, sha256=digest.hexdigest())


@transaction.atomic
def _finished(
    export: TenantExport, contents: Contents, *, path: str, size: int, sha256: str
) -> TenantExport | None:
    # The tenant may have been deleted, or the export given up, while the archive was written.
    current = TenantExport.objects.select_for_update().filter(id=export.id).first()
    if current is None:
        transaction.on_commit(lambda: default_storage.delete(path))
        return None
    days = selectors.platform_settings().export_days
    current.state = ExportState.READY
    current.path, current.size, current.sha256 = path, size, sha256
    current.rows, current.files = contents.rows, contents.files
    current.finished_at = timezone.now()
    current.expires_at = current.expires_at or current.finished_at + timedelta(days=days)
    current.save()
    audit.record("tenants.export.made", on=current, changes={"sha256": sha256, "bytes": size}, actor=SYSTEM)
    return current


def export_fail(*, export_id: UUID, message: str) -> None:
    """Give an export up; another can be asked for."""
    with in_public():
        unfinished = TenantExport.objects.filter(
            id=export_id, state__in=(ExportState.PENDING, ExportState.RUNNING)
        )
        unfinished.update(state=ExportState.FAILED, error_message=message[:200], finished_at=timezone.now())


@transaction.atomic
def export_fetched(*, export: TenantExport, actor: Actor) -> None:
    """Write down that somebody takes all data of a tenant away, in both logs. Raises what forbids it."""
    if export.state != ExportState.READY or (export.expires_at and export.expires_at <= timezone.now()):
        raise Conflict("There is no archive to fetch: it is not ready, or has expired.", code="no_archive")
    with in_public():
        tenant = Tenant.objects.select_related("settings").get(id=export.tenant_id)
    change = {"tenant": str(export.tenant_id)}
    record_for(tenant, "tenants.export.fetched", on=export, changes=change, actor=actor)


def exports_sweep() -> int:
    """Remove archives whose time is over, and hand out again what a dead worker left; how many of both."""
    now = timezone.now()
    with in_public():
        over = list(TenantExport.objects.filter(state=ExportState.READY, expires_at__lte=now))
        for export in over:
            default_storage.delete(export.path)
            TenantExport.objects.filter(id=export.id).update(state=ExportState.EXPIRED, path="")
        waiting = Q(state=ExportState.PENDING, created_at__lt=now - timedelta(minutes=10))
        lost = TenantExport.objects.filter(
            waiting | Q(state=ExportState.RUNNING, started_at__lt=now - LOST_AFTER)
        )
        again = list(lost.values_list("id", flat=True))
        for identifier in again:
            enqueue(TASK, actor=SYSTEM, queue="io", export_id=str(identifier))
    return len(over) + len(again)

"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from companies.imports.models import UNFINISHED, Import
from companies.imports.services import chunks, jobs, planning, undoing
from tenants import selectors
from tenants.kernel import scope
from tenants.kernel.context import current_tenant, in_public, in_tenant
from tenants.kernel.errors import StorageFull, Unavailable
from tenants.kernel.jobs import PlatformTask, TenantTask, enqueue
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket, TenantState


@shared_task(bind=True, base=TenantTask, name="imports.plan", max_retries=3)
def plan(self: Any, *, import_id: str) -> None:
    """Cut an import's file into parts and hand out the first ones."""
    try:
        planning.import_plan(import_id=UUID(import_id), actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            message = "The file could not be read because of a fault on our side."
            if isinstance(error, StorageFull):
                message = "There is no room to store the parts of the file. Upload it again later."
            jobs.import_fail(import_id=UUID(import_id), message=message, actor=self.actor)
            raise
        raise self.again(error) from error


@shared_task(bind=True, base=TenantTask, name="imports.take_chunk", max_retries=3)
def take_chunk(self: Any, *, chunk_id: str) -> None:
    """Take one chunk in (or try it dry), then bring its import forward."""
    try:
        import_id = chunks.chunk_take(chunk_id=UUID(chunk_id))
    except Unavailable as error:
        chunks.chunk_fail(chunk_id=UUID(chunk_id), message=error.detail, actor=self.actor)
        return
    except Exception as error:
        if self.last_attempt:
            chunks.chunk_give_up(chunk_id=UUID(chunk_id))
            raise
        raise self.again(error) from error
    if import_id is not None:
        jobs.import_advance(import_id=import_id, actor=self.actor)


@shared_task(bind=True, base=TenantTask, name="imports.undo", max_retries=3)
def undo(self: Any, *, import_id: str) -> None:
    """Take a large import back."""
    try:
        undoing.import_undo_go_on(import_id=UUID(import_id), actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            undoing.import_undo_give_up(import_id=UUID(import_id), actor=self.actor)
            raise
        raise self.again(error) from error


@shared_task(bind=True, base=TenantTask, name="imports.advance")
def advance(self: Any, *, import_id: str) -> None:
    """Bring one import forward: plan it, hand out chunks that are free or lost, or close it."""
    row = Import.objects.filter(id=import_id).first()
    # The sweep sees every organization; from here on the work sees its own, and none that is not active.
    if row is None or row.organization_id not in selectors.organization_ids(current_tenant().id, {"active"}):
        return
    with scope.organizations({row.organization_id}, reason="an import that goes on"):
        jobs.import_advance(import_id=row.id, actor=self.actor)


@shared_task(base=PlatformTask, name="imports.sweep")
def sweep() -> int:
    """Find unfinished imports that have been silent for too long and have each looked after."""
    silent = timezone.now() - timedelta(seconds=settings.CHUNK_STALE_SECONDS)
    with in_public():
        tickets = JobTicket.objects.filter(kind=jobs.KIND, state__in=UNFINISHED, heartbeat__lt=silent)
        found = list(
            tickets.filter(tenant__state=TenantState.ACTIVE).values_list("id", "tenant__schema_name")
        )
        tickets.update(heartbeat=timezone.now())
    for import_id, schema in found:
        with (
            in_tenant(selectors.tenant_by_schema(schema)),
            scope.every_organization(reason="sweep of imports"),
        ):
            enqueue("imports.advance", actor=SYSTEM, queue="default", import_id=str(import_id))
    return len(found)

"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from predictions.dry_runs import services
from predictions.dry_runs.models import DryRun
from tenants import selectors
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, current_tenant, in_public, in_tenant
from tenants.kernel.errors import StorageFull
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant, enqueue
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket, Tenant, TenantState


@shared_task(bind=True, base=TenantTask, name="dry_runs.check", max_retries=3)
def check(self: Any, *, dry_run_id: str) -> None:
    """Look a file through."""
    try:
        services.dry_run_check(dry_run_id=UUID(dry_run_id))
    except Exception as error:
        if self.last_attempt:
            text = "The file could not be read because of a fault on our side."
            if isinstance(error, StorageFull):
                text = "There is no room to store what was found. Upload the file again later."
            services.dry_run_fail(dry_run_id=UUID(dry_run_id), message=text)
            raise
        raise self.again(error) from error


@shared_task(bind=True, base=TenantTask, name="dry_runs.again")
def again(self: Any, *, dry_run_id: str) -> None:
    """Send a dry run that was silent once more, in the reach of its organization."""
    row = DryRun.objects.filter(id=dry_run_id).first()
    if row is None or row.organization_id not in selectors.organization_ids(current_tenant().id, {"active"}):
        return
    with scope.organizations({row.organization_id}, reason="a dry run that was silent"):
        enqueue("dry_runs.check", actor=row.owner, queue="io", dry_run_id=str(row.id))


@shared_task(base=PlatformTask, name="dry_runs.sweep")
def sweep() -> int:
    """Find dry runs that were silent for too long, and have each looked after."""
    silent = timezone.now() - timedelta(seconds=settings.CHUNK_STALE_SECONDS)
    with in_public():
        tickets = JobTicket.objects.filter(
            kind=services.KIND, state__in=("pending", "processing"), heartbeat__lt=silent
        )
        found = list(
            tickets.filter(tenant__state=TenantState.ACTIVE).values_list("id", "tenant__schema_name")
        )
        tickets.update(heartbeat=timezone.now())
    for identifier, schema in found:
        with in_tenant(selectors.tenant_by_schema(schema)), scope.every_organization(reason="sweep"):
            enqueue("dry_runs.again", actor=SYSTEM, queue="default", dry_run_id=str(identifier))
    return len(found)


@shared_task(base=PlatformTask, name="dry_runs.purge", ignore_result=False)
def purge() -> int:
    """Remove dry runs that nobody proceeded with in time, in every tenant; tells how many."""
    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, partial(_purge, now=timezone.now())))


def _purge(tenant: TenantRef, *, now: datetime) -> int:
    with in_tenant(tenant), scope.every_organization(reason="dry runs past their time"):
        return services.dry_runs_purge(now=now)

"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from companies.connectors import services
from companies.connectors.models import UNFINISHED, Run, Source
from tenants import modules
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant, enqueue
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant, TenantState

# A run goes on in a further task after so long: tasks end well before the worker's limit.
_SLICE_SECONDS = 240


@shared_task(bind=True, base=TenantTask, name="connectors.run_source", max_retries=2, default_retry_delay=30)
def run_source(self: Any, *, run_id: str) -> None:
    """Run a source, or go on with it."""
    run = services.run_begin(run_id=UUID(run_id))
    if run is None:
        return
    try:
        finished = services.run_execute(run=run, seconds=_SLICE_SECONDS, actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            services.run_abandon(run_id=UUID(run_id), actor=self.actor)
            raise
        raise self.again(error) from error
    if not finished:
        enqueue(self.name, actor=self.actor, queue="io", run_id=run_id)


@shared_task(base=PlatformTask, name="connectors.start_due", ignore_result=False)
def start_due() -> int:
    """Start every source that is due, tenant by tenant; tells how many runs were sent."""
    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, _start_tenant))


def _start_tenant(tenant: TenantRef) -> int:
    with in_tenant(tenant), scope.every_organization(reason="connectors that are due"):
        if not modules.is_on("connectors"):
            return 0
        places = set(Source.objects.filter(enabled=True).values_list("organization_id", flat=True))
        # A run that was asked for goes on although its source is switched off meanwhile.
        places |= set(Run.objects.filter(state__in=UNFINISHED).values_list("organization_id", flat=True))
    started = 0
    for place in places:
        with in_tenant(tenant), scope.organizations([place], reason="connectors that are due"):
            started += services.runs_due(now=timezone.now(), actor=SYSTEM)
    return started

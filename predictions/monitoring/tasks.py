"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from predictions.models import Score
from predictions.monitoring.observing import organization_observe
from tenants import modules
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant, enqueue
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant, TenantState


@shared_task(bind=True, base=TenantTask, name="monitoring.observe", max_retries=3, default_retry_delay=30)
def observe(self: Any, *, organization_id: str) -> int:
    """Look at the latest scores of one organization."""
    try:
        return organization_observe(organization_id=UUID(organization_id), actor=self.actor)
    except Exception as error:
        raise self.again(error) from error


@shared_task(base=PlatformTask, name="monitoring.observe_all", ignore_result=False)
def observe_all() -> int:
    """Have every organization observed that has scored of late; tells for how many."""
    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, _observe_tenant))


def _observe_tenant(tenant: TenantRef) -> int:
    since = timezone.now() - timedelta(days=8)
    with in_tenant(tenant), scope.every_organization(reason="weekly observation of scores"):
        if not modules.is_on("monitoring"):
            return 0
        rows = Score.objects.filter(created_at__gte=since, prediction__company_deleted_at=None).order_by()
        found = list(rows.values_list("organization_id", flat=True).distinct())
    for organization_id in found:
        with (
            in_tenant(tenant),
            scope.organizations([organization_id], reason="weekly observation of scores"),
        ):
            enqueue("monitoring.observe", actor=SYSTEM, queue="default", organization_id=str(organization_id))
    return len(found)

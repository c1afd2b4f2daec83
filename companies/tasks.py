"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from companies import services
from companies.models import Company
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant, enqueue
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant, TenantState


@shared_task(base=PlatformTask, name="companies.purge_deleted", ignore_result=False)
def purge_deleted() -> int:
    """Remove for good what was deleted long ago; tells how many companies."""
    before = timezone.now() - timedelta(days=settings.COMPANY_RETENTION_DAYS)

    def work(tenant: TenantRef) -> int:
        with in_tenant(tenant), scope.every_organization(reason="retention of deleted companies"):
            return services.companies_purge(before=before, actor=SYSTEM)

    return sum(each_tenant(_tenants(), work))


@shared_task(base=PlatformTask, name="companies.refresh_tracked", ignore_result=False)
def refresh_tracked() -> int:
    """Have every tenant's tracked companies brought up to date; tells for how many tenants."""

    def work(tenant: TenantRef) -> int:
        with in_tenant(tenant), scope.every_organization(reason="tracked companies"):
            if tenant.is_reference or not Company.objects.exclude(reference_id=None).exists():
                return 0
            enqueue("companies.refresh_tracked_here", actor=SYSTEM, queue="io")
        return 1

    return sum(each_tenant(_tenants(), work))


@shared_task(
    bind=True, base=TenantTask, name="companies.refresh_tracked_here", max_retries=3, default_retry_delay=60
)
def refresh_tracked_here(self: Any) -> None:
    """Bring this tenant's tracked companies up to date."""
    try:
        services.tracked_refresh(actor=self.actor)
    except Exception as error:
        raise self.again(error) from error


def _tenants() -> list[TenantRef]:
    with in_public():
        return list(Tenant.objects.filter(state=TenantState.ACTIVE).refs())

"""Housekeeping of notices."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from organizations.notices.services import notices_purge
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, each_tenant
from tenants.models import Tenant


@shared_task(base=PlatformTask, name="notices.purge", ignore_result=False)
def purge() -> int:
    """Remove old notices of every tenant; tells how many went."""
    now = timezone.now()

    def work(tenant: TenantRef) -> int:
        with in_tenant(tenant), scope.every_organization(reason="retention of notices"):
            return notices_purge(now=now)

    with in_public():
        tenants = Tenant.objects.all().refs()
    return sum(each_tenant(tenants, work))

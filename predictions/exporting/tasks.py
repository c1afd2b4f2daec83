"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from predictions.exporting import services
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.errors import DomainError, Unavailable
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant
from tenants.models import Tenant, TenantState


@shared_task(bind=True, base=TenantTask, name="exporting.make_export", max_retries=3)
def make_export(self: Any, *, export_id: str) -> None:
    """Make the file of an export."""
    try:
        services.export_run(export_id=UUID(export_id))
    except Exception as error:
        settled = isinstance(error, DomainError) and not isinstance(error, Unavailable)
        if settled or self.last_attempt:
            text = "The file could not be made because of a fault on our side."
            message = error.detail if isinstance(error, DomainError) else text
            services.export_fail(export_id=UUID(export_id), message=message)
            if settled:
                return
            raise
        raise self.again(error) from error


@shared_task(base=PlatformTask, name="exporting.tend", ignore_result=False)
def tend() -> int:
    """Remove exported files past their time in every tenant, and make anew what was lost; tells how many."""
    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, partial(_tend, now=timezone.now())))


def _tend(tenant: TenantRef, *, now: Any) -> int:
    with in_tenant(tenant), scope.every_organization(reason="exports past their time"):
        return services.exports_tend(now=now)

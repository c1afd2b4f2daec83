"""Looking through every tenant's new scores."""

from __future__ import annotations

from celery import shared_task

from predictions.flags.services import flags_review
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, each_tenant
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant, TenantState


@shared_task(base=PlatformTask, name="flags.review_all", ignore_result=False)
def review_all() -> int:
    """Flag companies whose risk has changed; tells how many."""

    def work(tenant: TenantRef) -> int:
        with in_tenant(tenant), scope.every_organization(reason="changes of risk"):
            return flags_review(actor=SYSTEM)

    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, work))

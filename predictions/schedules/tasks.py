"""Tasks of schedules: the clock's tick, one run, and telling of its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from predictions.schedules import services
from predictions.schedules.models import Schedule
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, current_tenant, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant, TenantState
from tenants.selectors import organization_ids


@shared_task(base=PlatformTask, name="schedules.dispatch", ignore_result=False)
def dispatch() -> int:
    """Start every portfolio that is due; tells how many."""
    now = timezone.now()

    def work(tenant: TenantRef) -> int:
        with in_tenant(tenant), scope.every_organization(reason="portfolios that are due"):
            return services.due_hand_out(now=now, actor=SYSTEM)

    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, work))


@shared_task(bind=True, base=TenantTask, name="schedules.run", max_retries=3)
def run(self: Any, *, schedule_id: str, due_at: str) -> None:
    """Start one run, seeing no more than its organization."""
    schedule = Schedule.objects.filter(id=schedule_id).first()
    active = organization_ids(current_tenant().id, {"active"})
    if schedule is None or schedule.organization_id not in active:
        return
    with scope.organizations({schedule.organization_id}, reason="a portfolio that is due"):
        try:
            services.run_begin(schedule=schedule, due_at=datetime.fromisoformat(due_at), actor=self.actor)
        except Exception as error:
            raise self.again(error) from error


@shared_task(bind=True, base=TenantTask, name="schedules.tell_run", max_retries=3)
def tell_run(self: Any, *, run_id: str) -> None:
    """Tell of a run's end, apart from the transaction that ended its job: comparing runs takes a while."""
    try:
        services.run_tell(run_id=UUID(run_id), actor=self.actor)
    except Exception as error:
        raise self.again(error) from error

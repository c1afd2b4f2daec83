"""Housekeeping of what is kept for a time only."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.privacy.services import exports_purge
from accounts.recovery.services import tokens_purge
from accounts.services import sessions_purge
from organizations.models import IdempotencyRecord
from organizations.onboarding.services import registered_open
from tenants.kernel import idempotency
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, each_tenant
from tenants.models import PlatformIdempotencyRecord, Tenant


@shared_task(base=PlatformTask, name="organizations.open_registered")
def open_registered(*, user_id: str) -> None:
    """Open the institution or organization that a user registered with."""
    registered_open(user_id=UUID(user_id))


@shared_task(base=PlatformTask, name="organizations.purge", ignore_result=False)
def purge() -> int:
    """Remove kept answers and sessions that have run out; tells how many rows went."""
    before = timezone.now() - idempotency.KEPT

    def purge_answers(tenant: TenantRef) -> int:
        with in_tenant(tenant):
            return int(IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0])

    with in_public():
        tenants = Tenant.objects.all().refs()
        removed, _ = PlatformIdempotencyRecord.objects.filter(created_at__lt=before).delete()
        removed += Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
    removed += sessions_purge() + tokens_purge() + exports_purge()
    return removed + sum(each_tenant(tenants, purge_answers))

"""Housekeeping of what is kept for a time only."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.mfa.challenges import challenges_purge
from accounts.privacy.services import exports_purge
from accounts.recovery.services import tokens_purge
from accounts.services import sessions_purge
from accounts.sso.services import attempts_purge
from accounts.watching.services import places_purge
from organizations.joining.services.invitations import invitations_purge
from organizations.models import IdempotencyRecord
from organizations.onboarding.services import registered_open
from tenants.kernel import idempotency
from tenants.kernel.audit import upkeep
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.jobs import PlatformTask, each_tenant
from tenants.kernel.request import SYSTEM
from tenants.models import PlatformIdempotencyRecord, Tenant


@shared_task(base=PlatformTask, name="organizations.open_registered")
def open_registered(*, user_id: str) -> None:
    """Open the institution or organization that a user registered with."""
    registered_open(user_id=UUID(user_id))


@shared_task(base=PlatformTask, name="organizations.sign_audit", ignore_result=False)
def sign_audit() -> int:
    """Note, signed and outside the chains, where every audit log stands."""
    return upkeep.checkpoint()


@shared_task(base=PlatformTask, name="organizations.retain_audit", ignore_result=False)
def retain_audit() -> int:
    """Remove what each institution no longer wants to keep of its audit log; the number of rows."""
    now = timezone.now()

    def retain(tenant: TenantRef) -> int:
        days = tenant.settings.audit_retention_days
        if days is None:
            return 0
        with in_tenant(tenant):
            return upkeep.retain(before=now - timedelta(days=days), actor=SYSTEM)

    with in_public():
        tenants = Tenant.objects.all().refs()
    return sum(each_tenant(tenants, retain)) + places_purge()


@shared_task(base=PlatformTask, name="organizations.purge", ignore_result=False)
def purge() -> int:
    """Remove kept answers and sessions that have run out; tells how many rows went."""
    before = timezone.now() - idempotency.KEPT

    def purge_answers(tenant: TenantRef) -> int:
        with in_tenant(tenant):
            return (
                int(IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0]) + invitations_purge()
            )

    with in_public():
        tenants = Tenant.objects.all().refs()
        removed, _ = PlatformIdempotencyRecord.objects.filter(created_at__lt=before).delete()
        removed += Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
    removed += sessions_purge() + tokens_purge() + exports_purge()
    removed += challenges_purge() + attempts_purge()
    return removed + sum(each_tenant(tenants, purge_answers))

"""Suspending a tenant and lifting that, with reasons and history."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Conflict
from tenants.kernel.request import Actor
from tenants.models import Suspension, Tenant, TenantState
from tenants.services.base import forget_on_commit, locked, save_changed


@transaction.atomic
def tenant_suspend(*, tenant_id: UUID, reason: str, actor: Actor) -> Tenant:
    """Nobody enters the tenant any more; its data stays."""
    with in_public():
        tenant = locked(tenant_id)
        if tenant.state == TenantState.SUSPENDED:
            raise Conflict("The tenant is suspended already.", code="same_state")
        Suspension.objects.create(tenant=tenant, reason=reason, suspended_by_id=actor.user_id)
        _set(tenant, TenantState.SUSPENDED, "tenants.tenant.suspended", reason, actor)
    return tenant


@transaction.atomic
def tenant_restore(*, tenant_id: UUID, reason: str = "", actor: Actor) -> Tenant:
    """Lift a suspension."""
    with in_public():
        tenant = locked(tenant_id)
        if tenant.state != TenantState.SUSPENDED:
            raise Conflict("The tenant is active already.", code="same_state")
        tenant.suspensions.filter(lifted_at=None).update(
            lifted_at=timezone.now(), lifted_by_id=actor.user_id, lift_reason=reason
        )
        _set(tenant, TenantState.ACTIVE, "tenants.tenant.restored", reason, actor)
    return tenant


def _set(tenant: Tenant, state: str, action: str, reason: str, actor: Actor) -> None:
    change = {"state": [tenant.state, state], "reason": reason}
    tenant.state = state
    save_changed(tenant, "state")
    audit.record(action, on=tenant, changes=change, actor=actor)
    forget_on_commit(tenant)

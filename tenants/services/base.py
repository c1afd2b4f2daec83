"""What the writes to a tenant share: the lock, the count of its changes, and what must be forgotten."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.cache import caches
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from tenants import selectors
from tenants.kernel import audit, request
from tenants.kernel.context import in_public, in_tenant
from tenants.kernel.errors import Absent, Conflict, Forbidden, InvalidInput
from tenants.kernel.request import Actor
from tenants.models import Tenant, TenantSettings, TenantState


def field_error(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])


def as_json(value: Any) -> Any:
    """A value as the audit log keeps it."""
    return float(value) if isinstance(value, Decimal) else value


def record_for(
    tenant: Tenant, action: str, *, on: Model, changes: dict[str, Any] | None = None, actor: Actor
) -> None:
    """Write down what is done to a tenant, in the platform's log and in the one that its people read."""
    with in_public():
        audit.record(action, on=on, changes=changes, actor=actor)
    here = request.current().tenant
    # On the tenant's own host the log has done that already.
    if here is None or here.id != tenant.id:
        with in_tenant(tenant.ref):
            audit.record(action, on=on, changes=changes, actor=actor)


def locked(tenant_id: UUID, *, closing: bool = False) -> Tenant:
    """The tenant under a lock, for a change. Reserved ones are refused, and closing ones unless wanted."""
    tenant = Tenant.objects.select_for_update().filter(id=tenant_id).first()
    if tenant is None:
        raise Absent()
    if tenant.is_reserved:
        raise Forbidden("The reserved tenants cannot be changed.", code="reserved_tenant")
    if tenant.state == TenantState.CLOSING and not closing:
        raise Conflict("The tenant is to be deleted; cancel that first.", code="tenant_closing")
    return tenant


def locked_settings(tenant: Tenant) -> TenantSettings:
    """The settings of a locked tenant."""
    return TenantSettings.objects.select_for_update().get(tenant=tenant)


def save_changed(row: Tenant | TenantSettings, *fields: str) -> None:
    """Save these fields and count the change."""
    row.version += 1
    row.updated_at = timezone.now()
    row.save(update_fields=[*fields, "version", "updated_at"])


def forget_on_commit(tenant: Tenant, *more_keys: str) -> None:
    """Make every process read the tenant again once the change is there."""
    keys = [*selectors.cache_keys(tenant), *more_keys]
    transaction.on_commit(lambda: caches["directory"].delete_many(keys))

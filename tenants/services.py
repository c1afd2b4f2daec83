"""Writes to the directory: tenants, their hosts, usage."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.db import transaction
from django.utils.text import slugify

from tenants import provisioning, selectors
from tenants.kernel import audit
from tenants.kernel.context import RESERVED, SCHEMA_NAME, in_public
from tenants.kernel.errors import Absent, Conflict, Forbidden, InvalidInput
from tenants.kernel.files import remove_folder
from tenants.kernel.ids import uuid7
from tenants.kernel.request import Actor
from tenants.models import Domain, PlatformSettings, Tenant, TenantKind, TenantSettings, TenantState, Usage


def _free_slug(name: str) -> str:
    base = slugify(name)[:40] or "tenant"
    slug, number = base, 1
    while Tenant.objects.filter(slug=slug).exists() or slug in RESERVED | {"public", "www", "api", "admin"}:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _field_error(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])


@transaction.atomic
def tenant_create(
    *,
    name: str,
    domain: str | None = None,
    slug: str | None = None,
    description: str = "",
    kind: str = TenantKind.INSTITUTION,
    actor: Actor,
) -> Tenant:
    """A new tenant with its schema and its host, all or nothing.

    ``slug`` defaults to one made from the name, the host to the slug below TENANT_HOST_SUFFIX
    (``first-bank.localhost``).
    Raises InvalidInput for a bad or taken name or host.
    """
    with in_public():
        name = name.strip()
        if not 2 <= len(name) <= 200:
            raise _field_error("name", "length", "A name has 2 to 200 characters.")
        if Tenant.objects.filter(name__lower=name.lower()).exists():
            raise Conflict("A tenant of this name already exists.", code="duplicate_tenant")
        reserved = kind in {TenantKind.REFERENCE, TenantKind.PERSONAL}
        slug = str(kind) if reserved else _free_slug(slug or name)
        identifier = uuid7()
        schema = slug if reserved else f"t_{identifier.hex}"
        if not SCHEMA_NAME.match(schema):
            raise _field_error("name", "invalid", "No schema can be named after this.")
        tenant = Tenant(
            id=identifier, name=name, slug=slug, schema_name=schema, kind=kind, description=description
        )
        tenant.save()
        Usage.objects.create(tenant=tenant)
        quotas = PlatformSettings.objects.get(pk=PlatformSettings.ONLY)
        TenantSettings.objects.create(
            tenant=tenant,
            max_organizations=None if reserved else quotas.default_max_organizations,
            max_users=None if reserved else quotas.default_max_users,
        )
        if not reserved:
            domain_add(tenant=tenant, domain=domain or f"{slug}.{settings.TENANT_HOST_SUFFIX}", actor=actor)
        provisioning.create_schema(schema)
        audit.record(
            "tenants.tenant.created", on=tenant, changes={"name": name, "domain": domain}, actor=actor
        )
    transaction.on_commit(lambda: selectors.forget_tenant(tenant))
    return tenant


@transaction.atomic
def domain_add(*, tenant: Tenant, domain: str, actor: Actor) -> Domain:
    """Let the tenant answer on one more host."""
    host = domain.strip().lower().rstrip(".")
    with in_public():
        if not re.match(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", host) or host in settings.PLATFORM_HOSTS:
            raise _field_error("domain", "invalid", "This is no host name that a tenant can have.")
        if Domain.objects.filter(domain=host).exists():
            raise Conflict("This host belongs to a tenant already.", code="duplicate_domain")
        row: Domain = Domain.objects.create(
            tenant=tenant, domain=host, is_primary=not tenant.domains.exists()
        )
        audit.record("tenants.domain.added", on=tenant, changes={"domain": host}, actor=actor)
    transaction.on_commit(lambda: selectors.forget_tenant(tenant))
    return row


@transaction.atomic
def tenant_update(*, tenant_id: UUID, changes: dict[str, Any], actor: Actor) -> Tenant:
    """Change name, description or cut-offs; the reserved tenants cannot be changed."""
    with in_public():
        tenant = _locked(tenant_id)
        before = {field: str(getattr(tenant, field)) for field in changes}
        for field, value in changes.items():
            if field not in {"name", "description", "medium_from", "high_from", "critical_from"}:
                raise _field_error(field, "read_only", "This cannot be changed.")
            setattr(tenant, field, value)
        tenant.full_clean(exclude=["schema_name"])
        tenant.save(update_fields=list(changes))
        record = {f: [before[f], str(v)] for f, v in changes.items() if before[f] != str(v)}
        audit.record("tenants.tenant.updated", on=tenant, changes=record, actor=actor)
    transaction.on_commit(lambda: selectors.forget_tenant(tenant))
    return tenant


def tenant_suspend(*, tenant_id: UUID, reason: str, actor: Actor) -> Tenant:
    """Nobody enters the tenant any more; its data stays."""
    return _set_state(tenant_id, TenantState.SUSPENDED, "tenants.tenant.suspended", reason, actor)


def tenant_restore(*, tenant_id: UUID, reason: str = "", actor: Actor) -> Tenant:
    """Lift a suspension."""
    return _set_state(tenant_id, TenantState.ACTIVE, "tenants.tenant.restored", reason, actor)


@transaction.atomic
def _set_state(tenant_id: UUID, state: str, action: str, reason: str, actor: Actor) -> Tenant:
    with in_public():
        tenant = _locked(tenant_id)
        if tenant.state == state:
            raise Conflict(f"The tenant is {tenant.get_state_display().lower()} already.", code="same_state")
        change = {"state": [tenant.state, state], "reason": reason}
        tenant.state = state
        tenant.save(update_fields=["state"])
        audit.record(action, on=tenant, changes=change, actor=actor)
    transaction.on_commit(lambda: selectors.forget_tenant(tenant))
    return tenant


@transaction.atomic
def tenant_delete(*, tenant_id: UUID, actor: Actor) -> None:
    """Remove a tenant with its schema, files and directory entries, and everybody's membership in it."""
    with in_public():
        tenant = _locked(tenant_id)
        hosts = list(tenant.domains.values_list("domain", flat=True))
        audit.record("tenants.tenant.deleted", on=tenant, changes={"hosts": hosts}, actor=actor)
        provisioning.drop_schema(tenant.schema_name)
        keys = selectors.cache_keys(tenant)
        tenant.delete()
    transaction.on_commit(lambda: caches["directory"].delete_many(keys))
    transaction.on_commit(lambda: remove_folder(tenant.schema_name))


def _locked(tenant_id: UUID) -> Tenant:
    tenant = Tenant.objects.select_for_update().filter(id=tenant_id).first()
    if tenant is None:
        raise Absent()
    if tenant.is_reserved:
        raise Forbidden("The reserved tenants cannot be changed.", code="reserved_tenant")
    return tenant

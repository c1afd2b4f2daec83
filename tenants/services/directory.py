"""Making a tenant, and what may be changed of its entry."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from tenants import provisioning, selectors
from tenants.kernel import audit
from tenants.kernel.context import RESERVED, SCHEMA_NAME, in_public
from tenants.kernel.errors import Conflict
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.ids import uuid7
from tenants.kernel.request import Actor
from tenants.models import PlatformSettings, Tenant, TenantKind, TenantSettings, Usage
from tenants.services.base import field_error, forget_on_commit, locked, save_changed
from tenants.services.domains import domain_add

# Names that would be mistaken for the platform's own addresses.
TAKEN_SLUGS = RESERVED | {"public", "www", "api", "admin", "app", "mail", "static", "platform"}
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")


def _free_slug(name: str) -> str:
    base = slugify(name)[:40] or "tenant"
    slug, number = base, 1
    while Tenant.objects.filter(slug=slug).exists() or slug in TAKEN_SLUGS:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _checked_slug(slug: str, *, of: UUID | None = None) -> str:
    if not SLUG.fullmatch(slug):
        raise field_error(
            "slug", "invalid", "Lower case letters, digits and hyphens, at most 50, no hyphen at an end."
        )
    if slug in TAKEN_SLUGS:
        raise field_error("slug", "reserved", "This short name is the platform's own.")
    if Tenant.objects.filter(slug=slug).exclude(id__in=[of] if of else []).exists():
        raise Conflict("A tenant of this short name already exists.", code="duplicate_slug")
    return slug


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
    """A new tenant with its schema, settings and host, all or nothing.

    ``slug`` defaults to one made from the name, the host to the slug below TENANT_HOST_SUFFIX
    (``first-bank.localhost``).
    Raises InvalidInput for a bad name, slug or host, Conflict for one that is taken.
    """
    with in_public():
        name = _checked_name(name)
        reserved = kind in {TenantKind.REFERENCE, TenantKind.PERSONAL}
        short = str(kind) if reserved else _checked_slug(slug) if slug else _free_slug(name)
        identifier = uuid7()
        schema = short if reserved else f"t_{identifier.hex}"
        if not SCHEMA_NAME.match(schema):
            raise field_error("name", "invalid", "No schema can be named after this.")
        tenant = Tenant(
            id=identifier, name=name, slug=short, schema_name=schema, kind=kind, description=description
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
            domain_add(tenant=tenant, domain=domain or f"{short}.{settings.TENANT_HOST_SUFFIX}", actor=actor)
        provisioning.create_schema(schema)
        audit.record(
            "tenants.tenant.created", on=tenant, changes={"name": name, "domain": domain}, actor=actor
        )
    transaction.on_commit(lambda: selectors.forget_tenant(tenant))
    return tenant


def _checked_name(name: str, *, of: UUID | None = None) -> str:
    name = name.strip()
    if not 2 <= len(name) <= 200:
        raise field_error("name", "length", "A name has 2 to 200 characters.")
    if Tenant.objects.filter(name__lower=name.lower()).exclude(id__in=[of] if of else []).exists():
        raise Conflict("A tenant of this name already exists.", code="duplicate_tenant")
    return name


@transaction.atomic
def tenant_update(
    *, tenant_id: UUID, changes: dict[str, Any], expected: Precondition = ANY_STATE, actor: Actor
) -> Tenant:
    """Change name, short name or description; the reserved tenants cannot be changed.

    The short name is part of no host that is there already: hosts are changed as such.
    Raises Stale where the tenant is in none of the ``expected`` states.
    """
    with in_public():
        tenant = locked(tenant_id)
        expected.check(tenant)
        before = {field: str(getattr(tenant, field)) for field in changes}
        for field, value in changes.items():
            if field not in {"name", "slug", "description"}:
                raise field_error(field, "read_only", "This cannot be changed.")
            if field == "name":
                value = _checked_name(value, of=tenant.id)
            elif field == "slug":
                value = _checked_slug(value, of=tenant.id)
            setattr(tenant, field, value)
        record = {f: [before[f], getattr(tenant, f)] for f in changes if before[f] != getattr(tenant, f)}
        if record:
            save_changed(tenant, *record)
            audit.record("tenants.tenant.updated", on=tenant, changes=record, actor=actor)
            forget_on_commit(tenant)
    return tenant

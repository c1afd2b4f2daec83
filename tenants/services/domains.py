"""Hosts on which a tenant's console and API answer."""

from __future__ import annotations

import re
from ipaddress import ip_address
from uuid import UUID

from django.conf import settings
from django.db import transaction

from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.request import Actor
from tenants.models import Domain, Tenant
from tenants.services.base import field_error, forget_on_commit, locked

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def host_checked(text: str) -> str:
    """A host as it is kept: lower case, without port, international letters as ``xn--``.

    Raises InvalidInput for an address, a single word, a wildcard, or a host of the platform.
    """
    host = text.strip().lower().rstrip(".")
    try:
        if not host.isascii():
            host = host.encode("idna").decode()
    except UnicodeError:
        raise field_error("domain", "invalid", "This is no host name.") from None
    if _is_address(host):
        raise field_error("domain", "invalid", "A name is needed, not a network address.")
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels):
        raise field_error(
            "domain", "invalid", "A host name is needed, like risk.bank.example, without port or path."
        )
    if host in {name.strip("[]") for name in settings.PLATFORM_HOSTS}:
        raise field_error("domain", "reserved", "This host is the platform's own.")
    return host


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@transaction.atomic
def domain_add(*, tenant: Tenant, domain: str, actor: Actor) -> Domain:
    """Let the tenant answer on one more host. Raises Conflict for a host that somebody has."""
    with in_public():
        tenant = locked(tenant.id)
        host = host_checked(domain)
        if Domain.objects.filter(domain=host).exists():
            raise Conflict("This host belongs to a tenant already.", code="duplicate_domain")
        row: Domain = Domain.objects.create(
            tenant=tenant, domain=host, is_primary=not tenant.domains.exists()
        )
        audit.record("tenants.domain.added", on=tenant, changes={"domain": host}, actor=actor)
        forget_on_commit(tenant)
    return row


@transaction.atomic
def domain_remove(*, domain_id: int, actor: Actor) -> None:
    """Take a host from its tenant; the next one becomes the primary. The last one stays.

    Raises Conflict for the last, so that nobody locks an institution out.
    """
    with in_public():
        row, tenant = _locked_domain(domain_id)
        others = tenant.domains.exclude(pk=row.pk).order_by("pk")
        heir = others.first()
        if heir is None:
            raise Conflict("An institution keeps one host at least.", code="last_domain")
        host = row.domain
        forget_on_commit(tenant)
        row.delete()
        if row.is_primary:
            heir.is_primary = True
            heir.save()
        audit.record("tenants.domain.removed", on=tenant, changes={"domain": host}, actor=actor)


@transaction.atomic
def domain_make_primary(*, domain_id: int, actor: Actor) -> Domain:
    """The host that links and mails name."""
    with in_public():
        row, tenant = _locked_domain(domain_id)
        before = tenant.domains.filter(is_primary=True).values_list("domain", flat=True).first()
        row.is_primary = True
        row.save()
        change = {"primary": [before, row.domain]}
        audit.record("tenants.domain.made_primary", on=tenant, changes=change, actor=actor)
        forget_on_commit(tenant)
    return row


def _locked_domain(domain_id: int) -> tuple[Domain, Tenant]:
    """A host and its tenant, under the tenant's lock, so that two removals queue."""
    tenant_id: UUID | None = Domain.objects.filter(pk=domain_id).values_list("tenant_id", flat=True).first()
    if tenant_id is None:
        raise Absent()
    tenant = locked(tenant_id)
    row = tenant.domains.filter(pk=domain_id).first()
    if row is None:
        raise Absent()
    return row, tenant

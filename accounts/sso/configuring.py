"""An institution's provider and domains, set by its admins; domains confirmed by the platform."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.sso import outbound
from accounts.sso.errors import ProviderUnreachable
from accounts.sso.models import PROVIDER_ROLES, Connection, EmailDomain
from accounts.sso.services import SECRET_PURPOSE
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Conflict, InvalidInput
from tenants.kernel.request import Actor
from tenants.kernel.sealing import seal
from tenants.models import OrganizationEntry

FIELDS = (
    "issuer",
    "client_id",
    "scopes",
    "role_claim",
    "role_map",
    "default_role",
    "organization_id",
    "provider_mfa",
    "break_glass",
    "is_active",
)


def _fault(field: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": "invalid", "detail": detail}])


@transaction.atomic
def connection_set(
    *, tenant_id: UUID, values: dict[str, Any], client_secret: str | None, actor: Actor
) -> Connection:
    """Set the institution's provider; fields not named stay, ``client_secret`` None keeps the old one.

    Raises InvalidInput.
    """
    with in_public():
        connection = Connection.objects.select_for_update().filter(tenant_id=tenant_id).first() or Connection(
            tenant_id=tenant_id
        )
        changes = {}
        for field in FIELDS:
            if field in values and (before := getattr(connection, field)) != values[field]:
                changes[field] = [str(before or ""), str(values[field] or "")]
                setattr(connection, field, values[field])
        if client_secret is not None:
            connection.secret_sealed = seal(client_secret, purpose=SECRET_PURPOSE) if client_secret else ""
            changes["client_secret"] = ["", ""]
        _check(connection)
        connection.save()
    audit.record("accounts.sso.configured", on=connection, changes=changes, actor=actor)
    return connection


def _check(connection: Connection) -> None:
    try:
        outbound.checked(connection.issuer)
    except ProviderUnreachable as error:
        raise _fault("issuer", str(error)) from None
    if not isinstance(connection.role_map, dict) or not all(
        isinstance(value, str) and role in PROVIDER_ROLES for value, role in connection.role_map.items()
    ):
        raise _fault("role_map", f"Map values to one of {', '.join(PROVIDER_ROLES)}.")
    if connection.default_role and connection.default_role not in PROVIDER_ROLES:
        raise _fault("default_role", f"Give one of {', '.join(PROVIDER_ROLES)}, or nothing.")
    if "openid" not in connection.scopes.split():
        raise _fault("scopes", "openid must be among them.")
    if not connection.client_id:
        raise _fault("client_id", "A client id is needed.")
    entries = OrganizationEntry.objects.filter(tenant_id=connection.tenant_id)
    if connection.organization_id and not entries.filter(id=connection.organization_id).exists():
        raise _fault("organization_id", "There is no such organization here.")


@transaction.atomic
def connection_remove(*, tenant_id: UUID, actor: Actor) -> None:
    """Do without a provider; raises Conflict where there is none."""
    with in_public():
        connection = Connection.objects.filter(tenant_id=tenant_id).first()
        if connection is None:
            raise Conflict("There is no identity provider to remove.", code="sso_off")
        connection.delete()
    audit.record("accounts.sso.removed", changes={"issuer": connection.issuer}, actor=actor)


@transaction.atomic
def domain_claim(*, tenant_id: UUID, domain: str, actor: Actor) -> EmailDomain:
    """Say that a domain of addresses is the institution's; it counts once the platform has confirmed it."""
    with in_public():
        row = EmailDomain(tenant_id=tenant_id, domain=domain.strip().lower().removeprefix("@"))
        try:
            row.clean_fields()
        except ValidationError:
            raise _fault("domain", "Give a domain such as example.com.") from None
        if EmailDomain.objects.filter(tenant_id=tenant_id, domain=row.domain).exists():
            raise Conflict("This domain is on the list already.", code="duplicate_domain")
        row.save()
    audit.record("accounts.sso.domain_claimed", on=row, actor=actor)
    return row


@transaction.atomic
def domain_remove(*, tenant_id: UUID, domain_id: UUID, actor: Actor) -> None:
    """Take a domain off the list; raises Absent."""
    with in_public():
        row = EmailDomain.objects.filter(tenant_id=tenant_id, pk=domain_id).first()
        if row is None:
            raise Absent()
        label = row.domain
        row.delete()
    audit.record("accounts.sso.domain_removed", changes={"domain": label}, actor=actor)


@transaction.atomic
def domain_confirm(*, domain_id: UUID, actor: Actor) -> EmailDomain:
    """Say, for the platform, that the institution owns the domain: whoever does it has seen the proof.

    Raises Absent, and Conflict where another institution has it.
    """
    with in_public():
        row = EmailDomain.objects.select_for_update().filter(pk=domain_id).first()
        if row is None:
            raise Absent()
        others = EmailDomain.objects.filter(domain=row.domain).exclude(pk=row.pk)
        if others.exclude(confirmed_at=None).exists():
            raise Conflict("Another institution has this domain.", code="domain_taken")
        if row.confirmed_at is None:
            row.confirmed_at = timezone.now()
            row.save(update_fields=["confirmed_at"])
            audit.record("accounts.sso.domain_confirmed", on=row, actor=actor)
    return row

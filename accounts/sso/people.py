"""Who the provider's person is here: found by his subject, linked by his address, made where he is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import services as accounts
from accounts.memberships import membership_change
from accounts.models import Membership, MembershipState, User
from accounts.permissions import Role
from accounts.recovery.services import account_reclaim
from accounts.sso.errors import SsoNoPlace, SsoRefused
from accounts.sso.models import PROVIDER_ROLES, Connection, EmailDomain, Link
from tenants.kernel import audit, scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.request import Actor

# From weak to strong: of several values that fit, the strongest counts.
RANKS = (Role.VIEWER, Role.ANALYST, Role.ADMIN)


def provider_actor(connection: Connection) -> Actor:
    """Who has done what a provider's claims bring about."""
    return Actor(None, f"identity provider {connection.issuer}"[:254])


def role_from(connection: Connection, claims: dict[str, Any]) -> Role | None:
    """The role that the claims give: the strongest that fits, else the default, else none.

    Only roles of an organization below its owner: whatever the mapping holds, a provider makes neither
    owners nor admins of the institution.
    """
    value = claims.get(connection.role_claim) if connection.role_claim else None
    values = [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)]
    mapped = {connection.role_map.get(v) for v in values}
    fitting = [role for role in RANKS if role.value in mapped]
    if fitting:
        return fitting[-1]
    return Role(connection.default_role) if connection.default_role in PROVIDER_ROLES else None


@transaction.atomic
def person_arrives(*, tenant: TenantRef, connection: Connection, claims: dict[str, Any]) -> User:
    """The user behind the claims, with a place in the institution and the role that the claims give.

    Writes this institution's link and memberships only. Raises SsoRefused and SsoNoPlace.
    """
    with in_public():
        user = _known(connection, claims) or _linked(connection, claims)
    if not user.is_active or user.is_super_admin:
        # An institution's provider never opens an operator's account.
        raise SsoRefused()
    _place(tenant, connection, user, role_from(connection, claims))
    return user


def _known(connection: Connection, claims: dict[str, Any]) -> User | None:
    links = Link.objects.select_related("user").filter(
        tenant_id=connection.tenant_id, issuer=connection.issuer, subject=str(claims["sub"])
    )
    link = links.first()
    if link is None:
        return None
    links.update(last_used_at=timezone.now())
    return link.user


def _linked(connection: Connection, claims: dict[str, Any]) -> User:
    """The user of a verified address in a domain of this institution, linked from now on, or made."""
    address = str(claims.get("email") or "").strip()
    if claims.get("email_verified") is not True:
        raise SsoNoPlace("Your identity provider does not say that your address is verified.")
    try:
        validate_email(address)
    except ValidationError:
        raise SsoNoPlace("Your identity provider gives no address.") from None
    domain = address.rpartition("@")[2].lower()
    confirmed = EmailDomain.objects.filter(tenant_id=connection.tenant_id, domain=domain)
    if not confirmed.exclude(confirmed_at=None).exists():
        raise SsoNoPlace("Your address is in no domain that this institution has proved to own.")
    user = User.objects.by_email(address)
    actor = provider_actor(connection)
    if user is None:
        name = str(claims.get("name") or "")[:200]
        user = accounts.user_create(email=address, password=None, full_name=name, verified=True, actor=actor)
    elif user.is_super_admin:
        raise SsoRefused()
    if Link.objects.filter(tenant_id=connection.tenant_id, issuer=connection.issuer, user=user).exists():
        # The address belongs to somebody with another subject: the provider has given it out again.
        raise SsoNoPlace("Another person of your identity provider uses this account.")
    if user.email_verified_at is None:
        # Anybody could have registered the address; its owner comes now, and nobody else's password opens it.
        account_reclaim(user=user, password=None, actor=actor)
    link = Link.objects.create(
        user=user, tenant_id=connection.tenant_id, issuer=connection.issuer, subject=str(claims["sub"])
    )
    change = {"user": str(user.id), "issuer": connection.issuer, "subject": link.subject}
    audit.record("accounts.sso.linked", on=user, changes=change, actor=actor)
    return user


def _place(tenant: TenantRef, connection: Connection, user: User, role: Role | None) -> None:
    """Give the user his place and role in the institution; raises SsoNoPlace where there is none."""
    with in_public():
        # Locked: people may be changing the same memberships.
        mine_here = Membership.objects.filter(user=user, tenant_id=tenant.id)
        held = list(mine_here.select_for_update(of=("self",)).order_by("id"))
        active = [m for m in held if m.state == MembershipState.ACTIVE]
        mine = next((m for m in held if m.organization_id == connection.organization_id), None)
        rules_there = any(m.role in {Role.TENANT_ADMIN, Role.OWNER} for m in active)
        if role is None and not rules_there:
            raise SsoNoPlace()
        if mine is not None and mine.state == MembershipState.ACTIVE and mine.role in PROVIDER_ROLES:
            if role is not None and role != mine.role:
                _change_role(tenant, connection, mine, role)
            return
        if active:
            return
    if held or role is None or connection.organization_id is None:
        # Suspended here, or nowhere to go: people decide that, not the provider.
        raise SsoNoPlace()
    enter: Callable[..., Any] = import_string(settings.SSO_MEMBER_SERVICE)
    sight = scope.organizations([connection.organization_id], reason="single sign-on")
    with in_tenant(tenant), sight:
        enter(
            user=user,
            organization_id=connection.organization_id,
            role=role,
            vouched=True,
            actor=provider_actor(connection),
        )


def _change_role(tenant: TenantRef, connection: Connection, membership: Membership, role: Role) -> None:
    before, actor = membership.role, provider_actor(connection)
    membership_change(membership=membership, role=role, actor=actor)
    with in_tenant(tenant):
        audit.record(
            "accounts.membership.role_changed",
            on=membership,
            changes={"user": str(membership.user_id), "role": [before, role]},
            actor=actor,
        )

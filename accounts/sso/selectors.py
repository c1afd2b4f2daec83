"""What single sign-on means for who wants in."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Membership, MembershipState, User
from accounts.permissions import Role
from accounts.sso.models import Connection
from tenants import modules
from tenants import selectors as directory
from tenants.kernel.context import in_public


def provider_asked(user: User, tenant_id: UUID | None) -> bool:
    """Whether an institution takes this user only by its provider.

    So it is where the institution says so and its provider is in force; not for operators of the platform,
    and not for the institution's admins where they keep their password for the day the provider fails.
    """
    tenant = directory.tenant_by_id(tenant_id) if tenant_id else None
    if tenant is None or not tenant.settings.sso_only or user.is_super_admin:
        return False
    with in_public():
        connection = Connection.objects.filter(tenant_id=tenant.id, is_active=True).first()
        if connection is None:
            return False
        runs_it = Membership.objects.filter(
            user=user, tenant_id=tenant.id, role=Role.TENANT_ADMIN, state=MembershipState.ACTIVE
        )
        return not (connection.break_glass and runs_it.exists())


def provider_start(tenant_id: UUID | None) -> str | None:
    """Where a browser begins to sign in to the console by the institution's provider, if it has one."""
    if tenant_id is None or not modules.is_on("sso"):
        return None
    with in_public():
        there = Connection.objects.filter(tenant_id=tenant_id, is_active=True).exists()
    return "/api/v1/auth/sso/start?console=true" if there else None

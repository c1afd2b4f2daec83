"""An institution of one's own: what somebody gets who brings an organization and has no institution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.permissions import Role
from organizations.models import Organization
from organizations.services import tenant_open
from organizations.services.members import member_add
from organizations.services.preferences import organization_update
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant
from tenants.kernel.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Founded:
    """A small institution with its one organization and its founder."""

    tenant: TenantRef
    organization: Organization
    founder: User


@transaction.atomic
def small_tenant_open(*, user_id: UUID, name: str, description: str = "", **values: Any) -> Founded:
    """A small institution with one organization, administered and owned by a person with a verified address.

    Raises Forbidden where the platform does not allow it, or before the address is verified.
    """
    if not directory.platform_settings().small_tenants_allowed:
        raise Forbidden("The platform makes no institutions this way.", code="small_tenants_off")
    with in_public():
        user = User.objects.select_related("profile").get(pk=user_id)
    if user.email_verified_at is None:
        raise Forbidden("Verify your e-mail address first.", code="unverified")
    opened = tenant_open(
        name=name, description=description, admin_email=user.email, admin_password=None, actor=user.actor
    )
    ref = opened.tenant.ref
    with in_tenant(ref), scope.organizations({opened.organization_id}, reason="found an institution"):
        member_add(user=user, organization_id=opened.organization_id, role=Role.OWNER, actor=user.actor)
        organization = organization_update(
            organization_id=opened.organization_id,
            changes={"description": description, **values},
            actor=user.actor,
        )
    return Founded(ref, organization, user)

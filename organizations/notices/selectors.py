"""Reads of notices: always one person's own."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Membership, MembershipState, User
from accounts.permissions import Role
from organizations.notices.models import Notice
from tenants.kernel.context import current_tenant, in_public


def notices_of(user_id: UUID) -> QuerySet[Notice]:
    """A person's notices in the active scope, the newest first."""
    rows: QuerySet[Notice] = Notice.objects.filter(user_id=user_id)
    return rows


def unread_count(user_id: UUID) -> int:
    """How many of them nobody has read."""
    return notices_of(user_id).filter(read_at=None).count()


def receivers(user_ids: Iterable[UUID], organization_id: UUID) -> dict[User, Role]:
    """Of these people those who may know what happens in the organization, with the role that lets them.

    Whoever has left it meanwhile, is suspended or never was there is told nothing.
    """
    wanted, tenant_id = set(user_ids), current_tenant().id
    with in_public():
        here = Q(organization_id=organization_id) | Q(role=Role.TENANT_ADMIN)
        held = Membership.objects.filter(
            here, tenant_id=tenant_id, user_id__in=wanted, state=MembershipState.ACTIVE
        )
        roles: dict[UUID, Role] = {}
        for user_id, role in held.values_list("user_id", "role"):
            if roles.get(user_id) != Role.TENANT_ADMIN:
                roles[user_id] = Role(role)
        people = User.objects.filter(id__in=wanted, is_active=True).select_related("profile").order_by("id")
        found = {user: Role.SUPER_ADMIN if user.is_super_admin else roles.get(user.id) for user in people}
    return {user: role for user, role in found.items() if role is not None}

"""Whom an administrator may look after, and what he sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Membership, MembershipState, User, UserState
from accounts.permissions import Role
from accounts.selectors import effective_role
from accounts.standing.models import Change, StatusChange
from tenants import selectors as directory
from tenants.kernel.context import RESERVED, in_public
from tenants.kernel.errors import Absent
from tenants.kernel.principal import Principal

# From strong to weak.
STRENGTH = (Role.SUPER_ADMIN, Role.TENANT_ADMIN, Role.OWNER, Role.ADMIN, Role.ANALYST, Role.VIEWER)
# Above these nobody of the house stands, so they look after one another; the last of them stays.
TOP = frozenset({Role.SUPER_ADMIN, Role.TENANT_ADMIN})


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody administers users: one organization, one tenant, or (neither) the platform."""

    tenant_id: UUID | None = None
    organization_id: UUID | None = None

    @property
    def is_platform(self) -> bool:
        return self.tenant_id is None

    @property
    def place(self) -> dict[str, UUID]:
        """The reach as a filter of rows that name tenant and organization."""
        wanted = {"tenant_id": self.tenant_id, "organization_id": self.organization_id}
        return {name: value for name, value in wanted.items() if value is not None}


PLATFORM = Reach()


def reach_of(principal: Principal) -> Reach:
    """How far the caller's present role reaches among users.

    A super admin looks after everybody, and inside an institution after its people only.
    """
    tenant = directory.tenant_by_id(principal.tenant_id) if principal.tenant_id else None
    if principal.role == Role.SUPER_ADMIN:
        return PLATFORM if tenant is None or tenant.schema_name in RESERVED else Reach(tenant.id)
    if tenant is None:
        raise Absent()
    if principal.reaches_tenant:
        return Reach(tenant.id)
    return Reach(tenant.id, principal.organization_id)


def users_in(reach: Reach) -> QuerySet[User]:
    """The users of a reach. Build and run it in public."""
    users = User.objects.select_related("profile")
    if reach.is_platform:
        return users.exclude(state=UserState.ARCHIVED)
    held = Membership.objects.filter(**reach.place)
    return users.filter(id__in=held.values("user_id"))


def user_in(reach: Reach, user_id: str) -> User:
    """One of them; raises Absent for a stranger and for nobody alike."""
    try:
        wanted = UUID(str(user_id))
    except ValueError:
        raise Absent() from None
    with in_public():
        user = users_in(reach).filter(id=wanted).first()
    if user is None:
        raise Absent()
    return user


def role_in(reach: Reach, memberships: list[Membership], *, is_super_admin: bool) -> Role | None:
    """The strongest role that a user holds within the reach; None for an individual."""
    if is_super_admin and reach.is_platform:
        return Role.SUPER_ADMIN
    roles = {m.role for m in memberships}
    return next((role for role in STRENGTH if role.value in roles), None)


def stands_below(theirs: Role | None, mine: Role) -> bool:
    """Whether somebody in one role may touch somebody in another: who stands lower, as in organizations
    (``organizations.authority``), and at the top one's peers."""
    if theirs is None or (theirs == mine and mine in TOP):
        return True
    return STRENGTH.index(theirs) > STRENGTH.index(mine)


def is_shut_out(user_id: UUID, tenant_id: UUID) -> bool:
    """Whether the institution as a whole keeps somebody out now: no single organization lets him in again."""
    with in_public():
        changes = StatusChange.objects.filter(user_id=user_id, tenant_id=tenant_id, organization_id=None)
        last = changes.first()
    if last is None or last.change not in {Change.SUSPENDED, Change.DEACTIVATED}:
        return False
    return last.until is None or last.until > timezone.now()


def rows_of(users: list[User], reach: Reach) -> list[dict[str, Any]]:
    """Users as administrators read them: standing, role and place as seen from the reach."""
    with in_public():
        held = Membership.objects.filter(user__in=users, **reach.place).exclude(
            tenant__schema_name__in=RESERVED
        )
        by_user: dict[UUID, list[Membership]] = {}
        for membership in held.order_by("id"):
            by_user.setdefault(membership.user_id, []).append(membership)
    return [_row(user, by_user.get(user.id, []), reach) for user in users]


def _row(user: User, memberships: list[Membership], reach: Reach) -> dict[str, Any]:
    role = role_in(reach, memberships, is_super_admin=user.is_super_admin)
    main = next((m for m in memberships if m.role == role), None)
    let_in = reach.is_platform or any(m.state == MembershipState.ACTIVE for m in memberships)
    state, until = _standing(user, memberships, let_in=let_in)
    return {
        "id": user.id,
        "email": user.email,
        "username": user.profile.username or user.email.partition("@")[0],
        "full_name": user.profile.full_name,
        "job_title": user.profile.job_title,
        "role": effective_role(role),
        "membership_role": role,
        "is_active": user.is_active and let_in,
        "state": state,
        "suspended_until": until,
        "email_verified": user.email_verified_at is not None,
        "organization_id": main.organization_id if main else None,
        "tenant_id": main.tenant_id if main else None,
        "last_login": user.last_login,
        "created_at": user.created_at,
    }


def _standing(user: User, memberships: list[Membership], *, let_in: bool) -> tuple[str, datetime | None]:
    if user.is_active and not let_in:
        ends = [m.suspended_until for m in memberships]
        return UserState.SUSPENDED, min((end for end in ends if end), default=None)
    return user.state, user.suspended_until


def history_of(user: User, reach: Reach) -> list[StatusChange]:
    """Changes of a user's standing, the newest first: those of the reach, and those of the platform."""
    with in_public():
        changes = StatusChange.objects.filter(user=user)
        if not reach.is_platform:
            changes = changes.filter(Q(**reach.place) | Q(tenant=None))
        return list(changes[:200])


def active_tenant_admins(tenant_id: UUID) -> QuerySet[Membership]:
    """Who administers a tenant and can sign in."""
    return Membership.objects.filter(
        tenant_id=tenant_id, role=Role.TENANT_ADMIN, state=MembershipState.ACTIVE, user__is_active=True
    )

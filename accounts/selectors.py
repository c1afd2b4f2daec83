"""Reads of identity that take a user: where he may work, and who he is to the outside."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.models import AuthSession, Membership, MembershipState, User
from accounts.permissions import Role
from tenants.kernel.context import PERSONAL, REFERENCE, in_public
from tenants.models import OrganizationEntry, OrganizationState, Tenant, TenantState


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant and, in it, an organization in which a user can work."""

    tenant: Tenant
    organization: OrganizationEntry | None
    role: Role

    @property
    def organization_id(self) -> UUID | None:
        return self.organization.id if self.organization else None


def places_of(user: User, *, tenant_id: UUID | None = None) -> list[Place]:
    """Where the user may work now: institutions first, his personal workspace last."""
    with in_public():
        held = Membership.objects.filter(
            user=user, state=MembershipState.ACTIVE, tenant__state=TenantState.ACTIVE
        ).select_related("tenant")
        if tenant_id is not None:
            held = held.filter(tenant_id=tenant_id)
        memberships = list(held.order_by("id").prefetch_related("tenant__domains"))
        entries = OrganizationEntry.objects.filter(
            tenant_id__in={m.tenant_id for m in memberships}, state=OrganizationState.ACTIVE
        )
        by_id = {entry.id: entry for entry in entries}
    places = []
    for membership in memberships:
        if membership.organization_id is None:
            places.append(Place(membership.tenant, None, Role(membership.role)))
        elif membership.organization_id in by_id:
            entry = by_id[membership.organization_id]
            places.append(Place(membership.tenant, entry, Role(membership.role)))
    return sorted(places, key=lambda place: place.tenant.schema_name == PERSONAL)


def starting_place(user: User, *, tenant_id: UUID | None) -> Place | None:
    """Where a log-in begins: where the user worked last if he still may, else his first place.

    A super admin begins in the reference tenant, or in the tenant on whose host he signs in.
    """
    with in_public():
        if user.is_super_admin:
            tenants = Tenant.objects.filter(state=TenantState.ACTIVE)
            wanted = tenants.filter(id=tenant_id) if tenant_id else tenants.filter(schema_name=REFERENCE)
            if (tenant := wanted.first()) is None:
                return None
            entry = OrganizationEntry.objects.filter(tenant=tenant, is_default=True).first()
            return Place(tenant, entry, Role.SUPER_ADMIN)
        places = places_of(user, tenant_id=tenant_id)
        last = AuthSession.objects.filter(user=user).order_by("-last_used_at").first()
    for place in places:
        if last and (place.tenant.id, place.organization_id) == (last.tenant_id, last.organization_id):
            return place
    return places[0] if places else None


def effective_role(role: str | None) -> str:
    """One role name per user, as clients with a single role field read it."""
    names: dict[str | None, str] = {
        Role.SUPER_ADMIN: "super_admin",
        Role.TENANT_ADMIN: "tenant_admin",
        Role.OWNER: "org_admin",
        Role.ADMIN: "org_admin",
        Role.ANALYST: "org_member",
        Role.VIEWER: "org_member",
    }
    return names.get(role, "user")


def emails_of(user_ids: set[UUID]) -> dict[UUID, str]:
    """Addresses by user id, for lists that show who made a row."""
    with in_public():
        return dict(User.objects.filter(id__in=user_ids).values_list("id", "email"))

"""Reads of identity that take a user: where he may work, and who he is to the outside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from accounts.models import AuthSession, Membership, MembershipState, User
from accounts.permissions import OPEN_TO_MEMBERS, Role
from tenants import selectors as directory
from tenants.kernel.context import PERSONAL, REFERENCE, in_public
from tenants.models import OrganizationEntry, Tenant, TenantState


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
            tenant_id__in={m.tenant_id for m in memberships}, state__in=OPEN_TO_MEMBERS
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


def place_in(user: User, *, tenant_id: UUID | None, organization_id: UUID | None) -> Place | None:
    """The user's place in an organization (of any tenant unless one is named), or in a tenant as a whole.

    Whoever reaches a whole tenant may work in each organization of it that is not put away.
    """
    if organization_id is None:
        if tenant_id is None:
            return None
        with in_public():
            tenant = Tenant.objects.filter(id=tenant_id, state=TenantState.ACTIVE).first()
        role = standing_of(user.pk, tenant_id=tenant_id, organization_id=None)
        return Place(tenant, None, role) if tenant and role else None
    places = places_of(user, tenant_id=tenant_id)
    if found := next((p for p in places if p.organization_id == organization_id), None):
        return found
    with in_public():
        entry = (
            OrganizationEntry.objects.select_related("tenant")
            .filter(id=organization_id, tenant__state=TenantState.ACTIVE, state__in=OPEN_TO_MEMBERS)
            .first()
        )
    if entry is None or (tenant_id is not None and entry.tenant_id != tenant_id):
        return None
    role = standing_of(user.pk, tenant_id=entry.tenant_id, organization_id=None)
    return Place(entry.tenant, entry, role) if role else None


def place_to_fall_back(user: User, *, tenant_id: UUID | None, host_tenant_id: UUID | None) -> Place | None:
    """Where a session goes on whose organization is lost: in the same tenant, else elsewhere, else nowhere.

    On a tenant's host (``host_tenant_id``) it never leaves that tenant.
    """
    places = places_of(user, tenant_id=host_tenant_id)
    return next((p for p in places if p.tenant.id == tenant_id), places[0] if places else None)


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


def standing_of(user_id: UUID | None, *, tenant_id: UUID, organization_id: UUID | None) -> Role | None:
    """The strongest role in which somebody acts towards an organization (None: towards the tenant).

    Read afresh, for services that decide what one person may do to another.
    """
    if user_id is None:
        return None
    with in_public():
        user = User.objects.filter(id=user_id, is_active=True).first()
        if user is None:
            return None
        if user.is_super_admin:
            return Role.SUPER_ADMIN
        held = Membership.objects.filter(user=user, tenant_id=tenant_id, state=MembershipState.ACTIVE)
        roles = dict(held.values_list("organization_id", "role"))
    role = roles.get(None) or (roles.get(organization_id) if organization_id else None)
    return Role(role) if role else None


def members_of(organization_ids: Collection[UUID], *, tenant_id: UUID) -> QuerySet[Membership]:
    """Memberships of organizations of a tenant with their users; the caller runs it in public."""
    rows = Membership.objects.filter(tenant_id=tenant_id, organization_id__in=organization_ids)
    return rows.select_related("user__profile").order_by("created_at", "id")


def first_members(
    organization_ids: Collection[UUID], *, most: int, tenant_id: UUID | None = None
) -> dict[UUID, list[Membership]]:
    """The first so many members of each organization with their users, in one query."""
    found: dict[UUID, list[Membership]] = {}
    if not organization_ids:
        return found
    with in_public():
        rows = Membership.objects.filter(organization_id__in=organization_ids)
        if tenant_id is not None:
            rows = rows.filter(tenant_id=tenant_id)
        place = Window(RowNumber(), partition_by=F("organization_id"), order_by=[F("created_at"), F("id")])
        chosen = rows.annotate(place=place).filter(place__lte=most).select_related("user__profile")
        for row in chosen.order_by("created_at", "id"):
            found.setdefault(row.organization_id, []).append(row)  # type: ignore[arg-type]
    return found


@dataclass(frozen=True, slots=True)
class Headcount:
    """How many people an organization has, and how many of them may enter."""

    members: int = 0
    active: int = 0
    admins: int = 0


def headcounts(organization_ids: Collection[UUID]) -> dict[UUID, Headcount]:
    """People by organization, in one query."""
    live = Q(state=MembershipState.ACTIVE, user__is_active=True)
    with in_public():
        rows = (
            Membership.objects.filter(organization_id__in=organization_ids)
            .values("organization_id")
            .annotate(
                all=Count("*"),
                live=Count("id", filter=live),
                admins=Count("id", filter=Q(role__in=[Role.OWNER, Role.ADMIN])),
            )
            .order_by()
        )
        return {
            r["organization_id"]: Headcount(r["all"], r["live"], r["admins"])
            for r in rows
            if r["organization_id"] is not None
        }


def owners_of(organization_ids: Collection[UUID]) -> dict[UUID, User]:
    """Owners by organization, with their profiles, in one query; a workspace is its individual's."""
    with in_public():
        own = [Role.OWNER, Role.INDIVIDUAL]
        rows = Membership.objects.filter(organization_id__in=organization_ids, role__in=own)
        return {m.organization_id: m.user for m in rows.select_related("user__profile") if m.organization_id}


def latest_end(begun: datetime, tenant_id: UUID | None) -> datetime:
    """When a session ends at the latest that works in this tenant: by its own hours, where it has set any."""
    lifetime: timedelta = settings.REFRESH_TOKEN_LIFETIME
    tenant = directory.tenant_by_id(tenant_id) if tenant_id else None
    if tenant is not None and tenant.settings.session_hours is not None:
        lifetime = min(lifetime, timedelta(hours=tenant.settings.session_hours))
    return begun + lifetime

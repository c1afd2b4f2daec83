"""Reads of organizations that take a caller."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts.models import Membership, MembershipState
from accounts.permissions import Role
from organizations.models import OfferState, Organization, OwnershipOffer, StateChange
from tenants import selectors as tenants
from tenants.kernel.context import TenantRef, current_tenant, in_public
from tenants.kernel.errors import Conflict
from tenants.kernel.principal import Principal
from tenants.models import OrganizationEntry, OrganizationState, Tenant


def working_organization(principal: Principal) -> UUID:
    """Where what the caller makes belongs: his active organization, else the tenant's default one.

    Raises Conflict where there is none, or where it is not active: nothing is made there.
    """
    if principal.organization_id is not None and not principal.reaches_tenant:
        # A member's organization: the rule of tenancy has asked for its state.
        return principal.organization_id
    tenant = current_tenant()
    with in_public():
        entries = OrganizationEntry.objects.filter(tenant_id=tenant.id)
        if principal.organization_id is not None:
            entry = entries.filter(id=principal.organization_id).first()
        else:
            entry = entries.filter(is_default=True).first()
    if entry is None:
        raise Conflict("Choose an organization to work in first.", code="no_active_organization")
    if entry.state != OrganizationState.ACTIVE:
        raise Conflict("This organization is not active.", code="organization_not_active")
    return entry.id


def tenant_of(organization_id: UUID) -> TenantRef | None:
    """The tenant of an organization by the directory, or None."""
    with in_public():
        entry = OrganizationEntry.objects.filter(id=organization_id).only("tenant_id").first()
    return tenants.tenant_by_id(entry.tenant_id) if entry else None


def entries_of_institutions() -> QuerySet[OrganizationEntry]:
    """Organizations of every institution with their tenants, for operators; the caller is in public."""
    rows = OrganizationEntry.objects.filter(tenant__in=Tenant.objects.institutions())
    return rows.select_related("tenant").order_by("-created_at", "-id")


def has_owner(organization: Organization) -> bool:
    """Whether somebody owns the organization."""
    with in_public():
        return Membership.objects.filter(organization_id=organization.id, role=Role.OWNER).exists()


def state_changes(organization: Organization) -> QuerySet[Any]:
    """The life of an organization, the newest step first."""
    rows: QuerySet[Any] = StateChange.objects.filter(organization=organization).order_by("-id")
    return rows


def pending_offer(organization: Organization, *, for_user: UUID | None) -> OwnershipOffer | None:
    """The offer that waits for an answer; with ``for_user`` only one that is made to him."""
    rows = OwnershipOffer.objects.filter(
        organization=organization, state=OfferState.PENDING, expires_at__gt=timezone.now()
    )
    if for_user is not None:
        rows = rows.filter(to_user_id=for_user)
    found: OwnershipOffer | None = rows.first()
    return found


def job_titles(organization: Organization) -> list[dict[str, Any]]:
    """How many active members have which job title, the most frequent first."""
    with in_public():
        rows = (
            Membership.objects.filter(
                organization_id=organization.id, state=MembershipState.ACTIVE, user__is_active=True
            )
            .values("user__profile__job_title")
            .annotate(count=Count("*"))
            .order_by("-count", "user__profile__job_title")
        )
        return [{"job_title": row["user__profile__job_title"] or "", "count": row["count"]} for row in rows]


def names_of(organization_ids: set[UUID]) -> dict[UUID, str]:
    """Names by id, from the directory."""
    with in_public():
        rows = OrganizationEntry.objects.filter(id__in=organization_ids)
        return dict(rows.values_list("id", "name"))


def global_data_allowed(principal: Principal) -> bool:
    """Whether the caller reads the platform's reference data: members as their organization says."""
    if principal.organization_id is None or principal.reaches_tenant:
        return True
    flags = Organization.objects.filter(id=principal.organization_id)
    return bool(flags.values_list("allow_global_data_access", flat=True).first())

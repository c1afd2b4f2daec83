"""Reads of organizations that take a caller."""

from __future__ import annotations

from uuid import UUID

from organizations.models import Organization
from tenants.kernel.context import current_tenant, in_public
from tenants.kernel.errors import Conflict
from tenants.kernel.principal import Principal
from tenants.models import OrganizationEntry


def working_organization(principal: Principal) -> UUID:
    """Where what the caller makes belongs: his active organization, else the tenant's default one."""
    if principal.organization_id is not None:
        return principal.organization_id
    tenant = current_tenant()
    with in_public():
        entry = OrganizationEntry.objects.filter(tenant_id=tenant.id, is_default=True).first()
    if entry is None:
        raise Conflict("Choose an organization to work in first.", code="no_active_organization")
    return entry.id


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

"""The directory's copy of an organization, kept in the transaction of each change."""

from __future__ import annotations

from organizations.models import Organization
from tenants.kernel.context import current_tenant, in_public
from tenants.models import OrganizationEntry

COPIED = (
    "name",
    "slug",
    "state",
    "is_default",
    "description",
    "domain",
    "max_users",
    "default_role",
    "join_enabled",
    "allow_global_data_access",
    "created_at",
)


def entry_write(organization: Organization) -> None:
    """Bring the entry of an organization up to date, or make it."""
    values = {field: getattr(organization, field) for field in COPIED}
    tenant = current_tenant()
    with in_public():
        OrganizationEntry.objects.update_or_create(
            id=organization.id, defaults={**values, "tenant_id": tenant.id}
        )

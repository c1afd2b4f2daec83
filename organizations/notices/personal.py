"""What notices hold of a person: those that were addressed to him. Named in PERSONAL_DATA_SOURCES."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Membership, User
from accounts.privacy.exporting import rows
from accounts.privacy.sources import Part
from organizations.notices.models import Notice
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant


def collect(user: User) -> Iterable[Part]:
    """The user's notices in each institution."""
    for tenant in _tenants_of(user):
        with in_tenant(tenant), scope.every_organization(reason="export of personal data"):
            if found := rows(Notice.objects.filter(user_id=user.pk)):
                yield f"notices_{tenant.slug}", found


def erase(user: User, email: str) -> None:
    """Remove them: nobody else reads them, and their words may name him."""
    for tenant in _tenants_of(user):
        with in_tenant(tenant), scope.every_organization(reason="archive a person"):
            Notice.objects.filter(user_id=user.pk).delete()


def _tenants_of(user: User) -> list[TenantRef]:
    with in_public():
        ids = set(Membership.objects.filter(user=user).values_list("tenant_id", flat=True))
    return [tenant for i in sorted(ids) if (tenant := directory.tenant_by_id(i)) is not None]

"""What the ways into organizations hold of a person: entries of his address on whitelists, and invitations.

Named in PERSONAL_DATA_SOURCES. Of an institution in which he has no place his address goes with the
invitation itself: ended ones are purged (``organizations.tasks``).
"""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Membership, User
from accounts.privacy.exporting import rows
from accounts.privacy.sources import Part
from organizations.joining.models import Arrival, Invitation, WhitelistEntry
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant


def collect(user: User) -> Iterable[Part]:
    """The user's invitations, his own entries on whitelists, and how he joined."""
    for tenant in _tenants_of(user):
        with in_tenant(tenant), scope.every_organization(reason="export of personal data"):
            yield f"invitations_{tenant.slug}", rows(Invitation.objects.filter(email__iexact=user.email))
            yield f"whitelist_{tenant.slug}", rows(WhitelistEntry.objects.filter(value=user.email.lower()))
            yield f"arrivals_{tenant.slug}", rows(Arrival.objects.filter(user_id=user.pk))


def erase(user: User, email: str) -> None:
    """Remove what names the user's address. That somebody came by a link stays, by his id only."""
    for tenant in _tenants_of(user):
        with in_tenant(tenant), scope.every_organization(reason="archive a person"):
            Invitation.objects.filter(email__iexact=email).delete()
            WhitelistEntry.objects.filter(value=email.lower()).delete()


def _tenants_of(user: User) -> list[TenantRef]:
    with in_public():
        ids = set(Membership.objects.filter(user=user).values_list("tenant_id", flat=True))
    return [tenant for i in sorted(ids) if (tenant := directory.tenant_by_id(i)) is not None]

"""What lists hold of a person: his own lists, notes and views. Named in PERSONAL_DATA_SOURCES."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Membership, User
from accounts.privacy.exporting import rows
from accounts.privacy.sources import Part
from companies.lists.models import Note, RecentView, Watchlist
from tenants import selectors as directory
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant


def collect(user: User) -> Iterable[Part]:
    """What the user wrote, keeps and looked at, in each institution."""
    for tenant in _tenants_of(user):
        with in_tenant(tenant), scope.every_organization(reason="export of personal data"):
            if found := rows(Note.all_objects.filter(created_by_id=user.pk)):
                yield f"notes_{tenant.slug}", found
            if found := rows(Watchlist.objects.filter(created_by_id=user.pk)):
                yield f"watchlists_{tenant.slug}", found
            if found := rows(RecentView.all_objects.filter(user_id=user.pk)):
                yield f"views_{tenant.slug}", found


def erase(user: User, email: str) -> None:
    """Remove what is his alone: views, and lists that nobody else sees. Notes are the organization's."""
    for tenant in _tenants_of(user):
        with in_tenant(tenant), scope.every_organization(reason="archive a person"):
            RecentView.all_objects.filter(user_id=user.pk).delete()
            Watchlist.objects.filter(created_by_id=user.pk, shared=False).delete()


def _tenants_of(user: User) -> list[TenantRef]:
    with in_public():
        ids = set(Membership.objects.filter(user=user).values_list("tenant_id", flat=True))
    return [tenant for i in sorted(ids) if (tenant := directory.tenant_by_id(i)) is not None]

"""Reads of the ways into organizations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate

from accounts.models import Membership
from accounts.permissions import Role
from organizations.joining import tokens
from organizations.joining.models import Arrival, JoinLink
from organizations.models import Organization
from tenants.kernel import scope
from tenants.kernel.context import in_public
from tenants.models import OrganizationEntry


@dataclass(frozen=True, slots=True)
class Secrets:
    """What opens an organization, for the eyes of its admins."""

    token: str | None
    created_at: datetime | None
    code: str | None


def secrets_of(organizations: Collection[Organization], *, viewer: Role | str | None) -> dict[UUID, Secrets]:
    """Each organization's own join token and its code, in two queries, as somebody of this role sees them.

    Whoever holds a secret may pass it on, so only those see it who could give its role themselves.
    """
    default = {row.id: row.default_role for row in organizations}
    links = {
        link.organization_id: link
        for link in JoinLink.objects.filter(organization_id__in=default, is_primary=True)
    }
    with in_public():
        codes = dict(OrganizationEntry.objects.filter(id__in=default).values_list("id", "code"))
    found = {}
    for identifier, code in codes.items():
        link, usual = links.get(identifier), default[identifier]
        found[identifier] = Secrets(
            token=tokens.shown(link, (link.role or usual), viewer) if link else None,
            created_at=(link.rotated_at or link.created_at) if link else None,
            code=tokens.shown_code(code) if code and tokens.may_pass_on(usual, viewer) else None,
        )
    return found


def join_token_of(organization_id: UUID, *, viewer: Role | str | None) -> str | None:
    """The join token of one organization of the current tenant, as somebody of this role sees it."""
    with scope.organizations({organization_id}, reason="the caller's organization"):
        links = JoinLink.objects.filter(organization_id=organization_id, is_primary=True)
        link = links.select_related("organization").first()
        return tokens.shown(link, link.role or link.organization.default_role, viewer) if link else None


def invitations_in(rows: QuerySet[Any], state: str) -> QuerySet[Any]:
    """Invitations, the newest first, in a state where one is named."""
    return (rows.filter(state=state) if state else rows).order_by("-id")


def entries_with(rows: QuerySet[Any], text: str | None) -> QuerySet[Any]:
    """Entries of a whitelist that hold a text, where one is given."""
    if text:  # no entry holds what the database cannot
        rows = rows.none() if "\0" in text else rows.filter(value__icontains=text)
    return rows.order_by("value", "id")


def link_stats(link: JoinLink) -> dict[str, Any]:
    """How a link was used, for the admins of its organization."""
    days = (
        Arrival.objects.filter(link=link)
        .annotate(day=TruncDate("at"))
        .values("day")
        .annotate(count=Count("*"))
        .order_by("-day")[:30]
    )
    came = set(Arrival.objects.filter(link=link).values_list("user_id", flat=True))
    with in_public():
        members = Membership.objects.filter(organization_id=link.organization_id, user_id__in=came).count()
    return {
        "uses": link.uses,
        "left": None if link.max_uses is None else link.max_uses - link.uses,
        "last_used_at": link.last_used_at,
        "members_now": members,
        "by_day": list(days),
    }

"""Shapes of identity as the existing JSON client reads them. No rule lives here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.profiles.selectors import described
from accounts.selectors import Headcount, Place, effective_role, headcounts, places_of
from tenants.kernel.context import PERSONAL, in_public
from tenants.kernel.principal import Principal
from tenants.selectors import organization_entry

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.services import TokenPair
    from tenants.models import Tenant


def tokens(pair: TokenPair) -> dict[str, Any]:
    """The answer to log-in, refresh and switching."""
    return {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "bearer",
        "expires_in": pair.expires_in,
    }


def _tenant(tenant: Tenant) -> dict[str, Any]:
    domain = next((d.domain for d in tenant.domains.all() if d.is_primary), None)
    return {"id": tenant.id, "name": tenant.name, "domain": domain}


def _place(place: Place) -> dict[str, Any]:
    # A personal workspace is nobody's institution: it shows as neither tenant nor organization.
    personal = place.tenant.schema_name == PERSONAL
    organization = place.organization
    brief = (
        {"id": organization.id, "name": organization.name, "slug": organization.slug}
        if organization
        else None
    )
    return {
        "tenant": None if personal else _tenant(place.tenant),
        "organization": None if personal else brief,
        "workspace_id": place.organization_id if personal else None,
        "role": effective_role(place.role),
    }


def _organization(organization_id: UUID) -> dict[str, Any] | None:
    """The organization somebody works in now; an administrator of its institution needs no membership."""
    entry = organization_entry(organization_id)
    if entry is None:
        return None
    return {
        "id": entry.id,
        "name": entry.name,
        "slug": entry.slug,
        "domain": entry.domain,
        "description": entry.description,
        "is_active": entry.state == "active",
        "join_enabled": entry.join_enabled,
        "default_role": effective_role(entry.default_role),
        "max_users": entry.max_users,
        "current_users": headcounts([entry.id]).get(entry.id, Headcount()).members,
        "created_at": entry.created_at,
    }


def me(user: User, principal: Principal) -> dict[str, Any]:
    """The user, flattened to the place where he works now."""
    with in_public():
        places = places_of(user)
        here = (principal.tenant_id, principal.organization_id)
        active = next((p for p in places if (p.tenant.id, p.organization_id) == here), None)
        active = active or next((p for p in places if p.tenant.id == principal.tenant_id), None)
        shown: dict[str, Any] = _place(active) if active else {"tenant": None, "organization": None}
        if shown["tenant"] is not None and principal.organization_id is not None:
            shown["organization"] = _organization(principal.organization_id)
        return {
            "id": user.id,
            "email": user.email,
            "username": user.profile.username or user.email.partition("@")[0],
            "full_name": user.profile.full_name,
            "role": effective_role(principal.role),
            "is_active": user.is_active,
            "email_verified": user.email_verified_at is not None,
            "created_at": user.created_at,
            "last_login": user.last_login,
            "sector": user.profile.sector or None,
            **described(user),
            "organization": shown["organization"],
            "tenant": shown["tenant"],
            "organization_id": (shown["organization"] or {}).get("id"),
            "tenant_id": (shown["tenant"] or {}).get("id"),
            "places": [_place(place) for place in places],
        }

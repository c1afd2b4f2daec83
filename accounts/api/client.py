"""Shapes of identity as the existing JSON client reads them. No rule lives here."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.profiles.selectors import described
from accounts.selectors import Place, effective_role, places_of
from accounts.services import TokenPair
from tenants.kernel.context import PERSONAL, in_public
from tenants.kernel.principal import Principal
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
        "role": effective_role(place.role),
    }


def me(user: User, principal: Principal) -> dict[str, Any]:
    """The user, flattened to the place where he works now."""
    with in_public():
        places = places_of(user)
        here = (principal.tenant_id, principal.organization_id)
        active = next((p for p in places if (p.tenant.id, p.organization_id) == here), None)
        active = active or next((p for p in places if p.tenant.id == principal.tenant_id), None)
        shown = _place(active) if active else {"tenant": None, "organization": None}
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

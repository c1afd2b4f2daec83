"""Shapes of institutions as the existing JSON client reads them. No rule lives here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from organizations.api.client import common
from organizations.tenancy import People
from tenants.branding import logo_url
from tenants.kernel.context import TenantRef
from tenants.modules import MODULES

if TYPE_CHECKING:
    from accounts.models import User
    from tenants.models import OrganizationEntry, Tenant, TenantSettings


def _person(user: User, role: str) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "username": user.profile.username or user.email.partition("@")[0],
        "full_name": user.profile.full_name,
        "role": role,
        "is_active": user.is_active,
        "created_at": user.created_at,
        "last_login": user.last_login,
    }


def _organization(entry: OrganizationEntry, people: People) -> dict[str, Any]:
    runs = people.runs.get(entry.id)
    return {
        **common(entry, entry.tenant_id),
        "join_enabled": entry.join_enabled,
        "total_users": people.members.get(entry.id, 0),
        "admin": {"id": runs.id, "email": runs.email, "full_name": runs.profile.full_name} if runs else None,
    }


def tenant(row: Any, people: People) -> dict[str, Any]:
    """A tenant of ``tenants_with_counts`` with its admins and organizations."""
    domain = next((d.domain for d in row.domains.all() if d.is_primary), None)
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "description": row.description,
        "kind": row.kind,
        "state": row.state,
        "is_active": row.state == "active",
        "domain": domain,
        "domains": [d.domain for d in row.domains.all()],
        "logo_url": logo_url(row.ref),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "version": row.version,
        "tenant_admins": [_person(user, "tenant_admin") for user in people.admins[row.id]],
        "total_tenant_admins": row.admins_now,
        "organizations": [_organization(entry, people) for entry in people.organizations[row.id]],
        "total_organizations": row.organizations_now,
        "active_organizations": row.organizations_active,
        "total_users_in_tenant": row.users_now,
        "total_active_users": row.users_active,
        "total_users": row.users_now,
    }


def settings(row: TenantSettings, tenant: Tenant) -> dict[str, Any]:
    """Settings with the cut-offs, which stand in the tenant's own row."""
    fields = (
        *("tenant_id", "require_mfa", "sso_only", "session_hours", "allow_registration"),
        *("audit_retention_days", "job_retention_days", "score_retention_days"),
        *("two_person_promotion", "pd_floor", "master_scale", "max_organizations", "max_users"),
        *("version", "updated_at"),
    )
    cutoffs = ("medium_from", "high_from", "critical_from")
    return {f: getattr(row, f) for f in fields} | {f: getattr(tenant, f) for f in cutoffs}


def modules(row: TenantSettings) -> dict[str, Any]:
    """Every module and whether it is on."""
    off, denied = set(row.modules_off), set(row.modules_denied)
    return {
        "modules": [
            {
                "code": module.code,
                "name": module.name,
                "about": module.about,
                "on": module.code not in off | denied,
                "given": module.code not in denied,
                "own_choice": module.own_choice,
            }
            for module in MODULES.values()
        ]
    }


def branding(row: TenantSettings, tenant: Tenant) -> dict[str, Any]:
    """How the institution looks."""
    tenant.settings = row
    return {
        "display_name": row.display_name or tenant.name,
        "colour": row.brand_colour,
        "accent": row.brand_accent,
        "logo_url": logo_url(tenant.ref),
    }


def public_branding(tenant: TenantRef | None) -> dict[str, Any]:
    """What a log-in page needs; of the platform's hosts nothing."""
    if tenant is None:
        return {"display_name": "", "colour": "", "accent": "", "logo_url": None}
    brand = tenant.brand
    return {
        "display_name": tenant.display_name,
        "colour": brand.colour,
        "accent": brand.accent,
        "logo_url": logo_url(tenant),
    }

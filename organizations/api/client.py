"""Shapes of organizations and their people as the existing JSON client reads them. No rule lives here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.api import client as identity
from accounts.permissions import Role
from accounts.selectors import Headcount, effective_role, first_members, headcounts, owners_of
from organizations.joining import selectors as joining
from tenants.kernel.context import TenantRef, current_tenant
from tenants.kernel.principal import Principal

if TYPE_CHECKING:
    from accounts.models import Membership, User
    from organizations.models import Organization
    from organizations.services.founding import Founded
    from tenants.models import OrganizationEntry, Tenant

# One role name per user: what the client calls a role is what we store under these names.
STORED: dict[str, Role] = {
    "org_admin": Role.ADMIN,
    "org_member": Role.ANALYST,
    "member": Role.ANALYST,
    "user": Role.ANALYST,
    "basic_user": Role.VIEWER,
}


def stored_role(name: str) -> Role | None:
    """The role behind a name in either vocabulary; None for one that no membership carries."""
    if name in STORED:
        return STORED[name]
    known = {role.value: role for role in (Role.OWNER, Role.ADMIN, Role.ANALYST, Role.VIEWER)}
    return known.get(name)


# Rows of people beside an organization: in a list few, of one as many as it may have unless changed.
LISTED_MEMBERS, SHOWN_MEMBERS = 20, 500


def organizations(
    rows: Iterable[Organization], principal: Principal, *, members: int = LISTED_MEMBERS
) -> list[dict[str, Any]]:
    """Organizations of the current tenant, with their people counted; a fixed number of queries."""
    shelf = list(rows)
    ids = [row.id for row in shelf]
    counts, owners = headcounts(ids), owners_of(ids)
    tenant = current_tenant()
    readable = set(ids) & principal.organizations_with("members.read") if ids else set()
    people = first_members(readable, tenant_id=tenant.id, most=members)
    secrets = joining.secrets_of(shelf, viewer=principal.role) if principal.holds("joining.read") else {}
    return [
        {
            **common(row, tenant.id),
            "join_enabled": row.join_enabled,
            "whitelist_required": row.whitelist_required,
            "created_by": row.created_by_id,
            "updated_at": row.updated_at,
            "archived_at": row.archived_at,
            "join_token": secrets[row.id].token if row.id in secrets else None,
            "join_created_at": secrets[row.id].created_at if row.id in secrets else None,
            "code": secrets[row.id].code if row.id in secrets else None,
            "tenant": None if tenant.is_personal else _tenant(tenant),
            **_people(counts.get(row.id), owners.get(row.id)),
            "members": [member(m) for m in people.get(row.id, [])],
        }
        for row in shelf
    ]


def me(user: User, principal: Principal) -> dict[str, Any]:
    """The user as identity shows him; for whoever runs the organization, with what opens it."""
    shown = identity.me(user, principal)
    here = shown["organization"]
    if here is None or principal.limit is not None or not principal.holds("joining.read"):
        return shown
    found = joining.join_token_of(here["id"], viewer=principal.role)
    return {**shown, "organization": {**here, "join_token": found}}


def organization(row: Organization, principal: Principal) -> dict[str, Any]:
    """One organization."""
    return organizations([row], principal, members=SHOWN_MEMBERS)[0]


def entries(rows: Sequence[OrganizationEntry]) -> list[dict[str, Any]]:
    """Organizations of many tenants, from the directory; the caller is in public."""
    ids = [row.id for row in rows]
    counts, owners = headcounts(ids), owners_of(ids)
    people = first_members(set(ids), most=LISTED_MEMBERS)
    return [
        {
            **common(row, row.tenant_id),
            "join_enabled": row.join_enabled,
            "tenant": _tenant(row.tenant),
            **_people(counts.get(row.id), owners.get(row.id)),
            "members": [member(m) for m in people.get(row.id, [])],
        }
        for row in rows
    ]


def common(row: Organization | OrganizationEntry, tenant_id: UUID) -> dict[str, Any]:
    return {
        "id": row.id,
        "tenant_id": tenant_id,
        "name": row.name,
        "slug": row.slug,
        "domain": row.domain,
        "description": row.description,
        "logo_url": None,
        "state": row.state,
        "is_active": row.state == "active",
        "is_default": row.is_default,
        "max_users": row.max_users,
        "default_role": effective_role(row.default_role),
        "default_membership_role": row.default_role,
        "allow_global_data_access": row.allow_global_data_access,
        "created_at": row.created_at,
    }


def _tenant(tenant: TenantRef | Tenant) -> dict[str, Any]:
    return {"id": tenant.id, "name": tenant.name, "slug": tenant.slug}


def _people(count: Headcount | None, owner: User | None) -> dict[str, Any]:
    found = count or Headcount()
    return {
        "org_admin": None if owner is None else person(owner),
        "total_users": found.members,
        "active_users": found.active,
        "total_members": found.members,
        "active_members": found.active,
        "current_users": found.members,
        "total_admins": found.admins,
    }


def list_totals(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """What the client reads beside a page of organizations: sums over the page."""
    users = sum(row["total_users"] for row in rows)
    admins = sum(row["total_admins"] for row in rows)
    return {"total_admins": admins, "total_members": users - admins, "total_users": users}


def person(user: User) -> dict[str, Any]:
    """A user in brief."""
    return {"id": user.id, "email": user.email, "full_name": user.profile.full_name}


def member(membership: Membership) -> dict[str, Any]:
    """A member as a user row: the role in the client's words, and beside it the membership's own."""
    user = membership.user
    return {
        "id": user.id,
        "email": user.email,
        "username": user.profile.username or user.email.partition("@")[0],
        "full_name": user.profile.full_name,
        "job_title": user.profile.job_title,
        "role": effective_role(membership.role),
        "membership_role": membership.role,
        "state": membership.state,
        "is_active": user.is_active and membership.state == "active",
        "email_verified": user.email_verified_at is not None,
        "created_at": user.created_at,
        "joined_at": membership.created_at,
        "last_login": user.last_login,
        "organization_id": membership.organization_id,
        "tenant_id": membership.tenant_id,
    }


def changes(body: dict[str, Any], row: Organization) -> tuple[dict[str, Any], bool | None]:
    """What a body asks to change, and whether it asks to open (True) or close (False) the organization.

    The client's form sends everything it knows with every change, ``is_active`` and ``join_enabled`` always
    as true: from such a full body a true is no wish. Alone, or false, it is.
    """
    wanted = {field: value for field, value in body.items() if field not in {"is_active", "tenant_id"}}
    is_active: bool | None = body.get("is_active")
    if "name" in body and len(body) > 2:
        if wanted.get("join_enabled") is True:
            del wanted["join_enabled"]
        is_active = None if is_active else is_active
    if effective_role(row.default_role) == wanted.get("default_role"):
        # "org_member" is an analyst or a viewer: whoever repeats what he read changes nothing.
        del wanted["default_role"]
    if "default_role" in wanted:
        wanted["default_role"] = stored_role(wanted["default_role"]) or wanted["default_role"]
    return wanted, is_active


def assigned(membership: Membership, name: str) -> dict[str, Any]:
    """The answer to assigning somebody to an organization."""
    role = effective_role(membership.role)
    return {
        "success": True,
        "message": f"{membership.user.email} now works in {name}.",
        "user_id": membership.user_id,
        "user_email": membership.user.email,
        "organization_id": membership.organization_id,
        "organization_name": name,
        "assigned_role": role,
        "membership_role": membership.role,
        "tenant_name": current_tenant().name,
    }


def founded(made: Founded) -> dict[str, Any]:
    """A new small institution's organization, as its founder reads it."""
    entry = common(made.organization, made.tenant.id)
    count = Headcount(members=1, active=1, admins=1)
    rest = {"join_enabled": made.organization.join_enabled, "tenant": _tenant(made.tenant)}
    return {**entry, **rest, **_people(count, made.founder), "members": []}

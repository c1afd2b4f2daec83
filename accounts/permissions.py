"""The permission matrix as data: which role may do what, fully or with its own rows only.

From this one table come the API's rule, the console's rule, the documentation page and the tests.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Roles of a membership, and ``super_admin`` of the platform."""

    SUPER_ADMIN = "super_admin"
    TENANT_ADMIN = "tenant_admin"
    OWNER = "owner"
    ADMIN = "admin"
    ANALYST = "analyst"
    VIEWER = "viewer"
    INDIVIDUAL = "individual"


class Extent(StrEnum):
    """How far a permission goes."""

    ALL = "all"
    OWN = "own"


# Roles that a membership of an organization may carry, from strong to weak.
ORGANIZATION_ROLES = (Role.OWNER, Role.ADMIN, Role.ANALYST, Role.VIEWER)

_READ = {
    "companies.read": Extent.ALL,
    "predictions.read": Extent.ALL,
    "jobs.read": Extent.ALL,
    "outcomes.read": Extent.ALL,
    "monitoring.read": Extent.ALL,
    "models.read": Extent.ALL,
    "scenarios.read": Extent.ALL,
    "organizations.read": Extent.ALL,
    # One's own notices: read them, mark them, remove them.
    "notices.read": Extent.ALL,
    "api_keys.use": Extent.ALL,
    "exports.read": Extent.ALL,
    "exports.create": Extent.ALL,
    # A file holds what its maker could see.
    "exports.change": Extent.OWN,
}
_ANALYSE = _READ | {
    "companies.create": Extent.ALL,
    "companies.change": Extent.OWN,
    # Ratings and defaults are found out by whoever works on a company, not by who made its row.
    "companies.assess": Extent.ALL,
    "lists.create": Extent.ALL,
    "lists.change": Extent.OWN,
    "notes.create": Extent.ALL,
    # Nobody changes another's words; administrators may remove them.
    "notes.change": Extent.OWN,
    "notes.remove": Extent.OWN,
    "predictions.create": Extent.ALL,
    "predictions.change": Extent.OWN,
    "jobs.create": Extent.ALL,
    "jobs.change": Extent.OWN,
    "outcomes.create": Extent.ALL,
    "outcomes.change": Extent.OWN,
    "monitoring.change": Extent.ALL,
    "scenarios.create": Extent.ALL,
    "scenarios.change": Extent.OWN,
}
# Firms do more than individuals.
_READ_IN_A_FIRM = _READ | {
    "own_models.read": Extent.ALL,
    "connectors.read": Extent.ALL,
    "schedules.read": Extent.ALL,
}
_ANALYSE_IN_A_FIRM = (
    _ANALYSE
    | _READ_IN_A_FIRM
    | {"own_models.create": Extent.ALL, "own_models.change": Extent.OWN}
    | {"schedules.create": Extent.ALL, "schedules.change": Extent.OWN}
)
_RUN_ORGANIZATION = _ANALYSE_IN_A_FIRM | {
    "schedules.change": Extent.ALL,
    "own_models.change": Extent.ALL,
    "connectors.change": Extent.ALL,
    "joining.read": Extent.ALL,
    "joining.change": Extent.ALL,
    "outcomes.change": Extent.ALL,
    "companies.change": Extent.ALL,
    "companies.purge": Extent.ALL,
    "lists.change": Extent.ALL,
    "notes.remove": Extent.ALL,
    "predictions.change": Extent.ALL,
    "jobs.change": Extent.ALL,
    "scenarios.change": Extent.ALL,
    "organizations.change": Extent.ALL,
    "members.read": Extent.ALL,
    "members.change": Extent.ALL,
    "api_keys.manage": Extent.ALL,
    "audit.read": Extent.ALL,
    "console.enter": Extent.ALL,
}
_OWN_ORGANIZATION = _RUN_ORGANIZATION | {"admins.change": Extent.ALL, "ownership.offer": Extent.ALL}
_RUN_TENANT = _OWN_ORGANIZATION | {
    "organizations.create": Extent.ALL,
    "organizations.govern": Extent.ALL,
    "tenant.read": Extent.ALL,
    "mfa.reset": Extent.ALL,
    "tenant.change": Extent.ALL,
    "sso.manage": Extent.ALL,
}
_RUN_PLATFORM = _RUN_TENANT | {
    "models.manage": Extent.ALL,
    "platform.read": Extent.ALL,
    "platform.change": Extent.ALL,
}

MATRIX: dict[Role, dict[str, Extent]] = {
    Role.SUPER_ADMIN: _RUN_PLATFORM,
    Role.TENANT_ADMIN: _RUN_TENANT,
    Role.OWNER: _OWN_ORGANIZATION,
    Role.ADMIN: _RUN_ORGANIZATION,
    Role.ANALYST: _ANALYSE_IN_A_FIRM,
    Role.VIEWER: _READ_IN_A_FIRM,
    # An individual's organization is a small institution of its own.
    Role.INDIVIDUAL: _ANALYSE | {"organizations.create": Extent.ALL},
}
PERMISSIONS = tuple(sorted({p for held in MATRIX.values() for p in held}))


def extent(role: Role | str, permission: str) -> Extent | None:
    """How far a role holds a permission; None when not at all."""
    if permission not in PERMISSIONS:
        raise ValueError(f"unknown permission {permission!r}")
    return MATRIX[Role(role)].get(permission)


# What concerns an institution as a whole: the API key of one organization holds none of it.
WHOLE_TENANT = frozenset({"tenant.read", "tenant.change", "organizations.create"})


# -- the state of an organization ------------------------------------------------------------------

_ACTIVE, _INACTIVE, _SUSPENDED, _ARCHIVED = "active", "inactive", "suspended", "archived"
# Members enter an organization in these states; in any other it does not exist for them.
OPEN_TO_MEMBERS = frozenset({_ACTIVE, _INACTIVE})
# What is held beside an active organization: reading goes on while it is inactive (members) or suspended
# (whoever reaches the whole tenant); settings can be mended; and its state is changed in every state.
_BESIDE_ACTIVE: dict[str, frozenset[str]] = {
    "organizations.read": frozenset({_INACTIVE, _SUSPENDED, _ARCHIVED}),
    "organizations.change": frozenset({_INACTIVE, _SUSPENDED}),
    "organizations.govern": frozenset({_INACTIVE, _SUSPENDED, _ARCHIVED}),
    "members.read": frozenset({_INACTIVE, _SUSPENDED, _ARCHIVED}),
    "members.change": frozenset({_INACTIVE, _SUSPENDED}),
    "admins.change": frozenset({_INACTIVE, _SUSPENDED}),
    "ownership.offer": frozenset({_INACTIVE, _SUSPENDED}),
    "joining.read": frozenset({_INACTIVE, _SUSPENDED}),
    "console.enter": frozenset({_INACTIVE, _SUSPENDED}),
}


def states_of(permission: str) -> frozenset[str]:
    """States of an organization in which a permission is held there."""
    reads = frozenset({_INACTIVE, _SUSPENDED}) if permission.endswith(".read") else frozenset()
    return frozenset({_ACTIVE}) | _BESIDE_ACTIVE.get(permission, reads)


# -- who stands above whom ---------------------------------------------------------------------------

_RANKS = {
    Role.SUPER_ADMIN: 6,
    Role.TENANT_ADMIN: 5,
    Role.OWNER: 4,
    Role.ADMIN: 3,
    Role.ANALYST: 2,
    Role.VIEWER: 1,
    Role.INDIVIDUAL: 0,
}


def rank(role: Role | str | None) -> int:
    """How far up a role stands; 0 for none."""
    return _RANKS[Role(role)] if role else 0

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
    "models.read": Extent.ALL,
    "organizations.read": Extent.ALL,
    "api_keys.use": Extent.ALL,
}
_ANALYSE = _READ | {
    "companies.create": Extent.ALL,
    "companies.change": Extent.OWN,
    "predictions.create": Extent.ALL,
    "predictions.change": Extent.OWN,
    "jobs.create": Extent.ALL,
    "jobs.change": Extent.OWN,
}
# Firms do more than individuals.
_READ_IN_A_FIRM = _READ | {"own_models.read": Extent.ALL}
_ANALYSE_IN_A_FIRM = (
    _ANALYSE | _READ_IN_A_FIRM | {"own_models.create": Extent.ALL, "own_models.change": Extent.OWN}
)
_RUN_ORGANIZATION = _ANALYSE_IN_A_FIRM | {
    "own_models.change": Extent.ALL,
    "companies.change": Extent.ALL,
    "predictions.change": Extent.ALL,
    "jobs.change": Extent.ALL,
    "organizations.change": Extent.ALL,
    "members.read": Extent.ALL,
    "members.change": Extent.ALL,
    "api_keys.manage": Extent.ALL,
    "audit.read": Extent.ALL,
    "console.enter": Extent.ALL,
}
_RUN_TENANT = _RUN_ORGANIZATION | {
    "organizations.create": Extent.ALL,
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
    Role.OWNER: _RUN_ORGANIZATION,
    Role.ADMIN: _RUN_ORGANIZATION,
    Role.ANALYST: _ANALYSE_IN_A_FIRM,
    Role.VIEWER: _READ_IN_A_FIRM,
    Role.INDIVIDUAL: _ANALYSE,
}
PERMISSIONS = tuple(sorted({p for held in MATRIX.values() for p in held}))


def extent(role: Role | str, permission: str) -> Extent | None:
    """How far a role holds a permission; None when not at all."""
    if permission not in PERMISSIONS:
        raise ValueError(f"unknown permission {permission!r}")
    return MATRIX[Role(role)].get(permission)

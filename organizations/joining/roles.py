"""Roles that somebody may get on joining, in our words and in those of clients with one role a user."""

from __future__ import annotations

from accounts.permissions import Role
from tenants.kernel.errors import InvalidInput

NAMES = {
    "admin": Role.ADMIN,
    "analyst": Role.ANALYST,
    "viewer": Role.VIEWER,
    "org_admin": Role.ADMIN,
    "org_member": Role.ANALYST,
}


def role_named(text: str) -> str:
    """The stored role behind a name, empty for none; raises InvalidInput for one that nobody joins in."""
    name = text.strip().lower()
    if name and name not in NAMES:
        error = {"pointer": "/role", "code": "bad_role", "detail": "Give admin, analyst or viewer."}
        raise InvalidInput(errors=[error])
    return str(NAMES[name]) if name else ""

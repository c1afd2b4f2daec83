"""The permission matrix as a page: every route and action with the roles that may, and their counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver

from accounts.permissions import MATRIX, PERMISSIONS, Extent, Role
from tenants.kernel.principal import ANYONE, SIGNED_IN
from tenants.kernel.viewsets import DeclaredViewSet

PREFIX = "api/v1/"
MARK = {Extent.ALL: "yes", Extent.OWN: "own", None: ""}
HEAD = """# Permissions

This page is written by `manage.py permission_page --write` out of the matrix in `accounts/permissions.py`
and the permissions that every endpoint declares; a test holds it to them. `own`: for rows that the caller has
made himself. Which rows a caller reaches at all is another matter: those of his active organization, of his
institution (tenant admins), or of the institution that he has entered (super admins). A row beyond that is
404. What every action and role expects, written by hand, is `tests/test_permissions.py`; further callers (of
other organizations and institutions, unverified, suspended, archived) are in `tests/test_callers.py`.
"""


def _walk(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def _readable(path: str) -> str:
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path)
    return "/" + re.sub(r"\\|\^|\$|/\?", "", path).rstrip("/")


def endpoints() -> list[tuple[str, str, str, str]]:
    """Address, method, action and permission of everything that the API offers, once each."""
    routes = import_module(settings.PUBLIC_SCHEMA_URLCONF).urlpatterns
    found = set()
    for path, view in _walk(routes, ""):
        viewset = getattr(view, "cls", None)
        if viewset is None or not issubclass(viewset, DeclaredViewSet) or not path.startswith(PREFIX):
            continue
        for method, action in view.actions.items():
            if method != "head":
                found.add((_readable(path), method.upper(), action, viewset.permissions[action]))
    return sorted(found)


def _may(role: Role, permission: str) -> str:
    if permission in {ANYONE, SIGNED_IN}:
        return MARK[Extent.ALL]
    return MARK[MATRIX[role].get(permission)]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def page() -> str:
    """The whole page."""
    roles = list(Role)
    names = [role.value.replace("_", " ") for role in roles]
    held = [[f"`{name}`", *(MARK[MATRIX[role].get(name)] for role in roles)] for name in PERMISSIONS]
    offered = endpoints()
    rows = []
    for address, method, action, permission in offered:
        stands = {ANYONE: "anyone", SIGNED_IN: "signed in"}.get(permission, f"`{permission}`")
        anonymous = MARK[Extent.ALL] if permission == ANYONE else ""
        marks = [_may(role, permission) for role in roles]
        rows.append([f"`{method} {address}`", action, stands, *marks, anonymous])
    counts = [sum(1 for row in rows if row[3 + place]) for place in range(len(roles) + 1)]
    total = [f"**{len(rows)} actions**", "", "", *map(str, counts)]
    needed = {permission for *_, permission in offered} - {ANYONE, SIGNED_IN}
    return "\n".join(
        [
            HEAD,
            f"{len(PERMISSIONS)} permissions, {len(roles)} roles and the anonymous caller, "
            f"{len(rows)} actions ({len(needed)} permissions are asked for by the API, the "
            f"others by the console), "
            f"{len(rows) * (len(roles) + 1)} decisions.\n",
            "## Roles and permissions\n",
            _table(["permission", *names], held),
            "\n## Actions of the API\n",
            _table(["address", "action", "needs", *names, "anonymous"], [*rows, total]),
            "",
        ]
    )

"""The doors between tenants: the only module that moves the connection from schema to schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection, connections

from tenants.kernel.errors import OutOfScope

PUBLIC = "public"
REFERENCE = "reference"
PERSONAL = "personal"
RESERVED = frozenset({REFERENCE, PERSONAL})
SCHEMA_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


class HasSchema(Protocol):
    @property
    def schema_name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SettingsRef:
    """What an institution has set for itself, as requests read it (``tenants.TenantSettings``)."""

    require_mfa: bool = False
    sso_only: bool = False
    session_hours: int | None = None
    allow_registration: bool = False
    audit_retention_days: int | None = None
    job_retention_days: int | None = None
    score_retention_days: int | None = None
    two_person_promotion: bool = False
    pd_floor: float | None = None
    master_scale: Any = None
    max_organizations: int | None = None
    max_users: int | None = None
    modules_off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BrandRef:
    """How an institution looks; empty where it looks like the platform."""

    name: str = ""
    colour: str = ""
    accent: str = ""
    logo_path: str = ""


@dataclass(frozen=True, slots=True)
class PlatformRef:
    """What operators have set for the whole platform (``tenants.PlatformSettings``)."""

    registration_enabled: bool = True
    small_tenants_allowed: bool = True
    deletion_grace_days: int = 30
    export_days: int = 7
    two_person_promotion: bool = False
    default_max_organizations: int | None = None
    default_max_users: int | None = None


@dataclass(frozen=True, slots=True)
class TenantRef:
    """What a request needs to know of its tenant; small enough to live in the cache."""

    id: UUID
    schema_name: str
    name: str
    slug: str
    state: str
    kind: str
    cutoffs: tuple[float, float, float]
    # No part of what makes two refs the same tenant.
    settings: SettingsRef = field(default_factory=SettingsRef, compare=False)
    brand: BrandRef = field(default_factory=BrandRef, compare=False)

    @property
    def display_name(self) -> str:
        """How the institution calls itself."""
        return self.brand.name or self.name

    @property
    def is_personal(self) -> bool:
        return self.schema_name == PERSONAL

    @property
    def is_reference(self) -> bool:
        return self.schema_name == REFERENCE


def current_schema() -> str:
    """The schema that this thread's connection works in."""
    return str(connection.schema_name)  # type: ignore[attr-defined]


def current_tenant() -> TenantRef:
    """The tenant entered last; raises OutOfScope in public."""
    tenant = connection.tenant  # type: ignore[attr-defined]
    if not isinstance(tenant, TenantRef):
        raise OutOfScope("no tenant is entered")
    return tenant


def in_a_tenant() -> bool:
    return current_schema() != PUBLIC


def _connections() -> list[Any]:
    """This thread's connections: the primary's, and the replica's where there is one."""
    return [connections[alias] for alias in settings.DATABASES]


def _move(tenant: Any) -> None:
    """Set every connection to a tenant (None: to public). The search path follows with its next query."""
    for one in _connections():
        if tenant is None:
            one.set_schema_to_public()
        else:
            one.set_tenant(tenant)


@contextmanager
def in_tenant(tenant: TenantRef) -> Iterator[TenantRef]:
    """Run the block in the tenant's schema and come back to where the caller was."""
    before: Any = connection.tenant  # type: ignore[attr-defined]
    _move(tenant)
    try:
        yield tenant
    finally:
        _move(before)


def leave_all() -> None:
    """Put this thread's connection back to public, wherever it was left."""
    _move(None)


@contextmanager
def in_public() -> Iterator[None]:
    """Run the block in public and come back to where the caller was."""
    before: Any = connection.tenant  # type: ignore[attr-defined]
    _move(None)
    try:
        yield
    finally:
        _move(before)


@contextmanager
def in_bare_schema(schema_name: str) -> Iterator[None]:
    """Run the block in a schema that is no tenant yet (provisioning and the image of a new schema)."""
    if not SCHEMA_NAME.match(schema_name):
        raise OutOfScope("not a schema name of ours")
    before: Any = connection.tenant  # type: ignore[attr-defined]
    for one in _connections():
        one.set_schema(schema_name)
    try:
        yield
    finally:
        _move(before)

"""Reads of the directory. What every request needs is cached for a moment in Redis."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from tenants.kernel.context import PERSONAL, REFERENCE, PlatformRef, TenantRef, in_public
from tenants.kernel.errors import Absent

if TYPE_CHECKING:
    from tenants.models import OrganizationEntry, Tenant, TenantDeletion


def _cached(key: str, load: Callable[[], TenantRef | None]) -> TenantRef | None:
    cache = caches["directory"]
    found = cache.get(key)
    if found is None:
        found = load() or ""
        cache.set(key, found, settings.DIRECTORY_SECONDS)
    return found or None


def tenant_by_host(host: str) -> TenantRef | None:
    """The tenant that answers on a host, or None."""
    from tenants.models import Domain

    def load() -> TenantRef | None:
        with in_public():
            domain = Domain.objects.select_related("tenant__settings").filter(domain=host.lower()).first()
        return domain.tenant.ref if domain else None

    return _cached(f"host:{host.lower()}", load)


def tenant_by_id(tenant_id: UUID) -> TenantRef | None:
    """A tenant by its public id, or None."""
    from tenants.models import Tenant

    def load() -> TenantRef | None:
        with in_public():
            tenant = Tenant.objects.select_related("settings").filter(id=tenant_id).first()
        return tenant.ref if tenant else None

    return _cached(f"tenant:{tenant_id}", load)


def tenant_by_schema(schema_name: str) -> TenantRef:
    """A tenant by its schema; raises Absent."""
    from tenants.models import Tenant

    def load() -> TenantRef | None:
        with in_public():
            tenant = Tenant.objects.select_related("settings").filter(schema_name=schema_name).first()
        return tenant.ref if tenant else None

    found = _cached(f"schema:{schema_name}", load)
    if found is None:
        raise Absent()
    return found


def reference_tenant() -> TenantRef:
    return tenant_by_schema(REFERENCE)


def personal_tenant() -> TenantRef:
    return tenant_by_schema(PERSONAL)


PLATFORM_KEY = "platform-settings"


def platform_settings() -> PlatformRef:
    """What operators have set for the platform, cached for DIRECTORY_SECONDS at most."""
    from tenants.models import PlatformSettings

    cache = caches["directory"]
    found: PlatformRef | None = cache.get(PLATFORM_KEY)
    if found is None:
        with in_public():
            found = PlatformSettings.objects.get(pk=PlatformSettings.ONLY).ref
        cache.set(PLATFORM_KEY, found, settings.DIRECTORY_SECONDS)
    return found


def forget_platform_settings() -> None:
    """Make every process read the platform's settings again."""
    caches["directory"].delete(PLATFORM_KEY)


def cache_keys(tenant: Tenant) -> list[str]:
    """Every key under which the cache may hold a tenant."""
    with in_public():
        hosts = tenant.domains.values_list("domain", flat=True)
        return [*(f"host:{h}" for h in hosts), f"tenant:{tenant.id}", f"schema:{tenant.schema_name}"]


def forget_tenant(tenant: Tenant) -> None:
    """Drop what the cache holds of a tenant; every service that changes one calls this on commit."""
    caches["directory"].delete_many(cache_keys(tenant))


def scheduled_deletion(tenant_id: UUID) -> TenantDeletion | None:
    """The order to delete a tenant that waits for its day, if there is one."""
    from tenants.models import DeletionState, TenantDeletion

    with in_public():
        return TenantDeletion.objects.filter(tenant_id=tenant_id, state=DeletionState.SCHEDULED).first()


def organization_ids(tenant_id: UUID, states: Collection[str]) -> frozenset[UUID]:
    """The organizations of a tenant that are in one of the states."""
    from tenants.models import OrganizationEntry

    with in_public():
        entries = OrganizationEntry.objects.filter(tenant_id=tenant_id, state__in=states)
        return frozenset(entries.values_list("id", flat=True))


def organization_entry(organization_id: UUID) -> OrganizationEntry | None:
    """What the directory says of an organization, or None."""
    from tenants.models import OrganizationEntry

    with in_public():
        return OrganizationEntry.objects.filter(id=organization_id).first()


_migrated = False


def public_is_migrated() -> bool:
    """Whether public has every migration; asked once, since migrations never go away under a process."""
    global _migrated
    with in_public():
        if not _migrated:
            executor = MigrationExecutor(connection)
            shared = [
                node for node in executor.loader.graph.leaf_nodes() if node[0] not in settings.TENANT_APPS
            ]
            _migrated = not executor.migration_plan(shared)
        else:
            connection.ensure_connection()
            if not connection.is_usable():
                raise OperationalError("the connection is dead")
    return _migrated

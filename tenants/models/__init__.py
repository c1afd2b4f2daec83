"""The directory of the platform, in the public schema. It holds no business data."""

from tenants.models.directory import (
    Domain,
    JobTicket,
    OrganizationEntry,
    OrganizationState,
    PlatformAuditEvent,
    PlatformIdempotencyRecord,
    SchemaImage,
    Tenant,
    TenantKind,
    TenantQuerySet,
    TenantState,
    Usage,
)
from tenants.models.settings import PlatformSettings, TenantSettings

__all__ = [
    "Domain",
    "JobTicket",
    "OrganizationEntry",
    "OrganizationState",
    "PlatformAuditEvent",
    "PlatformIdempotencyRecord",
    "PlatformSettings",
    "SchemaImage",
    "Tenant",
    "TenantKind",
    "TenantQuerySet",
    "TenantSettings",
    "TenantState",
    "Usage",
]

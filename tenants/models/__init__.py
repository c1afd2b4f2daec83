"""The directory of the platform, in the public schema. It holds no business data."""

from tenants.models.directory import (
    AuditCheckpoint,
    Domain,
    JobTicket,
    OrganizationEntry,
    OrganizationState,
    PlatformAuditEvent,
    PlatformAuditHead,
    PlatformAuditSeal,
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
    "AuditCheckpoint",
    "Domain",
    "JobTicket",
    "OrganizationEntry",
    "OrganizationState",
    "PlatformAuditEvent",
    "PlatformAuditHead",
    "PlatformAuditSeal",
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

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
    UsageDay,
)
from tenants.models.lifecycle import (
    DeletionState,
    ExportState,
    Suspension,
    TenantDeletion,
    TenantExport,
)
from tenants.models.settings import PlatformSettings, TenantSettings

__all__ = [
    "AuditCheckpoint",
    "DeletionState",
    "Domain",
    "ExportState",
    "JobTicket",
    "OrganizationEntry",
    "OrganizationState",
    "PlatformAuditEvent",
    "PlatformAuditHead",
    "PlatformAuditSeal",
    "PlatformIdempotencyRecord",
    "PlatformSettings",
    "SchemaImage",
    "Suspension",
    "Tenant",
    "TenantDeletion",
    "TenantExport",
    "TenantKind",
    "TenantQuerySet",
    "TenantSettings",
    "TenantState",
    "Usage",
    "UsageDay",
]

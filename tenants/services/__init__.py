"""Writes to the directory: tenants, their hosts, settings, looks, and their life from first to last day."""

from tenants.services.branding import branding_update, logo_remove, logo_set
from tenants.services.deletion import (
    deletion_cancel,
    deletion_execute,
    deletion_schedule,
    tenant_delete,
)
from tenants.services.directory import tenant_create, tenant_update
from tenants.services.domains import domain_add, domain_make_primary, domain_remove
from tenants.services.exports import export_fetched, export_request, export_run
from tenants.services.settings import modules_set, platform_settings_update, settings_update
from tenants.services.state import tenant_restore, tenant_suspend

__all__ = [
    "branding_update",
    "deletion_cancel",
    "deletion_execute",
    "deletion_schedule",
    "domain_add",
    "domain_make_primary",
    "domain_remove",
    "export_fetched",
    "export_request",
    "export_run",
    "logo_remove",
    "logo_set",
    "modules_set",
    "platform_settings_update",
    "settings_update",
    "tenant_create",
    "tenant_delete",
    "tenant_restore",
    "tenant_suspend",
    "tenant_update",
]

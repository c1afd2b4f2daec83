"""Console pages of tenants and organizations."""

from organizations.admin import platform, settings, tenant, tenants

__all__ = ["platform", "settings", "tenant", "tenants"]

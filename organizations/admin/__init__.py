"""Console pages of tenants and organizations."""

from organizations.admin import organizations, platform, settings, tenant, tenants

__all__ = ["organizations", "platform", "settings", "tenant", "tenants"]

"""Console pages of tenants and organizations."""

from organizations.admin import platform, tenant

__all__ = ["platform", "tenant"]

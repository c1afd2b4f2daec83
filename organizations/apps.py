from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Organizations of a tenant, their members, and the tenant's own audit log."""

    name = "organizations"

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Sources of statements outside the platform, their runs, and what was taken from them."""

    name = "companies.connectors"
    label = "connectors"

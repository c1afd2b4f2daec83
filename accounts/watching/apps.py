from django.apps import AppConfig


class WatchingConfig(AppConfig):
    """Devices from which accounts are used, and letters about what is unusual. In public."""

    name = "accounts.watching"
    label = "watching"

from django.apps import AppConfig


class WatchingConfig(AppConfig):
    """Devices from which accounts are used, and letters about what is unusual. In public."""

    name = "accounts.watching"
    label = "watching"

    def ready(self) -> None:
        from accounts.watching import countries  # noqa: F401 - registers its check

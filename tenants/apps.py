from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants, their domains and the kernel."""

    name = "tenants"

    def ready(self) -> None:
        from tenants.kernel import checks, jobs  # noqa: F401 - registers the checks and the task signals

from django.apps import AppConfig
from django.db.models import CharField
from django.db.models.functions import Lower


class TenantsConfig(AppConfig):
    """Tenants, their domains and the kernel."""

    name = "tenants"

    def ready(self) -> None:
        # ``field__lower=`` compares as the indexes of names and addresses do; ``iexact`` would scan.
        CharField.register_lookup(Lower)
        from tenants.kernel import checks, jobs  # noqa: F401 - registers the checks and the task signals

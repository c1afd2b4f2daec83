from django.apps import AppConfig


class FxConfig(AppConfig):
    """Exchange rates, in public."""

    name = "companies.fx"
    label = "fx"
    verbose_name = "Exchange rates"

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """Files of companies and statements."""

    name = "companies.imports"
    label = "imports"
    verbose_name = "Imports"

from django.apps import AppConfig


class ExportingConfig(AppConfig):
    """Exports of lists, and a company's file."""

    name = "predictions.exporting"
    label = "exporting"
    verbose_name = "Exports"

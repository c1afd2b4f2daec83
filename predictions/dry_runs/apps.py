from django.apps import AppConfig


class DryRunsConfig(AppConfig):
    """Portfolio files that are looked through before anything is scored."""

    name = "predictions.dry_runs"
    label = "dry_runs"
    verbose_name = "Dry runs"

from django.apps import AppConfig


class FlagsConfig(AppConfig):
    """Companies whose risk has changed."""

    name = "predictions.flags"
    label = "flags"
    verbose_name = "Flagged companies"

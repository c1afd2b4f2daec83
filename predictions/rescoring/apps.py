from django.apps import AppConfig


class RescoringConfig(AppConfig):
    """Runs that score companies again."""

    name = "predictions.rescoring"
    label = "rescoring"

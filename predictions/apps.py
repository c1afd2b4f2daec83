from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    """Predictions, scores and scoring jobs."""

    name = "predictions"

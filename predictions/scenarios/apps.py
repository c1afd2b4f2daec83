from django.apps import AppConfig


class ScenariosConfig(AppConfig):
    """Saved scenarios, their runs over a portfolio, and the inverse."""

    name = "predictions.scenarios"
    label = "scenarios"

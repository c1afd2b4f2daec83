from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Outcomes, weekly observations and alerts."""

    name = "predictions.monitoring"
    label = "monitoring"

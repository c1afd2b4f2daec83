from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    """Portfolios that are scored again by the clock."""

    name = "predictions.schedules"
    label = "schedules"
    verbose_name = "Scheduled runs"

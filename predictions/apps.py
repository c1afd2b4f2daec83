from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    """Predictions, scores and scoring jobs."""

    name = "predictions"

    def ready(self) -> None:
        # What a master scale is, is known here and not where the setting is kept.
        from predictions.grading import master_scale_check
        from tenants.services.settings import setting_check

        setting_check("master_scale", master_scale_check)

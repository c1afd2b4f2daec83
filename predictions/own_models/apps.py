from django.apps import AppConfig


class OwnModelsConfig(AppConfig):
    """Models trained on an organization's own labelled files."""

    name = "predictions.own_models"
    label = "own_models"
    verbose_name = "Own models"

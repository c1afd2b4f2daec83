from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Model versions of the platform, in public."""

    name = "predictions.registry"
    label = "registry"
    verbose_name = "Model registry"

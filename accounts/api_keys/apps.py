from django.apps import AppConfig


class ApiKeysConfig(AppConfig):
    """Keys by which programs call the API. In public."""

    name = "accounts.api_keys"
    label = "api_keys"

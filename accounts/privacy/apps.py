from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """What a person may ask for: his data, and to be forgotten."""

    name = "accounts.privacy"
    label = "privacy"

from django.apps import AppConfig


class MfaConfig(AppConfig):
    """Second factors, and proofs given anew before a dangerous action. In public."""

    name = "accounts.mfa"
    label = "mfa"

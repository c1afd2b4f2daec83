from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    """Mailed proofs: that an address is somebody's, and that he may set a new password."""

    name = "accounts.recovery"
    label = "recovery"

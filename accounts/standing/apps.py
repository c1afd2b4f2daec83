from django.apps import AppConfig


class StandingConfig(AppConfig):
    """Who may still work: users activated, deactivated, suspended and archived, with the history of it."""

    name = "accounts.standing"
    label = "standing"

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Identity: users, credentials, memberships, sessions, tokens."""

    name = "accounts"

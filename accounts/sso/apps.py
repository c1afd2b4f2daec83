from django.apps import AppConfig


class SsoConfig(AppConfig):
    """Signing in by an institution's own identity provider (OpenID Connect). In public."""

    name = "accounts.sso"
    label = "sso"
    verbose_name = "Single sign-on"

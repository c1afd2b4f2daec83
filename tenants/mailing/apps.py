from django.apps import AppConfig


class MailingConfig(AppConfig):
    """Letters on their way out."""

    name = "tenants.mailing"
    label = "mailing"

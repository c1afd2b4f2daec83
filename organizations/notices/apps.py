from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "organizations.notices"
    label = "notices"
    verbose_name = "Notices"

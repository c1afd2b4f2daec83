from django.apps import AppConfig


class JoiningConfig(AppConfig):
    name = "organizations.joining"
    label = "joining"
    verbose_name = "Ways to join"

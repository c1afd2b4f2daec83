from django.apps import AppConfig


class CompaniesConfig(AppConfig):
    """Companies, their statements, and the sheets they arrive in."""

    name = "companies"

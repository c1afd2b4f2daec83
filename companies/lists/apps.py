from django.apps import AppConfig


class ListsConfig(AppConfig):
    """Watchlists, notes, and what people looked at last."""

    name = "companies.lists"
    label = "lists"
    verbose_name = "Lists"

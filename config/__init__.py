"""Configuration: settings, routes, the Celery application."""

from config import later

later.postpone("pandas")

from config.celery import app as celery_app  # noqa: E402 - what it imports may be postponed

__all__ = ["celery_app"]

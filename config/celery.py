"""The Celery application: Redis as broker, tasks found in every app's ``tasks`` module."""

import os

from celery import Celery

from config.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())

app = Celery("default-risk-platform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

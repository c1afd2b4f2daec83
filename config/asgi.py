"""What the server of the streams imports: progress of jobs, and nothing of the API."""

import os

import django

from config.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
django.setup()

from predictions.live.app import StreamApp  # noqa: E402 - needs the apps

application = StreamApp()

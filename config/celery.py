"""The Celery application: Redis as broker, tasks found in every app's ``tasks`` module."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

from celery import Celery
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup
from django.db import close_old_connections

from config.env import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())


class _WorkerConnections(DjangoWorkerFixup):
    """A process of a worker keeps its pool of connections from task to task, as a web process does.

    Celery closes it before and after each: every task then waits for a new connection, whose process at the
    server has to learn the schema and to map the shared memory first. What a fork inherits goes here too.
    """

    def on_task_prerun(self, sender: Any, **kwargs: Any) -> None:
        self._give_back(sender)

    def on_task_postrun(self, sender: Any, **kwargs: Any) -> None:
        self._give_back(sender)

    def _give_back(self, task: Any) -> None:
        # A task that is called within another uses that one's connection.
        if not task.request.is_eager:
            close_old_connections()
            self.close_cache()


class _Django(DjangoFixup):
    @cached_property
    def worker_fixup(self) -> DjangoWorkerFixup:
        return _WorkerConnections(self.app)


def django_fixup(app: Celery) -> DjangoFixup:
    """Celery's own joining to Django, but for the connections of a worker."""
    return _Django(app).install()


app = Celery("default-risk-platform", fixups={django_fixup})
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

"""A worker's process keeps its pool of connections from task to task."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection

from config.celery import app

TASK = SimpleNamespace(request=SimpleNamespace(is_eager=False))


@pytest.fixture
def worker(monkeypatch, django_db_setup, django_db_blocker):
    """What Celery calls around each task of a worker with processes."""
    (django,) = app._fixups
    monkeypatch.setattr(django.worker_fixup, "worker", SimpleNamespace(pool_cls="prefork"))
    # Outside of a transaction: a test within one may not give its connection back.
    with django_db_blocker.unblock():
        connection.close()
        connection.close_pool()
        yield django.worker_fixup
        connection.close()


def run_task(worker):
    """The server's process that a task asks."""
    worker.on_task_prerun(sender=TASK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    worker.on_task_postrun(sender=TASK)
    return process


def test_tasks_take_their_connections_from_one_pool(worker):
    run_task(worker)
    assert connection.connection is None  # given back: the pool sees to its health and its age
    # Two, because a pool that is asked while it opens makes one for the asking and one to keep.
    assert len({run_task(worker) for _ in range(9)}) <= 2


def test_a_lost_connection_is_not_handed_to_the_next_task(worker):
    lost = run_task(worker)
    # It may end itself.
    with suppress(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [lost])
    worker.on_task_postrun(sender=TASK)
    assert lost not in {run_task(worker) for _ in range(3)}


def test_a_task_within_another_leaves_its_connection_alone(worker):
    eager = SimpleNamespace(request=SimpleNamespace(is_eager=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    worker.on_task_prerun(sender=eager)
    worker.on_task_postrun(sender=eager)
    assert connection.connection is not None

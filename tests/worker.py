"""A real Celery worker on the tests' database, started and killed at will."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection

from config.env import ROOT

DEADLINE = 60


def wait_until(condition: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    """Poll until the condition holds; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def environment() -> dict[str, str]:
    """The environment of a process that works on the tests' database."""
    database = settings.DATABASES["default"]
    user, password = database["USER"], database["PASSWORD"]
    host = f"{database['HOST']}:{database['PORT']}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": f"postgresql://{user}:{password}@{host}/{connection.settings_dict['NAME']}",
        "SECRET_KEY": settings.SECRET_KEY,
        "PYTHONPATH": str(ROOT),
    }


class Worker:
    """One worker process with two children."""

    def __init__(self) -> None:
        self.log = Path(settings.MEDIA_ROOT).parent / "worker.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "2", "-l", "INFO"),
            *(
                "-Q",
                "score,io,mail,default",
                "--without-gossip",
                "--without-mingle",
                "-n",
                f"t{os.getpid()}@%h",
            ),
        ]
        before = self._ready_count()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment(), stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        wait_until(lambda: self._ready_count() > before, f"the worker; see {self.log}")

    def _ready_count(self) -> int:
        return self.log.read_text(errors="replace").count(" ready.") if self.log.exists() else 0

    def kill(self) -> None:
        """SIGKILL to the worker and all its children: nobody says good-bye."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(timeout=30)
        self.process = None


@pytest.fixture(scope="session")
def _session_worker(world, django_db_blocker) -> Iterator[Worker]:
    worker = Worker()
    with django_db_blocker.unblock():
        worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def worker(_session_worker) -> Worker:
    """The session's worker, started again where a test has killed it."""
    if _session_worker.process is None:
        _session_worker.start()
    return _session_worker


@pytest.fixture
def nobody_works(_session_worker) -> None:
    """No worker takes what this test sends; the next that needs one starts it again."""
    _session_worker.kill()
    current_app.control.purge()

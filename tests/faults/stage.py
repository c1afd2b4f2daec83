"""Web, worker, beat, PostgreSQL and Redis of their own, each of which may be killed.

They work in earnest: PostgreSQL keeps what it has committed, Redis its append-only file. Nothing here shares
a server with the other tests. What an orchestrator would start again, ``tend`` starts again.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from config.env import ROOT
from config.local import postgres, redis
from config.local.layout import Layout
from config.local.ports import free_port

PATIENCE = 60
BOUNDARY = "----------faults"


class Process:
    """A process of the platform, in a group of its own."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                env=self.environment, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.poll() is None

    def children(self) -> list[int]:
        """Its direct children: a worker's are the processes that score."""
        if self.running is None:
            return []
        return [pid for pid in _pids() if _parent(pid) == self.running.pid]

    def signal(self, number: int) -> None:
        """To it and all its children at once."""
        if self.running is not None and self.alive:
            os.killpg(self.running.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running.wait(timeout=20)
            if self.running.poll() is None:
                os.killpg(self.running.pid, signal.SIGKILL)
                self.running.wait(timeout=20)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


class Stage:
    """Everything that runs, and a tenant's user before it."""

    def __init__(self, place: Path) -> None:
        self.place, self.layout = place, Layout(place / "var")
        (place / "uploads").mkdir(parents=True)
        place.chmod(0o711)
        self.database = postgres.ensure(self.layout)
        self.broker = redis.ensure(self.layout)
        self.port = int(free_port())
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.broker.url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DJANGO_SETTINGS_MODULE": "tests.faults.stage_settings",
            "FAULTS_PLACE": str(place),
            "PYTHONPATH": str(ROOT),
        }
        self.environment.pop("PYTEST_XDIST_WORKER", None)
        laid = subprocess.run(
            [sys.executable, "-m", "tests.faults.ground"],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert laid.returncode == 0, laid.stderr[-3000:]
        self.door = json.loads(laid.stdout.splitlines()[-1])
        web = f"--interface wsgi --workers 1 --blocking-threads 4 --no-ws --port {self.port} --host 127.0.0.1"
        quiet = "--without-gossip --without-mingle -l WARNING"
        commands = {
            "web": f"granian {web} config.wsgi:application",
            "worker": f"celery -A config worker --concurrency 2 -Q score,io,mail,default {quiet}",
            "beat": "celery -A config beat -l WARNING --pidfile=",
        }
        self.processes = {
            name: Process(name, command.split(), self.environment, place / f"{name}.log")
            for name, command in commands.items()
        }
        for process in self.processes.values():
            process.start()
        self.wait(self.answers, "the web process")

    # -- what runs ----------------------------------------------------------------------------------

    def tend(self) -> None:
        """Start again what has ended, as an orchestrator does."""
        for process in self.processes.values():
            if not process.alive:
                process.start()

    @contextlib.contextmanager
    def postgres_killed(self) -> Iterator[None]:
        """SIGKILL to the server and all its processes, and at the end its start: it recovers from its log."""
        record = postgres.running(self.layout)
        assert record is not None
        pids = [record.pid, *(pid for pid in _pids() if _parent(pid) == record.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait(lambda: not any(_runs(pid) for pid in pids), "PostgreSQL to be gone")
        yield
        assert postgres.ensure(self.layout).port == self.database.port

    @contextlib.contextmanager
    def redis_killed(self, *, lose_data: bool) -> Iterator[None]:
        """SIGKILL to Redis, and at the end its start again, with its file or without."""
        record = redis.running(self.layout)
        assert record is not None
        os.kill(record.pid, signal.SIGKILL)
        self.wait(lambda: not record.alive, "Redis to be gone")
        if lose_data:
            for left in self.layout.redis.iterdir():
                if left.is_dir():
                    shutil.rmtree(left)
                elif left.suffix in {".aof", ".rdb"}:
                    left.unlink()
        yield
        assert redis.ensure(self.layout).port == self.broker.port

    def end(self) -> None:
        for process in self.processes.values():
            process.signal(signal.SIGTERM)
        redis.stop(self.layout)
        postgres.stop(self.layout)

    # -- what a client does -------------------------------------------------------------------------

    def wait(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(
                    f"== {name}\n{process.log.read_text(errors='replace')[-1500:]}"
                    for name, process in getattr(self, "processes", {}).items()
                    if process.log.exists()
                )
                pytest.fail(f"waited {seconds} s for {what}\n{logs}")
            time.sleep(0.1)

    def answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/api/v1/predictions/jobs")[0] == 200
        return False

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {**self.headers, **headers})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None

    @property
    def headers(self) -> dict[str, str]:
        return {"Host": self.door["host"], "Authorization": f"Bearer {self.door['token']}"}

    def body(self, content: str) -> bytes:
        start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\nannual\r\n'
        start += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="book.csv"\r\n'
        start += "Content-Type: text/csv\r\n\r\n"
        return f"{start}{content}\r\n--{BOUNDARY}--\r\n".encode()

    def upload(self, content: str) -> str:
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        status, answer = self.ask(
            "POST", "/api/v1/predictions/jobs", self.body(content), **{"Content-Type": kind}
        )
        assert status == 202, answer
        return str(answer["job_id"])

    def half_an_upload(self, content: str) -> socket.socket:
        """An upload of which half has been sent; closing it is the caller's."""
        body = self.body(content)
        head = ["POST /api/v1/predictions/jobs HTTP/1.1", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        head += [f"Content-Type: multipart/form-data; boundary={BOUNDARY}", "", ""]
        line = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        line.sendall("\r\n".join(head).encode() + body[: len(body) // 2])
        return line

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as the API tells it; nothing while the web process or its servers are away."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            status, found = self.ask("GET", f"/api/v1/predictions/jobs/{job_id}")
            return found if status == 200 else {}
        return {}

    def under_way(self, job_id: str, *, chunks: int = 3) -> None:
        """Wait until so many chunks are done, and see that others are not: else nothing would be tested."""
        done = "SELECT count(*) FROM predictions_jobchunk WHERE job_id = %s AND done_at IS NOT NULL"
        open_ = "SELECT count(*) FROM predictions_jobchunk WHERE job_id = %s AND done_at IS NULL"
        self.wait(lambda: self.count(done, job_id) >= chunks, f"{chunks} chunks of {job_id}")
        assert self.count(open_, job_id) > 0, "the job was over before the fault: nothing was tested"

    def finish(self, job_id: str) -> dict[str, Any]:
        """Wait for the job's end, tending what has died."""

        def ended() -> bool:
            self.tend()
            return self.job(job_id).get("state") not in {None, "pending", "processing"}

        self.wait(ended, f"the end of {job_id}, which is {self.job(job_id)}")
        return self.job(job_id)

    # -- what the database says ---------------------------------------------------------------------

    @contextlib.contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            path = sql.Identifier(self.door["schema"])
            connection.execute(sql.SQL("SET search_path TO {}, public").format(path))
            yield connection

    def count(self, query: str, *values: Any) -> int:
        with self.connected() as connection:
            row = connection.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])

    def run(self, query: str, *values: Any) -> int:
        with self.connected() as connection:
            return connection.execute(query, values).rowcount

    def assert_true(self, job_id: str, *, rows: int, refused: int = 0) -> None:
        """Rows scored + refused = rows of the file, no doubles, no orphans, and every figure true."""
        job = self.job(job_id)
        assert job["state"] == "completed", job
        assert (job["total_rows"], job["failed_rows"]) == (rows, refused), job
        assert job["successful_rows"] + job["failed_rows"] == rows, job
        of_job = "FROM predictions_score WHERE job_id = %s"
        assert self.count(f"SELECT count(*) {of_job}", job_id) == rows - refused
        assert self.count(f"SELECT count(DISTINCT row_number) {of_job}", job_id) == rows - refused
        errors = "FROM predictions_rowissue WHERE severity = 'error' AND job_id = %s"
        assert self.count(f"SELECT count(DISTINCT row_number) {errors}", job_id) == refused
        orphans = (
            "SELECT count(*) FROM predictions_prediction WHERE current_id IS NULL",
            "SELECT count(*) FROM predictions_prediction p WHERE NOT EXISTS "
            "(SELECT 1 FROM predictions_score s WHERE s.id = p.current_id AND s.prediction_id = p.id)",
            "SELECT count(*) FROM predictions_score s WHERE NOT EXISTS "
            "(SELECT 1 FROM predictions_prediction p WHERE p.id = s.prediction_id)",
            "SELECT count(*) FROM companies_company c WHERE NOT EXISTS "
            "(SELECT 1 FROM predictions_prediction p WHERE p.company_id = c.id)",
            "SELECT count(*) FROM (SELECT company_id FROM predictions_prediction WHERE latest "
            "GROUP BY company_id, kind HAVING count(*) > 1) twice",
        )
        for query in orphans:
            assert self.count(query) == 0, query
        tickets = (
            "SELECT count(*) FROM public.tenants_jobticket WHERE id = %s AND rows_done = %s AND state = %s"
        )
        assert self.count(tickets, job_id, rows, "completed") == 1


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage of a run, laid once: its servers and processes are killed and come back."""
    place = tmp_path_factory.mktemp("faults")
    # PostgreSQL may run as another account and must pass through.
    for folder in (place.parent, place.parent.parent):
        folder.chmod(0o711)
    made = Stage(place)
    try:
        yield made
    finally:
        made.end()

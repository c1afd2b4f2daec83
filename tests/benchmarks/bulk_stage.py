"""The platform at work for a benchmark: its processes, a tenant that uploads, and what each of them uses."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from tests.benchmarks import tenants as ground
from tests.benchmarks.harness import FOLDER, say

BOUNDARY = "----------bulk"
PATIENCE = 600
CORES = os.cpu_count() or 1
# Seconds between two looks at a job: a look costs twenty milliseconds of what is measured.
LOOK = 1.0


class Stage:
    """The processes of the platform, and the tenant that uploads."""

    def __init__(self, door: ground.Door, environment: dict[str, str]) -> None:
        self.door, self.port, self.postmaster = door, _free_port(), _postmaster()
        FOLDER.mkdir(parents=True, exist_ok=True)
        log = (FOLDER / "bulk.log").open("wb")
        queues = "score,io,mail,default"
        web = f"--interface wsgi --workers 1 --blocking-threads 4 --no-ws --port {self.port} --host 127.0.0.1"
        worker = f"-A config worker --concurrency 2 -Q {queues} --without-gossip --without-mingle"
        commands = (f"granian {web} config.wsgi:application", f"celery {worker} -l WARNING")
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", *command.split()],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for command in commands
        ]

    def peak_mb(self, place: int) -> float:
        """The largest resident memory that a process of a group ever had."""
        peaks = [0.0]
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                if os.getpgid(int(status.parent.name)) == self.processes[place].pid:
                    peaks += [int(line.split()[1]) / 1024 for line in status.read_text().splitlines()
                              if line.startswith("VmHWM")]  # fmt: skip
            except (OSError, ProcessLookupError):
                continue
        return max(peaks)

    def busy(self) -> dict[str, float]:
        """Seconds of processor so far: of web server, worker, the database's server, and of everybody."""
        groups = {process.pid: name for process, name in zip(self.processes, ("web", "worker"), strict=True)}
        used = dict.fromkeys((*groups.values(), "database"), 0.0)
        tick = os.sysconf("SC_CLK_TCK")
        stats = dict(filter(None, map(_times, Path("/proc").glob("[0-9]*"))))
        for own, _, group, parent in stats.values():
            if group in groups:
                used[groups[group]] += own / tick
            elif parent == self.postmaster:
                used["database"] += own / tick
        # What its processes that have ended had used is the server's.
        used["database"] += stats[self.postmaster][1] / tick
        everybody = Path("/proc/stat").read_text().split()[1:9]
        used["everybody"] = (sum(map(int, everybody)) - int(everybody[3]) - int(everybody[4])) / tick
        return used

    def ask(self, method: str, path: str, body: BinaryIO | None = None, size: int = 0) -> dict[str, Any]:
        """A request as a program would send it; what it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Host": self.door.host, "Authorization": f"Bearer {self.door.token}"}
        if body is not None:
            headers |= {"Content-Length": str(size),
                        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}  # fmt: skip
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{path} answered {answer.status}: {text[:300]!r}")
        found: dict[str, Any] = json.loads(text)
        return found

    def upload(self, content: bytes, *, name: str = "book.csv", kind: str = "annual") -> str:
        """Send a file; the job's id."""
        start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'
        start += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        start += "Content-Type: application/octet-stream\r\n\r\n"
        body = b"".join([start.encode(), content, f"\r\n--{BOUNDARY}--\r\n".encode()])
        answer = self.ask("POST", "/api/v1/predictions/jobs", io.BytesIO(body), len(body))
        return str(answer["job_id"])

    def finish(self, job_id: str, rows: int) -> dict[str, Any]:
        """Wait for a job; every row must be scored."""
        job = self.wait(job_id)
        if (job["state"], job["successful_rows"]) != ("completed", rows):
            raise RuntimeError(f"of {rows} rows not all are scored: {job}")
        return job

    def wait(self, job_id: str) -> dict[str, Any]:
        """The job when it has come to an end; a line now and then of how it goes on."""
        deadline, told = time.monotonic() + PATIENCE, time.monotonic()
        rows_before, spent_before = 0, self.busy()
        while True:
            job = self.ask("GET", f"/api/v1/predictions/jobs/{job_id}")
            if job["state"] not in {"pending", "processing", "undoing"}:
                return job
            if time.monotonic() > deadline:
                raise RuntimeError(f"{job_id} is not done after {PATIENCE} s")
            if time.monotonic() - told > 15 and job["processed_rows"] > rows_before:
                since, done, spent = time.monotonic() - told, job["processed_rows"], self.busy()
                used = {who: seconds - spent_before[who] for who, seconds in spent.items()}
                others = of_others(used) / (since * CORES)
                rate = (done - rows_before) / since
                say(f"    {done:,} of {job['total_rows']:,} rows, {rate:,.0f} a second")
                say(f"      processor: {per_row(used, done - rows_before)}; others {others:.0%}")
                told, rows_before, spent_before = time.monotonic(), done, spent
            time.sleep(LOOK)

    def through(self, content: bytes, rows: int) -> tuple[float, str]:
        """Seconds from the upload to the last row readable, as the job says, and the job's id."""
        begun = time.time()
        job_id = self.upload(content)
        return seconds(self.finish(job_id, rows), begun), job_id

    def end(self) -> None:
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def stage_of_a_bank() -> Iterator[Stage]:
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from organizations.services import reserved_tenants_ensure
    from predictions.registry.services import shipped_model_register
    from tenants.kernel.request import SYSTEM

    say("migrating")
    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    shipped_model_register(actor=SYSTEM)
    door = ground._open(0)
    given = connection.settings_dict
    where = f"{given['HOST']}:{given['PORT']}/{ground.DATABASE}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{given['USER']}:{given['PASSWORD']}@{where}",
        "SECRET_KEY": settings.SECRET_KEY,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    stage = Stage(door, environment)
    try:
        say("waiting for web and worker")
        time.sleep(2)
        for _ in range(120):
            try:
                stage.ask("GET", "/api/v1/predictions/jobs")
                break
            except OSError:
                time.sleep(0.5)
        yield stage
    finally:
        stage.end()


def seconds(job: dict[str, Any], begun: float) -> float:
    """From a moment of this machine's clock to the end of the job, as the job says."""
    return datetime.fromisoformat(job["completed_at"]).timestamp() - begun


def _times(folder: Path) -> tuple[int, tuple[int, int, int, int]] | None:
    """A process's id, and its ticks, those of its children that ended, its group and its parent."""
    try:
        parts = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    own, gone = (int(parts[n]) + int(parts[n + 1]) for n in (11, 13))
    return int(folder.name), (own, gone, int(parts[2]), int(parts[1]))


def _postmaster() -> int:
    """The process of the database's server, which must be on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found = _times(Path("/proc") / str(cursor.fetchone()[0]))
    return found[1][3] if found else 0


def of_others(spent: dict[str, float]) -> float:
    """Seconds of processor that were none of the benchmark's."""
    return 2 * spent["everybody"] - sum(spent.values())


def per_row(spent: dict[str, float], rows: int) -> str:
    known = ((who, 1e6 * seconds / rows) for who, seconds in spent.items() if who != "everybody")
    return ", ".join(f"{who} {micro:.0f} us" for who, micro in known)


def _free_port() -> int:
    from config.local.ports import free_port

    return int(free_port())

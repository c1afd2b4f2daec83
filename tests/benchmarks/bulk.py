"""How fast whole files go through, from the upload to the last row stored and readable.

``make benchmark-bulk``. A web server, a worker with two children, PostgreSQL and Redis work as in earnest, in
a database of their own on the server of DATABASE_URL, which is removed again. The limit that the figures are
held against is measured in the same run: parsing with pyarrow, the members' raw predictions on the ready
matrix and COPY of the same rows into the same table, one after the other. Options choose smaller sizes.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import django
import numpy as np
import pyarrow.csv as pa_csv

from tests.benchmarks import tenants as ground
from tests.benchmarks.bulk_files import line_item_csv, line_item_frame, ratio_csv, ratio_frame
from tests.benchmarks.harness import save, say, table

BOUNDARY = "----------bulk"
PIECE = 100_000
PATIENCE = 600
URGENT_ROWS = 500


class Stage:
    """The processes of the platform, and the tenant that uploads."""

    def __init__(self, door: ground.Door, environment: dict[str, str]) -> None:
        self.door, self.port = door, _free_port()
        log = (Path(tempfile.gettempdir()) / "benchmark-bulk.log").open("wb")
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

    def upload(self, content: bytes) -> str:
        """Send a file; the job's id."""
        start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="kind"\r\n\r\nannual\r\n'
        start += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="book.csv"\r\n'
        start += "Content-Type: text/csv\r\n\r\n"
        body = b"".join([start.encode(), content, f"\r\n--{BOUNDARY}--\r\n".encode()])
        answer = self.ask("POST", "/api/v1/predictions/jobs", io.BytesIO(body), len(body))
        return str(answer["job_id"])

    def finish(self, job_id: str, rows: int) -> dict[str, Any]:
        """Wait for a job; every row must be scored."""
        deadline, told = time.monotonic() + PATIENCE, time.monotonic()
        while True:
            job = self.ask("GET", f"/api/v1/predictions/jobs/{job_id}")
            if job["state"] not in {"pending", "processing"}:
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{job_id} is not done after {PATIENCE} s")
            if time.monotonic() - told > 15:
                told = time.monotonic()
                say(f"    {job['processed_rows']:,} of {job['total_rows']:,} rows")
            time.sleep(0.05)
        if (job["state"], job["successful_rows"]) != ("completed", rows):
            raise RuntimeError(f"{job['state']}: {job['successful_rows']} of {rows} rows are scored")
        return job

    def through(self, content: bytes, rows: int) -> tuple[float, str]:
        """Seconds from the upload to the last row readable, and the job."""
        begun = time.perf_counter()
        job_id = self.upload(content)
        self.finish(job_id, rows)
        return time.perf_counter() - begun, job_id

    def end(self) -> None:
        for process in self.processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _free_port() -> int:
    from config.local.ports import free_port

    return int(free_port())


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when it came to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the two smaller files")
    parser.add_argument("--million", type=int, default=1_000_000, help="rows of the large file, 0 for none")
    parser.add_argument("--stored", type=int, default=10_000_000, help="predictions stored at the end")
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.bulk_settings"
    warnings.filterwarnings("ignore", message="No directory at")
    django.setup()
    from django.conf import settings

    routes = (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF)
    with ground._Database():
        settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF = routes
        with _stage() as stage:
            figures = measure(stage, options)
    say(f"\nFigures are in {save('bulk', figures)}")
    return 0


@contextmanager
def _stage() -> Iterator[Stage]:
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


def measure(stage: Stage, options: argparse.Namespace) -> dict[str, float | int | str]:
    """All figures, with a line for each as it is known."""
    rows = options.rows
    say("warming up")
    for make in (ratio_csv, line_item_csv):
        stage.through(make(5_000, first=50_000_000), 5_000)
    files = {"ratio": (ratio_csv(rows), ratio_frame(rows)), "line_item": (
        line_item_csv(rows, first=10_000_000), line_item_frame(rows, first=10_000_000))}  # fmt: skip
    taken, limits = {}, {}
    figures: dict[str, float | int | str] = {"rows": rows}
    for name, (content, frame) in files.items():
        taken[name], job_id = stage.through(content, rows)
        say(f"{name}: {rows / taken[name]:,.0f} rows a second")
        limits[name] = sum(_limit(stage.door.tenant_id, content, frame, job_id).values())
        say(f"  the limit: {rows / limits[name]:,.0f} rows a second")
        figures[f"{name}_rows_per_second"] = rows / taken[name]
        figures[f"{name}_limit_rows_per_second"] = rows / limits[name]
    figures["limit_rows_per_second"] = 2 * rows / sum(limits.values())
    figures["share_of_limit"] = sum(limits.values()) / sum(taken.values())
    if options.million:
        figures |= _million(stage, options.million)
    if options.stored:
        figures |= _at_many(stage, rows, options.stored)
    figures["worker_peak_mb"], figures["web_peak_mb"] = stage.peak_mb(1), stage.peak_mb(0)
    say()
    say(table([(name, (float(value),), "") for name, value in figures.items()], ["figure"], digits=2))
    return figures


def _limit(tenant_id: UUID, content: bytes, frame: Any, job_id: str) -> dict[str, float]:
    """Seconds of parsing, raw prediction and COPY of the rows of a job, one after the other."""
    from django.db import connection

    from ml.engine import Engine
    from ml.inputs import design_matrix, prepare
    from tenants.kernel.context import in_tenant
    from tenants.selectors import tenant_by_id
    from tests.benchmarks.engine import raw

    found: dict[str, float] = {}
    begun = time.perf_counter()
    pa_csv.read_csv(io.BytesIO(content))
    found["parse"] = time.perf_counter() - begun
    numbers = frame.drop(columns=["company_symbol", "company_name", "sector", "reporting_year"])
    numbers = numbers / 1e6 if "total_assets" in numbers else numbers.drop(columns="market_cap")
    engine, prepared = Engine.load(), prepare(numbers, kind="annual")
    works = []
    for shape in np.unique(prepared.shape):
        model, chosen = engine.models[str(shape)], np.flatnonzero(prepared.shape == shape)
        works.append(raw(model, design_matrix(model.shape, prepared, chosen)))
    begun = time.perf_counter()
    for work in works:
        work()
    found["predict"] = time.perf_counter() - begun
    tenant = tenant_by_id(tenant_id)
    if tenant is None:
        raise RuntimeError("the benchmark's tenant is gone")
    with in_tenant(tenant), connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND table_name = 'predictions_score' ORDER BY ordinal_position"
        )
        columns = [name for (name,) in cursor.fetchall()]
        # The same rows under other identifiers, in the same order, of no job: so they may stand beside.
        other = {"id": "overlay(id::text placing 'f' from 1 for 1)", "job_id": "NULL::uuid"}
        wanted = ", ".join(other.get(name, f'"{name}"') for name in columns)
        rows = f"SELECT {wanted} FROM predictions_score WHERE job_id = '{UUID(job_id)}' ORDER BY id"  # noqa: S608
        query = f"COPY ({rows})"
        with cursor.copy(f"{query} TO STDOUT") as out:
            lines = b"".join(bytes(piece) for piece in out)
        begun = time.perf_counter()
        with cursor.copy(f"COPY predictions_score ({', '.join(columns)}) FROM STDIN") as into:
            into.write(lines)
        found["copy"] = time.perf_counter() - begun
        cursor.execute("DELETE FROM predictions_score WHERE job_id IS NULL")
    return found


def _million(stage: Stage, rows: int) -> dict[str, float]:
    """A large file, with an urgent small one in the middle; the rates of its beginning and its end."""
    from tenants.kernel import scope
    from tenants.kernel.context import in_tenant
    from tenants.selectors import tenant_by_id

    say(f"writing {rows:,} rows")
    pieces = [ratio_csv(min(PIECE, rows - first), seed=first, first=20_000_000 + first)
              for first in range(0, rows, PIECE)]  # fmt: skip
    header = pieces[0].split(b"\n", 1)[0] + b"\n"
    content = header + b"".join(piece.split(b"\n", 1)[1] for piece in pieces)
    begun = time.perf_counter()
    job_id = stage.upload(content)
    answered = time.perf_counter() - begun
    say(f"  {len(content) / 2**20:.0f} MB are answered after {answered:.2f} s")
    time.sleep(min(15.0, rows / 40_000))
    urgent, _ = stage.through(ratio_csv(URGENT_ROWS, first=40_000_000), URGENT_ROWS)
    say(f"  {URGENT_ROWS} urgent rows beside it: {urgent:.1f} s")
    stage.finish(job_id, rows)
    whole = time.perf_counter() - begun
    say(f"  {rows:,} rows: {whole:.0f} s")
    tenant = tenant_by_id(stage.door.tenant_id)
    if tenant is None:
        raise RuntimeError("the benchmark's tenant is gone")
    with in_tenant(tenant), scope.every_organization(reason="benchmark"):
        from predictions.models import JobChunk, ScoringJob

        done = list(JobChunk.objects.filter(job=job_id).order_by("done_at").values_list("done_at", "rows"))
        started = ScoringJob.objects.get(id=job_id).started_at
    edge = max(len(done) // 10, 1)
    moments = [started, *(moment for moment, _ in done)]
    first = sum(n for _, n in done[:edge]) / (moments[edge] - moments[0]).total_seconds()
    last = sum(n for _, n in done[-edge:]) / (moments[-1] - moments[-1 - edge]).total_seconds()
    return {
        "million_rows_seconds": whole,
        "upload_answer_seconds": answered,
        "urgent_seconds": urgent,
        "first_rows_per_second": first,
        "last_rows_per_second": last,
        "last_to_first": last / first,
    }


def _at_many(stage: Stage, rows: int, stored: int) -> dict[str, float]:
    """What a file costs in a tenant that holds many predictions, against the same file before."""
    from django.db import connection

    from tenants.kernel.context import in_tenant
    from tenants.selectors import tenant_by_id

    before, _ = stage.through(ratio_csv(rows, first=60_000_000), rows)
    tenant = tenant_by_id(stage.door.tenant_id)
    if tenant is None:
        raise RuntimeError("the benchmark's tenant is gone")
    say(f"filling up to {stored:,} predictions")
    with in_tenant(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM predictions_prediction")
        there = cursor.fetchone()[0]
        for start in range(there, stored, PIECE * 5):
            _fill(cursor, min(PIECE * 5, stored - start), start)
            say(f"    {start:,}")
        cursor.execute("ANALYZE")
    after, _ = stage.through(ratio_csv(rows, first=70_000_000), rows)
    say(f"  {before:.1f} s before, {after:.1f} s after")
    return {"slowdown_at_10m": after / before, "stored": stored}


def _fill(cursor: Any, count: int, start: int) -> None:
    """Copies of a company's heads and scores under new companies: rows that the indexes must hold."""
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute(
        """
        CREATE TEMP TABLE IF NOT EXISTS filling (LIKE predictions_score);
        CREATE TEMP TABLE IF NOT EXISTS heads (LIKE predictions_prediction);
        CREATE TEMP TABLE IF NOT EXISTS firms (LIKE companies_company);
        TRUNCATE filling, heads, firms;
        """
    )
    # Time-ordered like the platform's own: a counter leads, randomness follows.
    new = "(lpad(to_hex(%s + n), 12, '0') || substr(md5(n::text || '{}'), 1, 20))::uuid"
    cursor.execute(
        "INSERT INTO firms SELECT c.* FROM generate_series(1, %s) n, "  # noqa: S608
        "(SELECT * FROM companies_company LIMIT 1) c",
        [count // 5],
    )
    cursor.execute(
        f"UPDATE firms SET id = d.id, symbol = d.symbol FROM (SELECT ctid AS place, "  # noqa: S608
        f"{new.format('f')} AS id, 'F' || (%s + n) AS symbol FROM "
        "(SELECT ctid, row_number() OVER () AS n FROM firms) numbered) d WHERE firms.ctid = d.place",
        [start, start],
    )
    cursor.execute("INSERT INTO companies_company SELECT * FROM firms")
    cursor.execute(
        "INSERT INTO heads SELECT p.* FROM generate_series(1, %s) n, "  # noqa: S608
        "(SELECT * FROM predictions_prediction LIMIT 1) p",
        [count // 5 * 5],
    )
    cursor.execute(
        f"UPDATE heads SET id = d.id, company_id = d.firm, fiscal_year = d.year, current_id = d.id, "  # noqa: S608
        f"pd = random() FROM (SELECT r.ctid AS place, {new.format('h')} AS id, firm, "
        "2000 + n %% 5 AS year FROM (SELECT ctid, row_number() OVER () - 1 AS n FROM heads) r JOIN "
        "(SELECT id AS firm, row_number() OVER () - 1 AS k FROM firms) f ON f.k = r.n / 5) d "
        "WHERE heads.ctid = d.place",
        [start],
    )
    cursor.execute("INSERT INTO predictions_prediction SELECT * FROM heads")
    cursor.execute(
        "INSERT INTO filling SELECT s.* FROM generate_series(1, %s) n, "
        "(SELECT * FROM predictions_score LIMIT 1) s",
        [count // 5 * 5],
    )
    cursor.execute(
        "UPDATE filling SET id = d.id, prediction_id = d.id, job_id = NULL FROM (SELECT f.ctid AS place, "
        "h.id FROM (SELECT ctid, row_number() OVER () AS n FROM filling) f JOIN "
        "(SELECT id, row_number() OVER () AS n FROM heads) h USING (n)) d WHERE filling.ctid = d.place"
    )
    cursor.execute("INSERT INTO predictions_score SELECT * FROM filling")


if __name__ == "__main__":
    sys.exit(main())

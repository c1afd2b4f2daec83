"""How fast whole files go through, from the upload to the last row stored and readable.

``make benchmark-bulk``. A web server, a worker with two children, PostgreSQL and Redis work as in earnest, in
a database of their own on the server of DATABASE_URL, which is removed again. The limit that the figures are
held against is measured in the same run: parsing with pyarrow, the members' raw predictions on the ready
matrix and COPY of the same rows into the same table, one after the other. Options choose smaller sizes, and
``--only files`` (or ``sheets``, ``million``, ``largest``, ``stored``) a part; the figures of parts come
together in one file.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any
from uuid import UUID

import django
import numpy as np
import pyarrow.csv as pa_csv

from tests.benchmarks import tenants as ground
from tests.benchmarks.bulk_files import line_item_csv, line_item_frame, ratio_csv, ratio_frame
from tests.benchmarks.bulk_filling import fill
from tests.benchmarks.bulk_stage import CORES, Stage, of_others, per_row, seconds, stage_of_a_bank
from tests.benchmarks.harness import save, say, table

PIECE = 100_000
URGENT_ROWS = 500
# Of so many files each the median is what one costs with little and with much stored.
FILES = 3
PARTS = ("files", "sheets", "million", "largest", "stored")
# The rest of the largest file that is taken: a remark beside each row, which nobody reads.
REMARK = "seen by the committee and kept for the record; " * 5


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when it came to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the two smaller files")
    parser.add_argument("--million", type=int, default=1_000_000, help="rows of the large file, 0 for none")
    parser.add_argument("--stored", type=int, default=10_000_000, help="predictions stored at the end")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part alone; by default all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with sheets/")
    options = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.bulk_settings"
    warnings.filterwarnings("ignore", message="No directory at")
    django.setup()
    from django.conf import settings

    routes = (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF)
    with ground._Database():
        settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF = routes
        with stage_of_a_bank() as stage:
            figures = measure(stage, options)
    say(f"\nFigures are in {save('bulk', figures, merged=True)}")
    return 0


def measure(stage: Stage, options: argparse.Namespace) -> dict[str, float | int | str]:
    """The figures of the chosen parts, with a line for each as it is known."""
    parts = options.only or PARTS
    say("warming up")
    # Enough chunks that each child has some and has loaded the model.
    for make, first in ((ratio_csv, 50_000_000), (line_item_csv, 55_000_000)):
        stage.through(make(60_000, first=first), 60_000)
    figures: dict[str, float | int | str] = {}
    if "files" in parts:
        figures |= _files(stage, options.rows)
        save("bulk", figures, merged=True)
    if "sheets" in parts:
        figures |= _sheets(stage, options.data)
    if "million" in parts and options.million:
        figures |= _million(stage, options.million)
    if "largest" in parts and options.million:
        figures |= _largest(stage, options.million)
    if {"million", "largest"} & set(parts):
        figures |= {"worker_peak_mb": stage.peak_mb(1), "web_peak_mb": stage.peak_mb(0)}
        save("bulk", figures, merged=True)
    if "stored" in parts and options.stored:
        figures |= _at_many(stage, options.rows, options.stored)
    say()
    stored = f"with {options.stored:,} stored"
    named = ((name.replace("at_10m", stored), value) for name, value in figures.items())
    say(table([(name, (float(value),), "") for name, value in named], ["figure"], digits=2))
    return figures


def _files(stage: Stage, rows: int) -> dict[str, float | int | str]:
    """Two files of one size, of ratios and of line items, the limit for each, and the first file again."""
    files = {"ratio": (ratio_csv(rows), ratio_frame(rows)), "line_item": (
        line_item_csv(rows, first=10_000_000), line_item_frame(rows, first=10_000_000))}  # fmt: skip
    taken, limits = {}, {}
    figures: dict[str, float | int | str] = {"rows": rows}
    for name, (content, frame) in files.items():
        before = stage.busy()
        taken[name], job_id = stage.through(content, rows)
        spent = {who: seconds - before[who] for who, seconds in stage.busy().items()}
        say(f"{name}: {rows / taken[name]:,.0f} rows a second; processor: {per_row(spent, rows)}")
        # What the machine did for others meanwhile: nothing on one that is quiet.
        figures[f"{name}_others_share"] = of_others(spent) / (taken[name] * CORES)
        figures[f"{name}_processor_microseconds"] = 1e6 * (spent["everybody"] - of_others(spent)) / rows
        found = _limit(stage.door.tenant_id, content, frame, job_id)
        limits[name] = sum(found.values())
        parts = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in found.items())
        say(f"  the limit: {rows / limits[name]:,.0f} rows a second ({parts})")
        figures[f"{name}_rows_per_second"] = rows / taken[name]
        figures[f"{name}_limit_rows_per_second"] = rows / limits[name]
    # Next month's file: the same companies and years, other figures.
    again, _ = stage.through(ratio_csv(rows, seed=8), rows)
    say(f"the ratios again with other figures: {rows / again:,.0f} rows a second")
    figures["again_rows_per_second"] = rows / again
    figures["limit_rows_per_second"] = 2 * rows / sum(limits.values())
    figures["share_of_limit"] = sum(limits.values()) / sum(taken.values())
    return figures


def _sheets(stage: Stage, data: Path) -> dict[str, float | int | str]:
    """The workbooks that people really sent: rows, and what became of them."""
    figures: dict[str, float | int | str] = {}
    found = sorted((data / "sheets").glob("*.xlsx"))
    if not found:
        say(f"no workbooks in {data / 'sheets'}")
    for path in found:
        kind = "quarterly" if path.stem.startswith("quarterly") else "annual"
        begun = time.time()
        job = stage.wait(stage.upload(path.read_bytes(), name=path.name, kind=kind))
        taken = seconds(job, begun)
        rows, scored, refused = (job[name] for name in ("total_rows", "successful_rows", "failed_rows"))
        say(f"{path.name}: {rows:,} rows, {scored:,} scored, {refused:,} refused, {taken:.2f} s")
        figures |= {f"{path.stem}_{name}": value for name, value in (
            ("rows", rows), ("scored", scored), ("refused", refused), ("seconds", taken))}  # fmt: skip
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
    begun, moment = time.perf_counter(), time.time()
    job_id = stage.upload(content)
    answered = time.perf_counter() - begun
    say(f"  {len(content) / 2**20:.0f} MB are answered after {answered:.2f} s")
    time.sleep(min(15.0, rows / 40_000))
    urgent, _ = stage.through(ratio_csv(URGENT_ROWS, first=40_000_000), URGENT_ROWS)
    say(f"  {URGENT_ROWS} urgent rows beside it: {urgent:.1f} s")
    job = stage.finish(job_id, rows)
    whole = seconds(job, moment)
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


def _largest(stage: Stage, rows: int) -> dict[str, float]:
    """A file of line items about as large as one may be, and all of it taken back."""
    say(f"writing {rows:,} rows of line items")
    pieces = []
    for first in range(0, rows, PIECE):
        lines = line_item_csv(min(PIECE, rows - first), seed=first, first=80_000_000 + first).splitlines()
        pieces += [*([lines[0] + b",remark"] if first == 0 else []),
                   *(line + b"," + REMARK.encode() for line in lines[1:])]  # fmt: skip
    content = b"\n".join([*pieces, b""])
    begun, moment = time.perf_counter(), time.time()
    job_id = stage.upload(content)
    answered, size = time.perf_counter() - begun, len(content) / 2**20
    say(f"  {size:.0f} MB are answered after {answered:.2f} s")
    whole = seconds(stage.finish(job_id, rows), moment)
    say(f"  {rows:,} rows: {whole:.0f} s")
    begun = time.perf_counter()
    stage.ask("POST", f"/api/v1/predictions/jobs/{job_id}/undo")
    asked = time.perf_counter() - begun
    job = stage.wait(job_id)
    undone = time.perf_counter() - begun
    if job["state"] != "undone":
        raise RuntimeError(f"the job is not undone: {job}")
    say(f"  undone in {undone:.0f} s, the request answered after {asked:.1f} s: {job['undone']}")
    return {
        "largest_mb": size,
        "largest_answer_seconds": answered,
        "largest_seconds": whole,
        "undo_answer_seconds": asked,
        "undo_seconds": undone,
    }


def _at_many(stage: Stage, rows: int, stored: int) -> dict[str, float]:
    """What a file costs in a tenant that holds many predictions, against the same file before."""
    from django.db import connection

    from tenants.kernel.context import in_tenant
    from tenants.selectors import tenant_by_id

    def median(first: int) -> float:
        """Of a few files: what was stored before is written to the disk beside the first of them."""
        starts = range(first, first + FILES * rows, rows)
        taken = [stage.through(ratio_csv(rows, first=start), rows)[0] for start in starts]
        say(f"    {', '.join(f'{each:.1f}' for each in taken)} s")
        return statistics.median(taken)

    before = median(60_000_000)
    tenant = tenant_by_id(stage.door.tenant_id)
    if tenant is None:
        raise RuntimeError("the benchmark's tenant is gone")
    say(f"filling up to {stored:,} predictions")
    with in_tenant(tenant), connection.cursor() as cursor:
        fill(cursor, stored)
    after = median(70_000_000)
    say(f"  {before:.1f} s before, {after:.1f} s with {stored:,} stored")
    return {"slowdown_at_10m": after / before, "stored": stored}


if __name__ == "__main__":
    sys.exit(main())

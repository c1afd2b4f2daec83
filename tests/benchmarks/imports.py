"""A file of companies and statements taken in: how many rows a second one process writes.

``make benchmark-imports`` (``ARGS="--rows 2000 --profile"``). Ten thousand rows with five hundred planted
faults, read, cut and written by the services that a worker calls, one chunk after the other; then the same
file once more, which changes nothing; then its undoing. It works in a database of its own on the server of
DATABASE_URL and removes it again. Scores are not made: their message waits for a worker that never comes.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import os
import pstats
import sys
import warnings
from contextlib import nullcontext
from typing import Any

import django

from tests.benchmarks import tenants as ground
from tests.benchmarks.harness import save, say, seconds

DATABASE, HOST = "bench_imports", "imports.localhost"
ROWS, WRONG = 10_000, 500


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when it came to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--wrong", type=int, help="planted faults; a twentieth of the rows by default")
    parser.add_argument("--profile", action="store_true", help="show where the time of writing goes")
    options = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"  # whatever the launcher has loaded
    warnings.filterwarnings("ignore", message="No directory at")
    django.setup()
    with ground._Database(DATABASE):
        measure(options)
    return 0


def measure(options: Any) -> None:
    """Take the file in, again, and back."""
    from celery import current_app
    from django.conf import settings
    from django.core.management import call_command

    from companies.imports.tests.planted import as_csv, planted_file
    from organizations.services import reserved_tenants_ensure, tenant_open
    from predictions.registry.services import shipped_model_register
    from tenants.kernel import scope
    from tenants.kernel.context import in_tenant
    from tenants.kernel.request import SYSTEM

    say(f"migrating {DATABASE}")
    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    shipped_model_register(actor=SYSTEM)
    settings.IMPORT_CHUNK_ROWS = 500
    # What is sent stays in this process.
    current_app.conf.broker_url = "memory://"
    wrong = options.wrong if options.wrong is not None else options.rows * WRONG // ROWS
    content = as_csv(planted_file(options.rows, wrong)[0])
    opened = tenant_open(
        name="Imports", admin_email="head@imports.example", admin_password=None, domain=HOST, actor=SYSTEM
    )
    figures: dict[str, float | int | str] = {"rows": options.rows, "faults": wrong}
    with in_tenant(opened.tenant.ref), scope.every_organization(reason="benchmark"):
        for name in ("first", "again"):
            with cProfile.Profile() if options.profile and name == "first" else nullcontext() as profile:
                figures |= {f"{name}_{k}": v for k, v in _taken(content, opened.organization_id).items()}
            if profile is not None:
                pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
        figures["undo_seconds"] = _undone(opened.organization_id)
    for name in ("first", "again"):
        told = {k: figures[f"{name}_{k}"] for k in ("upload", "cut", "write")}
        whole = sum(float(v) for v in told.values())
        figures[f"{name}_rows_per_second"] = options.rows / whole
        shown = ", ".join(f"{k} {float(v):.1f} s" for k, v in told.items())
        say(f"{name}: {options.rows / whole:,.0f} rows a second ({shown}), taken {figures[f'{name}_ok']:,}")
    say(f"undone in {figures['undo_seconds']:.1f} s")
    say(f"Figures are in {save('imports', figures)}")


def _taken(content: bytes, organization_id: Any) -> dict[str, float]:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from companies.imports.services import chunks, import_create, jobs, planning
    from tenants.kernel.request import SYSTEM

    found: list[Any] = []
    file = SimpleUploadedFile("borrowers.csv", content)
    upload = seconds(
        lambda: found.append(import_create(upload=file, organization_id=organization_id, actor=SYSTEM))
    )
    row = jobs.import_start(row=found[0], dry=False, actor=SYSTEM)
    cut = seconds(lambda: planning._plan(row.id))
    ids = list(row.chunks.values_list("id", flat=True))
    write = seconds(lambda: [chunks.chunk_take(chunk_id=i) for i in ids])
    done = jobs.import_advance(import_id=row.id, actor=SYSTEM)
    if done is None:
        raise RuntimeError("the import is gone")
    return {"upload": upload, "cut": cut, "write": write, "ok": done.ok_rows}


def _undone(organization_id: Any) -> float:
    from companies.imports.models import Import
    from companies.imports.services import undoing
    from tenants.kernel.request import SYSTEM

    row = Import.objects.order_by("created_at").first()
    if row is None:
        raise RuntimeError("the import is gone")
    undoing.import_undo(row=row, actor=SYSTEM)
    return seconds(lambda: undoing.import_undo_go_on(import_id=row.id, actor=SYSTEM))


if __name__ == "__main__":
    sys.exit(main())

"""Load files of SEC EDGAR into the platform's reference data."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from companies.connectors import reporting
from companies.connectors.local import in_reference_books, load_files
from companies.connectors.models import RunState
from tenants.kernel.errors import Absent
from tenants.kernel.request import Actor
from tenants.selectors import reference_tenant


class Command(BaseCommand):
    help = (
        "Load EDGAR's company facts, submissions, tickers and Financial Statement Data Sets from a folder "
        "(or one file) into the reference tenant. The same files again change nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, nargs="?", help="A folder or a file.")
        parser.add_argument("--report", action="store_true", help="Tell what is stored, company by company.")
        parser.add_argument(
            "--beside", metavar="CIK", help="Compare stored years with the filing's raw facts."
        )

    def handle(self, *args: Any, path: Path | None, report: bool, beside: str | None, **options: Any) -> None:
        if path is None and not report:
            raise CommandError("Name a folder or a file of EDGAR's, or ask for --report.")
        if path is not None and not path.exists():
            raise CommandError(f"There is no {path}.")
        if beside and path is None:
            raise CommandError("--beside compares with files: name their folder.")
        try:
            reference_tenant()
        except Absent:
            raise CommandError("The reference tenant is not there yet: run manage.py provision.") from None
        with in_reference_books(reason="load_edgar"):
            if path is not None:
                self._load(path)
            if report:
                self.stdout.write("\n".join(reporting.stored()))
            if beside and path is not None:
                self.stdout.write("\n".join(reporting.beside(path, beside)))

    def _load(self, path: Path) -> None:
        started = time.monotonic()
        run = load_files(path, actor=Actor(None, "load_edgar"))
        self.stdout.write("\n".join(reporting.told(run, time.monotonic() - started)))
        if run.state == RunState.FAILED:
            raise CommandError(run.error)

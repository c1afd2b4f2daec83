"""Make the validation report of a version."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from predictions.registry import reports
from predictions.registry.management.deciding import COMMAND_LINE, ModelCommand
from predictions.registry.models import ReportState


class Command(ModelCommand):
    help = "Make the validation report of a version now, keep it, and optionally write the PDF to a file."
    needs_reason = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--recompute", action="store_true", help="count anew from the development data")
        parser.add_argument("--output", type=Path, help="also write the PDF to this file")

    def decide(self, **options: Any) -> None:
        version = self.version(options["version"])
        with transaction.atomic():
            row = reports.report_create(version=version, recompute=options["recompute"], actor=COMMAND_LINE)
        made = reports.report_make(report_id=row.id, say=self.stdout.write)
        if made is None or made.state != ReportState.DONE:
            raise CommandError("The report could not be made.")
        if options["output"]:
            options["output"].write_bytes(reports.report_pdf(version))
        self.stdout.write(f"report of {version}: sha256 {made.sha256[:12]}")

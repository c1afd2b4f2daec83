"""Load exchange rates from a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from companies.fx.services import rates_load
from tenants.kernel.errors import InvalidInput
from tenants.kernel.request import Actor


class Command(BaseCommand):
    help = "Load exchange rates: the ECB's CSV (eurofxref-hist.csv), or columns currency, date, usd_per_unit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--source", default="ECB", help="who published the rates")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["path"].read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"cannot read {options['path']}: {error}") from None
        try:
            found = rates_load(text=text, source=options["source"], actor=Actor(None, "command line"))
        except InvalidInput as refusal:
            errors: Any = refusal.fields["errors"]
            raise CommandError(errors[0]["detail"]) from None
        self.stdout.write(
            f"{found.rates:,} rates of {found.currencies} currencies, {found.changed:,} new or changed"
        )

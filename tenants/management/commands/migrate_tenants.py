"""Bring public and every tenant's schema up to date."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants import provisioning


class Command(BaseCommand):
    help = (
        "Migrate public, then each tenant that misses a migration (found with one query). "
        "One tenant's failure does not stop the others; run it again to go on with those that failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="only list what is pending; exit 1 if any is"
        )

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        if not check:
            begun = time.monotonic()
            provisioning.migrate_public()
            self.stdout.write(f"public: up to date ({time.monotonic() - begun:.1f} s)")
        pending = provisioning.pending_schemas()
        if check:
            for schema in pending:
                self.stdout.write(f"{schema}: pending")
            if pending:
                raise CommandError(f"{len(pending)} tenants have pending migrations.")
            return
        failed = 0
        for number, schema in enumerate(pending, start=1):
            begun = time.monotonic()
            outcome = provisioning.migrate_schema(schema)
            failed += outcome.error is not None
            result = outcome.error or "migrated"
            self.stdout.write(
                f"[{number}/{len(pending)}] {schema}: {result} ({time.monotonic() - begun:.1f} s)"
            )
        provisioning.ensure_image()
        if failed:
            raise CommandError(f"{failed} of {len(pending)} tenants could not be migrated; see above.")
        self.stdout.write(f"tenants: {len(pending)} migrated, nothing pending")

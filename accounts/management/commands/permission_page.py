"""Write docs/permissions.md out of the permission matrix."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.permission_page import page


class Command(BaseCommand):
    help = "Show the permission table; --write puts it into docs/permissions.md, --check fails if it is old."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, write: bool = False, check: bool = False, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "permissions.md"
        text = page()
        if write:
            path.write_text(text)
            self.stdout.write(f"wrote {path}")
        elif not check:
            self.stdout.write(text)
        elif not path.is_file() or path.read_text() != text:
            raise CommandError("docs/permissions.md is old: manage.py permission_page --write")

"""What the commands on model versions share: finding one, a reason, a name, clear failures."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from predictions.registry import selectors
from predictions.registry.models import ModelVersion
from tenants.kernel.errors import Absent, DomainError
from tenants.kernel.request import Actor

COMMAND_LINE = Actor(None, "command line")


class ModelCommand(BaseCommand):
    """A command that decides something about models."""

    needs_version = True
    needs_reason = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        if self.needs_version:
            parser.add_argument("version", help="id, start of the sha256, champion or challenger")
        if self.needs_reason:
            parser.add_argument("--reason", required=True, help="kept in the version's history")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # Before what may take half an hour.
            ModelVersion.objects.exists()
        except ProgrammingError:
            raise CommandError(
                "The database is not set up: run migrate_tenants and provision first."
            ) from None
        try:
            self.decide(**options)
        except DomainError as refusal:
            errors: Any = refusal.fields.get("errors", [])
            said = [refusal.detail, *(str(error["detail"]) for error in errors)]
            raise CommandError(" ".join(said)) from None

    def decide(self, **options: Any) -> None:
        """Carry the command out."""
        raise NotImplementedError

    def version(self, key: str) -> ModelVersion:
        """The version that is meant; raises CommandError."""
        try:
            return selectors.version_get(key)
        except Absent:
            raise CommandError(f"There is no version {key!r}; see model_list.") from None

    def say(self, version: ModelVersion) -> None:
        self.stdout.write(f"{version}: {version.get_status_display().lower()}, sha256 {version.sha256[:12]}")

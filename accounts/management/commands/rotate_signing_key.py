"""Make a new signing key for tokens."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import keys
from tenants.kernel.request import Actor


class Command(BaseCommand):
    help = "Sign with a new key from now on; older keys verify until the tokens they signed have expired."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--at-once",
            action="store_true",
            help="a key has leaked: end every token now, everybody signs in again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key = keys.rotate(at_once=options["at_once"], actor=Actor(None, "command line"))
        self.stdout.write(f"Tokens are signed with key {key.kid}.")

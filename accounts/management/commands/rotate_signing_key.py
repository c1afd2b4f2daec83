"""Make a new signing key for tokens."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts import keys
from tenants.kernel.request import Actor


class Command(BaseCommand):
    help = "Sign with a new key from now on; older keys verify until the tokens they signed have expired."

    def handle(self, *args: Any, **options: Any) -> None:
        key = keys.rotate(actor=Actor(None, "command line"))
        self.stdout.write(f"Tokens are signed with key {key.kid}.")

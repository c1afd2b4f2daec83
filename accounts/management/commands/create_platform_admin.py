"""Make a super admin of the platform."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from tenants.kernel.errors import DomainError
from tenants.kernel.request import Actor


class Command(BaseCommand):
    help = "Make a super admin: the only way to become one. Asks for the password unless --password is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["password"] or getpass.getpass("Password: ")
        try:
            services.user_create(
                email=options["email"],
                password=password,
                is_super_admin=True,
                verified=True,
                actor=Actor(None, "command line"),
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{options['email']} is a super admin of the platform.")

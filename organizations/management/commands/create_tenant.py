"""Make a tenant with its admin."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from organizations import services
from tenants.kernel.errors import DomainError
from tenants.management.tenant_command import COMMAND_LINE


class Command(BaseCommand):
    help = "Make a tenant: its schema, its host, a default organization and a tenant admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--admin", required=True, metavar="EMAIL")
        parser.add_argument("--domain", metavar="HOST", help="default: the slug below TENANT_HOST_SUFFIX")
        parser.add_argument("--password", help="default: a random one, printed once")

    def handle(self, *args: Any, **options: Any) -> None:
        password = options["password"] or secrets.token_urlsafe(12)
        try:
            opened = services.tenant_open(
                name=options["name"],
                admin_email=options["admin"],
                admin_password=password,
                domain=options["domain"],
                actor=COMMAND_LINE,
            )
        except DomainError as error:
            faults = error.fields.get("errors") or []
            more = "; ".join(str(e["detail"]) for e in faults)  # type: ignore[attr-defined]
            raise CommandError(f"{error.detail} {more}".strip()) from None
        host = opened.tenant.domains.get(is_primary=True).domain
        self.stdout.write(f"{opened.tenant.name}: http://{host}:{settings.PORT}/admin/")
        if not options["password"] and opened.admin.created_at >= opened.tenant.created_at:
            self.stdout.write(f"{options['admin']} signs in with {password} (shown only now)")

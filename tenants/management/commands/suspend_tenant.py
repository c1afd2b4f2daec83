"""Suspend a tenant, or lift the suspension."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants import services
from tenants.kernel.errors import DomainError
from tenants.management.tenant_command import COMMAND_LINE, TenantCommand


class Command(TenantCommand):
    help = "Nobody enters a suspended tenant; its data stays. --lift undoes it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", default="")
        parser.add_argument("--lift", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = self.tenant(options["tenant"])
        change = services.tenant_restore if options["lift"] else services.tenant_suspend
        try:
            change(tenant_id=tenant.id, reason=options["reason"], actor=COMMAND_LINE)
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{tenant.name} is {'active' if options['lift'] else 'suspended'}.")

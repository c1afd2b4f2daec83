"""Delete a tenant with everything it holds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants import services
from tenants.kernel.errors import DomainError
from tenants.management.tenant_command import COMMAND_LINE, TenantCommand


class Command(TenantCommand):
    help = "Delete a tenant, its schema and all its data. Asks for the tenant's name; --yes does not ask."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = self.tenant(options["tenant"])
        if not options["yes"]:
            self.stdout.write(f"This deletes {tenant.name} with all its companies, predictions and files.")
            if input("Type the tenant's name to go on: ").strip() != tenant.name:
                raise CommandError("The name is another; nothing was deleted.")
        try:
            services.tenant_delete(tenant_id=tenant.id, actor=COMMAND_LINE)
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{tenant.name} is deleted.")

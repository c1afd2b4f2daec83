"""What the commands on one tenant share: finding it by name, slug or id, and clear failures."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import suppress
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from tenants.kernel.request import Actor
from tenants.models import Tenant

COMMAND_LINE = Actor(None, "command line")


class TenantCommand(BaseCommand):
    """A command whose first argument is a tenant."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="name, slug or id")

    def tenant(self, text: str) -> Tenant:
        """The tenant that is meant; raises CommandError."""
        wanted = Q(name__iexact=text) | Q(slug=text)
        with suppress(ValueError):
            wanted |= Q(id=UUID(text))
        tenant = Tenant.objects.filter(wanted).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {text!r}; see list_tenants.")
        return tenant

"""The tenants with their hosts and states."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tenants.models import Tenant


class Command(BaseCommand):
    help = "List every tenant: name, slug, state, hosts, schema."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON list, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [
            {
                "id": str(tenant.id),
                "name": tenant.name,
                "slug": tenant.slug,
                "state": tenant.state,
                "hosts": [d.domain for d in tenant.domains.all()],
                "schema": tenant.schema_name,
            }
            for tenant in Tenant.objects.prefetch_related("domains")
        ]
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            hosts = ", ".join(row["hosts"]) or "no host"
            self.stdout.write(
                f"{row['name']} ({row['slug']}): {row['state']}, {hosts}, schema {row['schema']}"
            )

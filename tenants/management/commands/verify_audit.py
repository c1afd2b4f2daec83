"""Check the audit logs: whether anybody has changed, removed, inserted or moved a row."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from tenants.kernel.audit.chain import Report, verify
from tenants.kernel.context import in_public, in_tenant
from tenants.management.tenant_command import TenantCommand
from tenants.models import Tenant


class Command(TenantCommand):
    help = (
        "Verify the audit log of the platform and of every tenant, or of one (--tenant). "
        "Exit 1 and a line for each fault where a log is not as it was written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="name, slug or id; the platform and all tenants without")
        parser.add_argument("--platform", action="store_true", help="the platform's log only")

    def handle(self, *args: Any, tenant: str | None = None, platform: bool = False, **options: Any) -> None:
        broken = 0
        if tenant is None:
            with in_public():
                broken += self._tell(verify())
        if not platform:
            chosen = [self.tenant(tenant)] if tenant else Tenant.objects.order_by("schema_name")
            for row in chosen:
                with in_tenant(row.ref):
                    broken += self._tell(verify())
        if broken:
            raise CommandError(f"{broken} audit logs are not as they were written.")

    def _tell(self, report: Report) -> bool:
        state = f"{len(report.findings)} FAULTS" if report.findings else "intact"
        end = f"{report.sequence} {report.hash[:16]}"
        self.stdout.write(f"{report.schema_name}: {state}, {report.rows} rows, ends at {end}")
        for finding in report.findings:
            where = f"link {finding.sequence}" if finding.sequence is not None else "no link"
            self.stdout.write(f"  {finding.what}: {where}, row {finding.event_id or '-'}: {finding.detail}")
        return bool(report.findings)

"""Make the platform ready to work after its migrations."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts import keys
from organizations.services import reserved_tenants_ensure
from predictions.registry import reports
from predictions.registry.services import shipped_model_register
from predictions.schedule import schedule_ensure
from tenants.kernel.request import Actor

PROVISION = Actor(None, "provision")


class Command(BaseCommand):
    help = "Make what is missing of: reserved tenants, signing key, registered model, schedule. Idempotent."

    def handle(self, *args: Any, **options: Any) -> None:
        made = reserved_tenants_ensure()
        self.stdout.write(f"reserved tenants: {', '.join(made) or 'there already'}")
        self.stdout.write(f"signing key: {keys.ring().signing_kid}")
        version = shipped_model_register(actor=PROVISION)
        self.stdout.write(f"model: {version} ({version.get_status_display().lower()})")
        if reports.report_newest(version) is None:
            reports.report_request(version=version, actor=PROVISION)
            self.stdout.write("validation report: asked for, a worker makes it")
        self.stdout.write(f"schedule: {schedule_ensure()} entries")

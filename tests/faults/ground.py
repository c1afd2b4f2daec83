"""Lays the ground of the stage, in a process of its own: schemas, model, schedule, and a tenant with a user.

Prints what the stage must know as one line of JSON.
"""

from __future__ import annotations

import io
import json
import sys

import django


def main() -> None:
    """Make everything that web, worker and beat expect to find."""
    django.setup()
    from django.core.management import call_command
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    from organizations.services import reserved_tenants_ensure
    from predictions.registry.services import shipped_model_register
    from predictions.schedule import schedule_ensure
    from tenants.kernel.context import in_public, in_tenant
    from tenants.kernel.request import SYSTEM
    from tenants.selectors import tenant_by_id
    from tests.benchmarks import tenants as ground

    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    shipped_model_register(actor=SYSTEM)
    schedule_ensure()
    with in_public():
        # The sweep alone, and often: nobody waits here for a night's work.
        often, _ = IntervalSchedule.objects.get_or_create(every=2, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.exclude(name="predictions.sweep_jobs").update(enabled=False)
        PeriodicTask.objects.filter(name="predictions.sweep_jobs").update(interval=often)
    door = ground._open(0)
    tenant = tenant_by_id(door.tenant_id)
    if tenant is None:
        raise RuntimeError("the tenant of the stage is gone")
    with in_tenant(tenant):
        schema = tenant.schema_name
    sys.stdout.write(json.dumps({"host": door.host, "token": door.token, "schema": schema}) + "\n")


if __name__ == "__main__":
    main()

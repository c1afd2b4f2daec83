"""What the platform knows of a tenant's jobs: state and size, written with the job itself."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from tenants.kernel.context import current_tenant, in_public
from tenants.models import JobTicket


def ticket_write(*, job_id: UUID, kind: str, state: str, rows: int, rows_done: int = 0) -> None:
    """Make or bring up to date the ticket of a job of the current tenant."""
    tenant = current_tenant()
    with in_public():
        JobTicket.objects.update_or_create(
            id=job_id,
            defaults={"state": state, "rows": rows, "rows_done": rows_done, "heartbeat": timezone.now()},
            create_defaults={
                "tenant_id": tenant.id,
                "kind": kind,
                "state": state,
                "rows": rows,
                "rows_done": rows_done,
            },
        )


def ticket_remove(*, job_id: UUID) -> None:
    """Forget a job that is gone."""
    with in_public():
        JobTicket.objects.filter(id=job_id).delete()

"""Exports in the background."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts.privacy import services
from tenants.kernel.errors import StorageFull, Unavailable
from tenants.kernel.jobs import PlatformTask


@shared_task(
    base=PlatformTask,
    name="privacy.build_export",
    autoretry_for=(OSError, StorageFull, Unavailable),
    max_retries=3,
)
def build_export(*, export_id: str) -> None:
    """Write the file of an export."""
    services.export_build(export_id=UUID(export_id))

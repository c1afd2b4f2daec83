"""Suspensions that lift themselves."""

from __future__ import annotations

from celery import shared_task

from accounts.standing import services
from tenants.kernel.jobs import PlatformTask


@shared_task(base=PlatformTask, name="standing.lift_due")
def lift_due() -> None:
    """Let in again whose time has come."""
    services.suspensions_lift_due()

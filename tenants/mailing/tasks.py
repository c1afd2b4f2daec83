"""Sending mail in the background."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from tenants.kernel.jobs import PlatformTask
from tenants.mailing import services


@shared_task(base=PlatformTask, name="mailing.deliver")
def deliver(*, letter_id: str) -> None:
    """Try to send one letter; the sweep comes back to it where that failed."""
    services.letter_deliver(letter_id=UUID(letter_id))


@shared_task(base=PlatformTask, name="mailing.sweep")
def sweep() -> None:
    """Send what is due again."""
    services.letters_sweep()

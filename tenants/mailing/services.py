"""Getting letters out: one attempt, the next one later, and an end to it."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from anymail.exceptions import AnymailError
from django.db import transaction
from django.utils import timezone

from tenants.kernel import mail
from tenants.kernel.context import in_public
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import SYSTEM
from tenants.mailing.models import OutgoingLetter

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
# Half a day of trying: a link in it may have expired by then.
MOST_ATTEMPTS = 16
# How long it can be seen that a letter was given up.
KEPT = timedelta(days=7)
SWEEP_SIZE = 200
logger = structlog.get_logger(__name__)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling, an hour at most."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 20)
    return min(doubled, LONGEST_PAUSE)


def letter_deliver(*, letter_id: UUID) -> bool:
    """Try to send a letter; tells whether it has gone.

    The row is locked meanwhile, so of two workers one sends. A worker that dies between the backend's
    yes and the commit sends twice: that is the better of the two errors.
    """
    with in_public(), transaction.atomic():
        rows = OutgoingLetter.objects.select_for_update(skip_locked=True)
        row = rows.filter(id=letter_id, given_up_at=None).first()
        if row is None:
            return False
        letter = mail.read(row.sealed)
        if letter is None:
            _give_up(row, "unreadable")
            return False
        try:
            mail.post(letter)
        except (OSError, AnymailError) as error:
            _put_off(row, error)
            return False
        row.delete()
    return True


def _put_off(row: OutgoingLetter, error: Exception) -> None:
    row.attempts += 1
    if not is_passing(error) or row.attempts >= MOST_ATTEMPTS:
        _give_up(row, type(error).__name__)
        return
    row.next_attempt_at = timezone.now() + pause(row.attempts)
    # The kind only: a mail server's words may repeat the address.
    row.trouble = type(error).__name__
    row.save(update_fields=["attempts", "next_attempt_at", "trouble"])
    logger.warning("a letter could not be sent yet", letter=str(row.id), attempts=row.attempts)


def _give_up(row: OutgoingLetter, why: str) -> None:
    row.given_up_at, row.trouble, row.sealed = timezone.now(), why[:200], ""
    row.save(update_fields=["given_up_at", "trouble", "sealed", "attempts"])
    logger.error("a letter was given up", letter=str(row.id), why=why)


def is_passing(error: Exception) -> bool:
    """Whether trying again may help: not where the other side has said no for good."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code < 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    status = getattr(error, "status_code", None)
    if isinstance(error, AnymailError) and status is not None:
        return bool(status == 429 or status >= 500)
    return True


def letters_sweep(*, now: datetime | None = None) -> int:
    """Hand out letters whose time has come, and forget those given up long ago; tells how many are due."""
    now = now or timezone.now()
    with in_public(), transaction.atomic():
        OutgoingLetter.objects.filter(given_up_at__lt=now - KEPT).delete()
        due = OutgoingLetter.objects.select_for_update(skip_locked=True).filter(
            given_up_at=None, next_attempt_at__lte=now
        )[:SWEEP_SIZE]
        rows = list(due)
        for row in rows:
            enqueue("mailing.deliver", actor=SYSTEM, queue="mail", letter_id=str(row.id))
        # Not again by the next sweep, while the queue is long.
        OutgoingLetter.objects.filter(id__in=[row.id for row in rows]).update(
            next_attempt_at=now + LONGEST_PAUSE
        )
    return len(rows)

"""Work cut into pieces that are rows: handing a few out at a time, and taking one to write it.

A piece has ``sent_at``, ``attempts`` and ``done_at``. What it brings and its done-mark are written in one
transaction, so it is done wholly or not at all, whoever is handed it how often.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

# Pieces of one job in the queue at a time: small jobs get through beside large ones.
WINDOW = 4
# A piece that was begun this often and never ended (it kills its worker) is given up.
MAX_ATTEMPTS = 8


def hand_out(pieces: QuerySet[Any], *, window: int = WINDOW) -> list[UUID]:
    """Choose the next pieces to send, and note that they were sent. The caller holds their job's lock.

    A piece that was sent longer than ``CHUNK_STALE_SECONDS`` ago and is not being written is sent again.
    """
    now = timezone.now()
    waiting = pieces.filter(done_at=None)
    under_way = waiting.filter(sent_lately(now)).count()
    free = waiting.filter(Q(sent_at=None) | ~sent_lately(now)).order_by("number")
    # A piece that is being written just now is not lost, whatever its time says.
    free = free.select_for_update(of=("self",), skip_locked=True)
    chosen = list(free.values_list("id", flat=True)[: max(window - under_way, 0)])
    pieces.filter(id__in=chosen).update(sent_at=now)
    return chosen


def sent_lately(now: datetime, prefix: str = "") -> Q:
    """Of pieces that were sent and may still come. One that was sent in the future was sent before somebody
    set the clock back, and would never come to be lost."""
    span = timedelta(seconds=settings.CHUNK_STALE_SECONDS)
    return Q(**{f"{prefix}sent_at__gte": now - span, f"{prefix}sent_at__lte": now + span})


def begin(pieces: QuerySet[Any], piece_id: UUID, *, most: int = MAX_ATTEMPTS) -> bool:
    """Count an attempt, at once and before the work; False for a piece that was begun too often."""
    pieces.filter(id=piece_id).update(attempts=F("attempts") + 1)
    return pieces.filter(id=piece_id, attempts__lte=most).exists()


def claim(pieces: QuerySet[Any], piece_id: UUID) -> Any:
    """The piece, locked for this transaction; None where somebody writes it or has written it."""
    rows = pieces.select_for_update(of=("self",), skip_locked=True)
    return rows.filter(id=piece_id, done_at=None).first()

"""Reading from a copy of the database, where that changes nothing but who does the work.

``with from_replica():`` marks reads that are heavy and may as well be done elsewhere (a report). They go to
the replica only if it has replayed everything that the primary had written when the block began: what
anybody has written and been told of is there. Otherwise, and without a replica, they go to the primary.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

REPLICA = "replica"
# How long a block waits for the replica to come up with the primary.
PATIENCE = 1.0
PAUSE = 0.02
logger = logging.getLogger(__name__)
_reading: ContextVar[bool] = ContextVar("reading_from_replica", default=False)


class ReplicaRouter:
    """Writes and unmarked reads to the primary; marked reads to the replica, outside transactions."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        # Said in so many words: without an answer Django would follow the row that a relation starts from.
        return REPLICA if _reading.get() and not _in_transaction() else DEFAULT_DB_ALIAS

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == REPLICA else None


@contextmanager
def from_replica() -> Iterator[bool]:
    """Let the reads of the block go to the replica if it knows all that the primary knows; tells whether."""
    fit = REPLICA in settings.DATABASES and not _in_transaction() and _has_come_up()
    mark = _reading.set(fit)
    try:
        yield fit
    finally:
        _reading.reset(mark)


def _in_transaction() -> bool:
    return bool(connections[DEFAULT_DB_ALIAS].in_atomic_block)


def _has_come_up() -> bool:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn()::text")
            written = cursor.fetchone()[0]
        until = time.monotonic() + PATIENCE
        with connections[REPLICA].cursor() as cursor:
            while True:
                cursor.execute("SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), %s::pg_lsn) >= 0", [written])
                if cursor.fetchone()[0]:
                    return True
                if time.monotonic() > until:
                    logger.warning("the replica is behind: the primary is read")
                    return False
                time.sleep(PAUSE)
    except DatabaseError:
        logger.warning("the replica cannot be reached: the primary is read")
        return False

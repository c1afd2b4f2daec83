"""How many large files are read at a time: a cut keeps a process busy for half a minute, and an urgent file
must not have to wait for that.

The slots are leases in Redis. If they get lost two cuts may run at once, which costs time and no row.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import caches
from redis.exceptions import RedisError

from predictions.models import ScoringJob

# A cut says every few chunks that it goes on; one whose worker died frees its slot after so long.
LEASE = 60


def _client() -> Any:
    return caches["directory"]._cache.get_client(None, write=True)  # type: ignore[attr-defined]


def _slots() -> list[str]:
    prefix = caches["directory"].key_prefix
    return [f"{prefix}:cut-slot:{number}" for number in range(max(1, settings.CUTS_AT_ONCE))]


def take(job: ScoringJob) -> bool:
    """Whether the job's file may be read now: it takes a slot, or has one. Small files need none."""
    if job.total_rows <= settings.URGENT_MAX_ROWS:
        return True
    name = str(job.id)
    try:
        client = _client()
        # Of a cut that was broken off, the slot may still be its own.
        return any(
            client.set(slot, name, nx=True, ex=LEASE) or _holder(client, slot) == name for slot in _slots()
        )
    except RedisError:
        return True


def keep(job: ScoringJob) -> None:
    """Say that the cut goes on."""
    try:
        client = _client()
        for slot in _slots():
            if _holder(client, slot) == str(job.id):
                client.expire(slot, LEASE)
    except RedisError:
        return


def give_back(job: ScoringJob) -> None:
    """Let the next file be read."""
    try:
        client = _client()
        for slot in _slots():
            if _holder(client, slot) == str(job.id):
                client.delete(slot)
    except RedisError:
        return


def _holder(client: Any, slot: str) -> str:
    return (client.get(slot) or b"").decode()

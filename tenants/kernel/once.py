"""What is remembered for some minutes and taken once: in Redis, for the whole platform."""

from __future__ import annotations

from typing import Any

from django.core.cache import caches
from redis.exceptions import RedisError

from tenants.kernel.errors import Unavailable

_SORRY = "This is not possible just now; try again in a moment."


def _store() -> tuple[Any, str]:
    store = caches["directory"]
    client = store._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    return client, f"{store.key_prefix}:once:"


def keep(name: str, value: str, *, seconds: int) -> None:
    """Remember a text under a name that nobody can guess. Raises Unavailable without Redis."""
    client, prefix = _store()
    try:
        client.set(prefix + name, value, ex=seconds)
    except RedisError as error:
        raise Unavailable(_SORRY) from error


def take(name: str) -> str | None:
    """The text, to the first who asks; None to everybody after him and when the time is over.

    Raises Unavailable without Redis.
    """
    client, prefix = _store()
    try:
        found: bytes | None = client.getdel(prefix + name)
    except RedisError as error:
        raise Unavailable(_SORRY) from error
    return found.decode() if found is not None else None

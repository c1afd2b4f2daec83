"""Circuit breakers of the sources. Their state is in Redis, so every worker and the console see the same.

Closed: calls go through. Open: nothing is asked until ``CONNECTOR_CIRCUIT_SECONDS`` have passed. Half-open:
one call tries; if it succeeds the circuit closes, else it opens again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pybreaker
from django.conf import settings
from django.core.cache import caches
from redis.exceptions import RedisError

from companies.connectors.errors import CircuitOpen, NotThere

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CircuitView:
    """How a circuit stands; ``unknown`` while Redis does not answer."""

    state: str
    failures: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None


def redis_client() -> Any:
    """The Redis of what is true for the whole platform."""
    return caches["directory"]._cache.get_client(None, write=True)  # type: ignore[attr-defined]


def redis_key(name: str) -> str:
    return f"{caches['directory'].key_prefix}:connectors:{name}"


class Circuit:
    """The breaker of one source."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=settings.CONNECTOR_CIRCUIT_FAILURES,
            reset_timeout=settings.CONNECTOR_CIRCUIT_SECONDS,
            exclude=[NotThere],
            state_storage=pybreaker.CircuitRedisStorage(
                pybreaker.STATE_CLOSED, redis_client(), namespace=redis_key(f"circuit:{name}")
            ),
            # The call that opens the circuit fails with its own error, which says more.
            throw_new_error_on_trip=False,
        )

    def call(self, work: Callable[[], T]) -> T:
        """Do the work where the circuit lets it through. Raises CircuitOpen, and what the work raises."""
        try:
            result: T = self._breaker.call(work)
        except pybreaker.CircuitBreakerError as error:
            seconds = settings.CONNECTOR_CIRCUIT_SECONDS
            raise CircuitOpen(
                f"The source has failed repeatedly; it is tried again {seconds} s after its last failure."
            ) from error
        return result

    def close(self) -> None:
        """Let calls through again now."""
        self._breaker.close()

    @property
    def view(self) -> CircuitView:
        return _views([self.name])[self.name]


def view(name: str) -> CircuitView:
    """How a circuit stands, for pages and answers: no failure of theirs."""
    return views([name])[name]


def views(names: Collection[str]) -> dict[str, CircuitView]:
    """How circuits stand, by their names: one look at Redis, however many."""
    try:
        return _views(names)
    except RedisError:
        return dict.fromkeys(names, CircuitView("unknown"))


# As pybreaker's storage names them.
_KEYS = ("state", "fail_counter", "opened_at")


def _views(names: Collection[str]) -> dict[str, CircuitView]:
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    keys = [f"{redis_key(f'circuit:{name}')}:pybreaker:{key}" for name in wanted for key in _KEYS]
    told = redis_client().mget(keys)
    return {name: _view(*told[3 * place : 3 * place + 3]) for place, name in enumerate(wanted)}


def _view(state: bytes | None, failures: bytes | None, opened: bytes | None) -> CircuitView:
    words = state.decode().replace("-", "_") if state else "closed"
    at = datetime.fromtimestamp(int(opened), UTC) if opened and words == "open" else None
    retry = at + timedelta(seconds=settings.CONNECTOR_CIRCUIT_SECONDS) if at else None
    return CircuitView(words, int(failures or 0), at, retry)

"""Circuit breakers of the sources. Their state is in Redis, so every worker and the console see the same.

Closed: calls go through. Open: nothing is asked until ``CONNECTOR_CIRCUIT_SECONDS`` have passed. Half-open:
one call tries; if it succeeds the circuit closes, else it opens again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
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
        storage = self._breaker._state_storage
        state = str(self._breaker.current_state).replace("-", "_")
        opened = storage.opened_at if state == "open" else None
        retry = opened + timedelta(seconds=settings.CONNECTOR_CIRCUIT_SECONDS) if opened else None
        return CircuitView(state, int(storage.counter), opened, retry)


def view(name: str) -> CircuitView:
    """How a circuit stands, for pages and answers: no failure of theirs."""
    try:
        return Circuit(name).view
    except RedisError:
        return CircuitView("unknown")

"""HTTP to a source: time-outs, retries with back-off and jitter, one rate for all workers, mutual TLS."""

from __future__ import annotations

import math
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import urllib3
from django.conf import settings
from django.utils import timezone
from urllib3.exceptions import HTTPError

from companies.connectors.circuits import Circuit, redis_client, redis_key
from companies.connectors.errors import CircuitOpen, NotThere, SourceFailed

MOST_BYTES = 1024**3
_PIECE = 1 << 18
_LONGEST_WAIT = 60.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})

# Takes the next free slot; tells how many milliseconds until it comes.
_SLOT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000
local due = tonumber(redis.call('GET', KEYS[1]) or '0')
if due < now then due = now end
redis.call('SET', KEYS[1], string.format('%.3f', due + tonumber(ARGV[1])), 'PX', 60000)
return string.format('%.3f', due - now)
"""


class Pace:
    """No more than so many requests a second to a source, evenly, over all workers together."""

    def __init__(self, name: str, per_second: float, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._interval = 1000.0 / per_second
        self._key = redis_key(f"pace:{name}")
        self._slot = redis_client().register_script(_SLOT)
        self._sleep = sleep

    def wait(self) -> float:
        """Sleep until the next request is allowed; tells for how many seconds."""
        seconds = float(self._slot(keys=[self._key], args=[self._interval])) / 1000.0
        if seconds > 0:
            self._sleep(seconds)
        return seconds


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files for TLS: whom we trust, and what we show of ourselves where the source asks (mutual TLS)."""

    ca: str = ""
    certificate: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises SourceFailed for files that are not there or do not belong together."""
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key or None)
        except (OSError, ssl.SSLError) as error:
            raise SourceFailed("The certificates for the source cannot be read.") from error
        return context


class _Retried(SourceFailed):
    """A failure that may pass; ``after`` is what the source asks us to wait."""

    def __init__(self, detail: str, after: float | None = None) -> None:
        super().__init__(detail)
        self.after = after


class HttpSource:
    """Documents of one host by GET."""

    def __init__(
        self,
        base: str,
        *,
        circuit: Circuit,
        headers: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        tls: TlsFiles | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._base = base.rstrip("/")
        self._circuit = circuit
        self._pace = pace
        self._sleep = sleep
        self._chance = chance
        self._headers = {"Accept-Encoding": "gzip, deflate", **(headers or {})}
        options: dict[str, Any] = {}
        if self._base.startswith("https:"):
            options["ssl_context"] = (tls or TlsFiles()).context()
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(
                connect=min(10, settings.CONNECTOR_TIMEOUT), read=settings.CONNECTOR_TIMEOUT
            ),
            retries=False,
            **options,
        )

    def get(self, path: str, *, to: Path | None = None) -> bytes:
        """The body at a path, or into a file. Raises NotThere, SourceFailed, CircuitOpen.

        What may pass (time-outs, broken connections, 429 and 5xx) is tried again, after a pause that
        doubles and is cut by chance, so that many workers do not come back at once. Each attempt counts for
        the circuit.
        """
        failure: _Retried | None = None
        for attempt in range(1, settings.CONNECTOR_ATTEMPTS + 1):
            if self._pace is not None:
                self._pace.wait()
            try:
                return self._circuit.call(lambda: self._once(path, to))
            except CircuitOpen as error:
                if failure is None:
                    raise
                # It was our own attempt that opened it: say what happened.
                raise SourceFailed(failure.detail) from error
            except _Retried as error:
                failure = error
                if attempt == settings.CONNECTOR_ATTEMPTS:
                    raise SourceFailed(error.detail) from error
                longest = settings.CONNECTOR_BACKOFF * 2 ** (attempt - 1)
                pause = longest * (0.5 + self._chance() / 2)
                self._sleep(min(max(pause, error.after or 0.0), _LONGEST_WAIT))
        raise AssertionError("the loop returns or raises")

    def _once(self, path: str, to: Path | None) -> bytes:
        host = self._base.partition("//")[2]
        try:
            answer = self._pool.request(
                "GET", self._base + path, headers=self._headers, preload_content=False, redirect=False
            )
            try:
                return self._body(answer, host, to)
            finally:
                answer.release_conn()
        except (HTTPError, OSError) as error:
            if isinstance(error, urllib3.exceptions.SSLError) or isinstance(error.__cause__, ssl.SSLError):
                raise SourceFailed(f"{host} and we do not trust each other's certificate.") from error
            raise _Retried(f"{host} does not answer.") from error

    def _body(self, answer: Any, host: str, to: Path | None) -> bytes:
        if answer.status == 404:
            answer.drain_conn()
            raise NotThere
        if answer.status in _RETRIED:
            answer.drain_conn()
            raise _Retried(f"{host} answers {answer.status}.", _seconds(answer.headers.get("Retry-After")))
        if answer.status != 200:
            answer.drain_conn()
            raise SourceFailed(f"{host} answers {answer.status}.")
        pieces: list[bytes] = []
        size = 0
        file = to.open("wb") if to is not None else None
        try:
            for piece in answer.stream(_PIECE, decode_content=True):
                size += len(piece)
                if size > MOST_BYTES:
                    raise SourceFailed(f"{host} answers with more than any document holds.")
                if file is None:
                    pieces.append(piece)
                else:
                    file.write(piece)
        finally:
            if file is not None:
                file.close()
        return b"".join(pieces)


def _seconds(retry_after: str | None) -> float | None:
    """What ``Retry-After`` asks for: seconds, or a date (RFC 9110)."""
    if not retry_after:
        return None
    if retry_after.isdigit():
        return float(retry_after)
    try:
        wait = (parsedate_to_datetime(retry_after) - timezone.now()).total_seconds()
    except (TypeError, ValueError):
        return None
    return wait if math.isfinite(wait) and wait > 0 else None

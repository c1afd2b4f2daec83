"""The process of the streams: plain ASGI with one route, ``GET /stream/jobs``, as server-sent events.

Open pages cost the API no thread: here a stream is a coroutine, and threads are used only to ask the
database who somebody is. Each event is the whole progress of one job, never a difference, so that one that is
missed is made good by the next. ``event: job`` carries it, ``event: end`` says why the stream is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.conf import settings

from predictions.live.admission import Caller, Shown, ends_at, is_over
from predictions.live.hub import Hub, Stream, is_after
from predictions.live.places import place_leave, place_take
from tenants.kernel.errors import Absent, DomainError, TooMany
from tenants.kernel.ids import uuid7
from tenants.kernel.problem import MEDIA_TYPE, body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
PATH = "/stream/jobs"
# Threads that ask the database; each uses one connection while it does.
THREADS = 4
# How long a client waits before it comes back.
RETRY_MILLISECONDS = 3000
logger = logging.getLogger(__name__)


class StreamApp:
    """What the ASGI server calls."""

    def __init__(self) -> None:
        self.hub: Hub | None = None
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="admission")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._hub()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self.hub is not None:
                    await self.hub.stop()
                self.threads.shutdown(wait=False)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _hub(self) -> Hub:
        if self.hub is None:
            self.hub = Hub()
            await self.hub.start()
        return self.hub

    async def _ask(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *given)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in scope["headers"]}
        path, method = scope["path"].rstrip("/"), scope["method"]
        cors = _cors(headers)
        if path == "/health/live":
            await _answer(send, 200, {"status": "live"})
        elif path != PATH:
            await _refuse(send, Absent(), path, cors)
        elif method == "OPTIONS":
            await _preflight(send, cors)
        elif method != "GET":
            problem = body(405, "method_not_allowed", "Streams are read with GET.", path)
            await _answer(send, 405, problem, [(b"allow", b"GET, OPTIONS"), *cors], MEDIA_TYPE)
        else:
            try:
                await self._stream(scope, headers, cors, receive, send)
            except DomainError as error:
                await _refuse(send, error, path, cors)

    async def _stream(
        self, scope: Scope, headers: dict[str, str], cors: Headers, receive: Receive, send: Send
    ) -> None:
        """Admit, tell how things stand, and go on telling. Raises DomainError before anything is sent."""
        shown = Shown(headers.get("host", ""), headers.get("authorization", ""), headers.get("cookie", ""))
        job_id = _job_of(scope)
        caller: Caller = await self._ask(shown.caller)
        hub, mark = await self._hub(), uuid7().hex
        if not await place_take(hub.redis, caller.user_id, mark):
            most = settings.STREAM_MAX_PER_USER
            raise TooMany(
                f"You may follow {most} streams at a time.", code="too_many_streams", retry_after=10
            )
        stream = Stream(caller, str(job_id) if job_id else None)
        try:
            # First listen, then look: what happens between the two is offered twice, and sent once.
            await hub.add(stream)
            since = _event_id(headers.get("last-event-id", ""))
            stream.last_id = since
            standing: list[dict[str, Any]] = []
            if not since or not await hub.missed(stream, since):
                stream.last_id = await hub.newest_id(caller.tenant_id)
                caller, standing = await self._ask(shown.snapshot, job_id)
            elif job_id is not None:
                caller, _ = await self._ask(shown.snapshot, job_id)  # whether it is his to see
            stream.caller = caller
            await _begin(send, cors)
            await _send(
                send, f"retry: {RETRY_MILLISECONDS}\n: until {ends_at(caller) or 'the session ends'}\n\n"
            )
            for progress in standing:
                await _send(send, _event("job", progress, stream.last_id))
            follow = asyncio.ensure_future(self._follow(shown, stream, job_id, mark, standing, send))
            gone = asyncio.ensure_future(_gone(receive))
            done, left = await asyncio.wait({follow, gone}, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            for task in done:
                # A client that goes away in the middle of a line is nothing to speak of.
                if (error := task.exception()) is not None and not isinstance(error, OSError):
                    logger.error("a stream has failed", exc_info=error)
        finally:
            await hub.remove(stream)
            await place_leave(hub.redis, caller.user_id, mark)

    async def _follow(
        self,
        shown: Shown,
        stream: Stream,
        job_id: UUID | None,
        mark: str,
        standing: list[dict[str, Any]],
        send: Send,
    ) -> None:
        hub = await self._hub()
        running = {p["job_id"] for p in standing if p["running"]}
        if job_id is not None and standing and not running:
            await _end(send, "done")
            return
        checked = beaten = time.monotonic()
        while True:
            pause = min(settings.STREAM_CHECK_SECONDS, settings.STREAM_HEARTBEAT_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stream.wake.wait(), pause)
            stream.wake.clear()
            now = time.monotonic()
            if hub.closing:
                return  # the client comes back to another process
            # Before anything more is told.
            if is_over(stream.caller):
                await _end(send, "token_expired")
                return
            if now - checked >= settings.STREAM_CHECK_SECONDS or stream.stale:
                checked = now
                try:
                    found: Any = await self._ask(shown.snapshot, job_id) if stream.stale else None
                    stream.caller = found[0] if found else await self._ask(shown.caller)
                except DomainError as error:
                    await _end(send, error.code)
                    return
                await place_take(hub.redis, stream.caller.user_id, mark)
                if found:
                    stream.stale = False
                    for progress in found[1]:
                        await _send(send, _event("job", progress, stream.last_id))
            for event_id, progress in sorted(stream.waiting.values(), key=lambda pair: pair[0]):
                if not stream.wants(progress):  # the organization may have been lost a moment ago
                    continue
                stream.last_id = event_id if is_after(event_id, stream.last_id) else stream.last_id
                await _send(send, _event("job", progress, event_id))
                beaten = now
                if job_id is not None and not progress["running"]:
                    await _end(send, "done")
                    return
            stream.waiting.clear()
            if now - beaten >= settings.STREAM_HEARTBEAT_SECONDS:
                beaten = now
                await _send(send, ": beat\n\n")


def _job_of(scope: Scope) -> UUID | None:
    given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("job", [])
    if not given:
        return None
    try:
        return UUID(given[0])
    except ValueError:
        raise Absent() from None


def _event_id(text: str) -> str:
    """A ``Last-Event-ID`` of ours, empty for anything else."""
    stamp, _, sequence = text.partition("-")
    return text if stamp.isdecimal() and sequence.isdecimal() and len(text) < 40 else ""


def _cors(headers: dict[str, str]) -> Headers:
    """What lets a page of another origin read the answer, where the settings (or the same host) allow it."""
    origin = headers.get("origin", "")
    if not origin:
        return []
    always = [(b"vary", b"Origin")]
    listed = origin in settings.CORS_ALLOWED_ORIGINS
    # The console of the same host, where this process has a port of its own: cookies know no ports.
    same_host = urlsplit(origin).hostname == urlsplit(f"//{headers.get('host', '')}").hostname
    if not listed and not same_host and not settings.CORS_ALLOW_ALL_ORIGINS:
        return always
    allowed = [(b"access-control-allow-origin", origin.encode("latin-1"))]
    if same_host:
        allowed.append((b"access-control-allow-credentials", b"true"))
    return [*always, *allowed]


async def _preflight(send: Send, cors: Headers) -> None:
    more = [
        (b"access-control-allow-methods", b"GET"),
        (b"access-control-allow-headers", b"authorization, cache-control, last-event-id"),
        (b"access-control-max-age", str(settings.CORS_PREFLIGHT_MAX_AGE).encode()),
    ]
    allowed = any(name == b"access-control-allow-origin" for name, _ in cors)
    await send({"type": "http.response.start", "status": 204, "headers": [*cors, *(more if allowed else [])]})
    await send({"type": "http.response.body", "body": b""})


async def _begin(send: Send, cors: Headers) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        # nginx would gather events before it passes them on.
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
        *cors,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _send(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _end(send: Send, why: str) -> None:
    text = _event("end", {"why": why}, "")
    await send({"type": "http.response.body", "body": text.encode(), "more_body": False})


def _event(kind: str, data: dict[str, Any], event_id: str) -> str:
    named = f"id: {event_id}\n" if event_id else ""
    return f"{named}event: {kind}\ndata: {json.dumps(data)}\n\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, error: DomainError, path: str, cors: Headers) -> None:
    problem = body(error.status, error.code, error.detail, path, title=error.title, **error.fields)
    headers = [*cors]
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="api"'))
    if "retry_after" in error.fields:
        headers.append((b"retry-after", str(error.fields["retry_after"]).encode()))
    await _answer(send, error.status, problem, headers, MEDIA_TYPE)


async def _answer(
    send: Send, status: int, content: Any, headers: Headers | None = None, media: str = "application/json"
) -> None:
    text = json.dumps(content).encode()
    start = [(b"content-type", media.encode()), (b"cache-control", b"no-store"), *(headers or [])]
    start.append((b"content-length", str(len(text)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": text})

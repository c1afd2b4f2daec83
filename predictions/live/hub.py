"""One subscription to Redis for all the streams of this process, and what each of them has not sent yet."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from predictions.live.admission import Caller
from predictions.live.channel import channel_of, log_of

logger = logging.getLogger(__name__)
PAUSE = 1.0
# Marks that a process of the streams listens, so that a subscription is never empty.
IDLE = "progress:idle"


@dataclass(eq=False)
class Stream:
    """An open stream. Of each job only the newest event waits: a slow reader misses steps, never the end."""

    caller: Caller
    job_id: str | None
    waiting: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    # Everything must be read from the tables again: events may have been missed.
    stale: bool = False
    last_id: str = ""

    def wants(self, event: dict[str, Any]) -> bool:
        """Whether the caller may see the event, and asked for it."""
        if self.job_id is not None and event["job_id"] != self.job_id:
            return False
        return UUID(event["organization_id"]) in self.caller.organizations

    def offer(self, event_id: str, event: dict[str, Any]) -> None:
        """Keep an event for sending, unless it is older than what was sent."""
        if self.wants(event) and is_after(event_id, self.last_id):
            self.waiting[event["job_id"]] = (event_id, event)
            self.wake.set()


def is_after(one: str, other: str) -> bool:
    """Whether one id of Redis' log is later than another; everything is later than none."""
    return not other or _number(one) > _number(other)


def _number(event_id: str) -> tuple[int, int]:
    stamp, _, sequence = event_id.partition("-")
    return int(stamp), int(sequence or 0)


class Hub:
    """Hands each tenant's events to its open streams."""

    def __init__(self) -> None:
        self.redis: Any = Redis.from_url(
            settings.STREAM_REDIS_URL, decode_responses=True, socket_keepalive=True, health_check_interval=15
        )
        self.streams: dict[UUID, set[Stream]] = defaultdict(set)
        self.closing = False
        self._pubsub: Any = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Let every stream end, then stop to listen."""
        self.closing = True
        for stream in self._all():
            stream.wake.set()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.redis.aclose()

    async def add(self, stream: Stream) -> None:
        """Listen for a stream's tenant from now on; once this has returned, no event is missed."""
        tenant_id = stream.caller.tenant_id
        self.streams[tenant_id].add(stream)
        if len(self.streams[tenant_id]) == 1 and self._pubsub is not None:
            with contextlib.suppress(RedisError):  # the listener subscribes to all again when it is back
                await self._pubsub.subscribe(channel_of(tenant_id))

    async def remove(self, stream: Stream) -> None:
        """Forget a stream; nobody listens for a tenant without one."""
        tenant_id = stream.caller.tenant_id
        self.streams[tenant_id].discard(stream)
        if not self.streams[tenant_id]:
            del self.streams[tenant_id]
            if self._pubsub is not None:
                with contextlib.suppress(RedisError):
                    await self._pubsub.unsubscribe(channel_of(tenant_id))

    async def missed(self, stream: Stream, since: str) -> bool:
        """Offer the stream what was published after an id; False where the log no longer goes back so far."""
        try:
            oldest = await self.redis.xrange(log_of(stream.caller.tenant_id), count=1)
            if not oldest or is_after(oldest[0][0], since):
                return False
            found = await self.redis.xrange(log_of(stream.caller.tenant_id), min=f"({since}")
        except RedisError:
            return False
        for event_id, fields in found:
            stream.offer(event_id, json.loads(fields["event"]))
        return True

    async def newest_id(self, tenant_id: UUID) -> str:
        """The id of the tenant's last event, empty where there is none."""
        try:
            found = await self.redis.xrevrange(log_of(tenant_id), count=1)
        except RedisError:
            return ""
        return str(found[0][0]) if found else ""

    def _all(self) -> list[Stream]:
        return [stream for streams in self.streams.values() for stream in streams]

    async def _listen(self) -> None:
        while not self.closing:
            try:
                async with self.redis.pubsub() as pubsub:
                    await pubsub.subscribe(IDLE, *map(channel_of, self.streams))
                    self._pubsub = pubsub
                    for stream in self._all():
                        # Whatever happened while nobody listened.
                        stream.stale = True
                        stream.wake.set()
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            self._hand_on(message["channel"], message["data"])
            except (RedisError, OSError):
                logger.warning("redis is unreachable: streams wait")
            finally:
                self._pubsub = None
            await asyncio.sleep(PAUSE)

    def _hand_on(self, channel: str, data: str) -> None:
        event_id, _, text = data.partition(" ")
        try:
            event = json.loads(text)
            tenant_id = UUID(channel.partition(":")[2])
        except ValueError:
            return
        for stream in self.streams.get(tenant_id, ()):
            stream.offer(event_id, event)

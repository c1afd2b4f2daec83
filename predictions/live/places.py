"""How many streams one user may hold open, counted in Redis across processes."""

from __future__ import annotations

import logging
from uuid import UUID

from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A stream that does not say for so long that it is still open has gone with its process.
GONE_AFTER = 60
_TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]) * 2)
return 1
"""


def _key(user_id: UUID) -> str:
    return f"progress-streams:{user_id}"


async def place_take(redis: Redis, user_id: UUID, mark: str) -> bool:
    """Take a place, or keep one that is held; False where the user holds as many as he may.

    Without Redis there are no events either, and nothing to guard: the place is given.
    """
    try:
        taken = await redis.eval(_TAKE, 1, _key(user_id), mark, settings.STREAM_MAX_PER_USER, GONE_AFTER)  # type: ignore[misc]
    except RedisError:
        logger.warning("redis is unreachable: streams are not counted")
        return True
    return bool(taken)


async def place_leave(redis: Redis, user_id: UUID, mark: str) -> None:
    """Give a place back."""
    try:
        await redis.zrem(_key(user_id), mark)
    except RedisError:
        logger.warning("redis is unreachable: a place is given back late")

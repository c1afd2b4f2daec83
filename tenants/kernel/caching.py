"""The directory's cache: Redis, a moment of memory before it, and no fault of its own.

Every request asks which tenant a host is. The answer hardly ever changes, so a process remembers it for
DIRECTORY_LOCAL_SECONDS (on top of DIRECTORY_SECONDS in Redis); a service that changes a tenant drops both in
its own process. Who may do what is never remembered here: that ends at once.

Without Redis everything is read from the database: slower, and right.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
REMEMBERED = ("host:", "tenant:", "schema:")
MOST = 5000


class DirectoryCache(RedisCache):  # type: ignore[misc]
    """Redis for the whole platform, and what this process has just read."""

    # Django makes a cache object for each thread; the memory is the process's.
    memory: dict[str, tuple[float, Any]] = {}  # noqa: RUF012 - shared on purpose

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        seconds = settings.DIRECTORY_LOCAL_SECONDS
        mark = f"{self.key_prefix}:{key}"
        kept = self.memory.get(mark) if seconds else None
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        try:
            found = super().get(key, default, version)
        except RedisError:
            logger.warning("redis is unreachable: the directory is read from the database")
            return default
        if found and seconds and str(key).startswith(REMEMBERED):
            if len(self.memory) > MOST:
                self.memory.clear()
            self.memory[mark] = (time.monotonic() + seconds, found)
        return found

    def set(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(*args, **kwargs)
        except RedisError:
            logger.warning("redis is unreachable: nothing is remembered")

    def delete(self, key: Any, version: Any = None) -> bool:
        self.memory.pop(f"{self.key_prefix}:{key}", None)
        return bool(super().delete(key, version))

    def delete_many(self, keys: Iterable[Any], version: Any = None) -> None:
        keys = list(keys)
        for key in keys:
            self.memory.pop(f"{self.key_prefix}:{key}", None)
        super().delete_many(keys, version)

    def clear(self) -> None:
        self.memory.clear()
        super().clear()

    def ping(self) -> None:
        """Raise what Redis raises."""
        self._cache.get_client(None).ping()

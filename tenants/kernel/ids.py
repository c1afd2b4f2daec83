"""Primary keys: UUIDs of version 7 (RFC 9562), so that new rows lie side by side in every index."""

from __future__ import annotations

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """A new identifier; later calls in this process give greater ones."""
    return uuid7_batch(1)[0]


def uuid7_batch(count: int) -> list[uuid.UUID]:
    """``count`` identifiers in ascending order.

    48 bits of milliseconds, then 12 bits of the fraction of a millisecond (method 3 of RFC 9562,
    section 6.2), then 62 random bits. The clock is never allowed to run backwards.
    """
    global _last
    with _lock:
        # One tick is 1/4096 ms, the resolution that the 12 bits of rand_a give.
        start = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        _last = start + count - 1
    noise = os.urandom(8 * count)
    identifiers = []
    for i in range(count):
        tick = start + i
        tail = int.from_bytes(noise[8 * i : 8 * i + 8], "big") >> 2
        value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | tail
        identifiers.append(uuid.UUID(int=value))
    return identifiers

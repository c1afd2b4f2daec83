"""Primary keys: UUIDs of version 7 (RFC 9562), so that new rows lie side by side in every index."""

from __future__ import annotations

import os
import threading
import time
import uuid

import numpy as np

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """A new identifier; later calls in this process give greater ones."""
    tick = _ticks(1)
    tail = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=(tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | tail)


def uuid7_batch(count: int) -> list[uuid.UUID]:
    """``count`` identifiers in ascending order."""
    raw = uuid7_bytes(count)
    return [uuid.UUID(bytes=raw[place : place + 16]) for place in range(0, len(raw), 16)]


def uuid7_bytes(count: int) -> bytes:
    """``count`` identifiers in ascending order, 16 bytes each.

    48 bits of milliseconds, then 12 bits of the fraction of a millisecond (method 3 of RFC 9562,
    section 6.2), then 62 random bits.
    """
    start = _ticks(count)
    ticks = np.arange(start, start + count, dtype=np.uint64)
    halves = np.empty((count, 2), dtype=">u8")
    halves[:, 0] = (
        ((ticks >> np.uint64(12)) << np.uint64(16)) | np.uint64(0x7000) | (ticks & np.uint64(0xFFF))
    )
    noise = np.frombuffer(os.urandom(8 * count), dtype=np.uint64)
    halves[:, 1] = (noise >> np.uint64(2)) | np.uint64(0b10 << 62)
    return halves.tobytes()


def _ticks(count: int) -> int:
    """The first of ``count`` ticks that nobody else gets. The clock is never allowed to run backwards."""
    global _last
    with _lock:
        # One tick is 1/4096 ms, the resolution that the 12 bits of rand_a give.
        start = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        _last = start + count - 1
    return start

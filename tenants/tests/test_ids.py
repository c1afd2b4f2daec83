"""Time-ordered identifiers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tenants.kernel.ids import uuid7, uuid7_batch


def test_they_are_version_7_variant_rfc_and_carry_the_time():
    before = time.time_ns() // 1_000_000
    value = uuid7()
    assert (value.version, value.variant) == (7, "specified in RFC 4122")
    assert before - 1 <= value.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_they_ascend_and_never_repeat_across_threads():
    batch = uuid7_batch(10_000)
    assert batch == sorted(batch)
    with ThreadPoolExecutor(8) as pool:
        drawn = [i for ids in pool.map(lambda _: uuid7_batch(1000), range(20)) for i in ids]
    assert len(set(drawn) | set(batch)) == 30_000

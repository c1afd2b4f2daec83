"""Rows that repeat the key of an earlier one, found in one pass at a few dozen bytes a row."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import numpy as np

_DIGEST_BYTES: Final = 16


def find_duplicates(keys: Iterable[tuple[int, str, int, int]]) -> dict[int, int]:
    """Row number of each repetition to the row number of the first row with that symbol, year and quarter.

    128 bits of a digest stand for a key, so two different keys are never taken for one in practice (chance
    below 1e-26 for a million rows), and a million rows need 24 MB and a sort.
    """
    digests = bytearray()
    numbers = array("q")
    for row, symbol, year, quarter in keys:
        digests += blake2b(f"{symbol}\x1f{year}\x1f{quarter}".encode(), digest_size=_DIGEST_BYTES).digest()
        numbers.append(row)
    if not numbers:
        return {}
    halves = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    rows = np.frombuffer(numbers, dtype=np.int64)
    order = np.lexsort((rows, halves[:, 1], halves[:, 0]))
    same = (halves[order[1:]] == halves[order[:-1]]).all(axis=1)
    if not same.any():
        return {}
    # In the sorted order each run of equal keys begins with its first row.
    starts = np.concatenate(([0], np.where(same, 0, np.arange(1, len(order)))))
    first = rows[order[np.maximum.accumulate(starts)]]
    repeats = np.flatnonzero(same) + 1
    return dict(sorted(zip(rows[order[repeats]].tolist(), first[repeats].tolist(), strict=True)))

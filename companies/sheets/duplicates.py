"""Rows that repeat the key of an earlier one, found batch by batch at a few dozen bytes a row."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_HASH_KEY_BYTES: Final = 8
# Odd, so that no two periods of a symbol get one key.
_SPREAD: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


class RowKeys(NamedTuple):
    """What says which statement a row is: arrays of shape (n,); quarter 0 in an annual sheet."""

    rows: NDArray[np.int64]
    symbols: NDArray[Any]
    years: NDArray[np.int64]
    quarters: NDArray[np.int64]


class _Run(NamedTuple):
    """Keys seen, sorted by their first half, with the row of each."""

    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    rows: NDArray[np.int64]


class Seen:
    """The keys of a file so far.

    128 bits of a keyed digest stand for a key, so two different keys are never taken for one in practice
    (chance below 1e-26 for a million rows), and a million rows need 24 MB. They lie in sorted runs that are
    merged when two are of a size, so a batch costs a few binary searches however long the file is.
    """

    def __init__(self) -> None:
        self._hash_keys = [os.urandom(_HASH_KEY_BYTES).hex() for _ in _SPREAD]
        self._runs: list[_Run] = []

    def repeats(self, keys: RowKeys) -> dict[int, int]:
        """Row number of each repetition in this batch to the row where that key stood first.

        Batches come in the order of the file, and their rows ascend.
        """
        if not len(keys.rows):
            return {}
        first, second = self._digests(keys)
        order = np.lexsort((keys.rows, second, first))
        first, second, rows = first[order], second[order], keys.rows[order]
        fresh = np.ones(len(rows), dtype=bool)
        fresh[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
        # In the sorted order each stretch of equal keys begins with its first row.
        starts = np.flatnonzero(fresh)
        before = self._rows_before(first[starts], second[starts])
        origin = np.where(before >= 0, before, rows[starts])[np.cumsum(fresh) - 1]
        repeated = origin != rows
        new = starts[before < 0]
        self._keep(_Run(first[new], second[new], rows[new]))
        return dict(sorted(zip(rows[repeated].tolist(), origin[repeated].tolist(), strict=True)))

    def _digests(self, keys: RowKeys) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        # The digest takes no strings with zero bytes for what they are; no symbol has one.
        symbols = np.asarray(keys.symbols, dtype=object)
        period = (keys.years * 8 + keys.quarters).astype(np.uint64)
        first, second = (
            pd.util.hash_array(symbols, hash_key=hash_key) ^ (period * spread)
            for hash_key, spread in zip(self._hash_keys, _SPREAD, strict=True)
        )
        return first, second

    def _rows_before(self, first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row where each key was seen in an earlier batch, -1 for a new one."""
        found = np.full(len(first), -1, dtype=np.int64)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run.first, first), len(run.first) - 1)
            same = (run.first[places] == first) & (run.second[places] == second)
            found[same] = run.rows[places[same]]
        return found

    def _keep(self, run: _Run) -> None:
        if not len(run.rows):
            return
        while self._runs and len(self._runs[-1].rows) <= 2 * len(run.rows):
            last = self._runs.pop()
            columns = [np.concatenate(pair) for pair in zip(last, run, strict=True)]
            order = np.argsort(columns[0], kind="stable")
            run = _Run(*(column[order] for column in columns))
        self._runs.append(run)

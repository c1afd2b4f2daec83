"""Parts of a sheet: rows as records, or as columns of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from companies.sheets.csv_source import Record

BATCH_ROWS: Final = 10_000
_STRIDE: Final = 256


@dataclass(frozen=True)
class RowBlock:
    """Rows of a sheet as columns of texts: numbers of shape (n,) and an array per column of the header."""

    numbers: NDArray[np.int64]
    cells: Sequence[pa.StringArray]

    @classmethod
    def of(cls, records: Sequence[Record], width: int) -> RowBlock:
        """Records with `width` cells each."""
        numbers = np.array([number for number, _ in records], dtype=np.int64)
        columns: list[list[str]] = [[] for _ in range(width)]
        # Blocks that stay in the processor's cache: turning all rows at once takes three times as long.
        for start in range(0, len(records), _STRIDE):
            rows = zip(*(cells for _, cells in records[start : start + _STRIDE]), strict=True)
            for column, part in zip(columns, rows, strict=True):
                column.extend(part)
        return cls(numbers, [pa.array(column, pa.string()) for column in columns])

    def part(self, start: int, end: int) -> RowBlock:
        """Some of the rows."""
        return RowBlock(self.numbers[start:end], [column[start:end] for column in self.cells])

    def with_more(self, other: RowBlock) -> RowBlock:
        """These rows and then those of another block."""
        pairs = zip(self.cells, other.cells, strict=True)
        cells = [pa.concat_arrays([ours, theirs]) for ours, theirs in pairs]
        return RowBlock(np.concatenate([self.numbers, other.numbers]), cells)


def batches(rows: Iterable[Record], size: int = BATCH_ROWS) -> Iterator[list[Record]]:
    """The rows in lists of at most `size`."""
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch

"""From a sheet to scores, part by part, each row with the earlier periods of its company in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.engine import Engine, Scores
from ml.features import LINE_ITEMS, Array
from ml.inputs import QUARTERS, YEARS_BACK
from ml.score.reading import Sheet

_PART = 50_000


@dataclass(frozen=True)
class Wish:
    """What was asked for beside the defaults."""

    kind: Literal["annual", "quarterly"]
    shape: str | None = None
    market: bool = True
    unit: float = 1.0
    """What one unit of the file's amounts is in millions."""
    floor: float | None = None
    drivers: int = 0
    term: bool = False
    as_of: int | None = None
    """The year in which the scores are made, for the age of the statements."""


@dataclass(frozen=True)
class Part:
    """A stretch of the sheet with its scores."""

    rows: NDArray[np.int64]
    scores: Scores
    frame: pd.DataFrame
    history: pd.DataFrame | None
    repeated: NDArray[np.bool_]
    """Rows whose company and period stand in another row too."""


def parts(engine: Engine, sheet: Sheet, wish: Wish) -> Iterator[Part]:
    """The sheet scored in its own order.

    The history of a row is every row of the same company in the file whose period lies one or more years
    (quarters, if quarterly) before it; gaps stay gaps. Where a period stands twice, its last row is the
    history of later ones.
    """
    numbers = _wanted(sheet, wish)
    earlier = _Earlier(sheet, wish.kind)
    items = [name for name in numbers if name in LINE_ITEMS]
    for start in range(0, len(sheet), _PART):
        rows = np.arange(start, min(start + _PART, len(sheet)))
        frame = pd.DataFrame({name: values[rows] for name, values in numbers.items()})
        history = earlier.history(rows, {name: numbers[name] for name in items})
        scores = engine.score(
            frame,
            kind=wish.kind,
            history=history,
            drivers=wish.drivers,
            floor=wish.floor,
            shape=wish.shape,
            age=None if wish.as_of is None else wish.as_of - sheet.year[rows],
        )
        yield Part(rows, scores, frame, history, earlier.repeated[rows])


def _wanted(sheet: Sheet, wish: Wish) -> dict[str, Array]:
    found = {}
    for name, values in sheet.numbers.items():
        if name == "market_cap" and not wish.market:
            continue
        amount = name in LINE_ITEMS and wish.unit != 1.0
        found[name] = values * wish.unit if amount else values
    return found


class _Earlier:
    """Finds the row of a company's earlier period."""

    def __init__(self, sheet: Sheet, kind: str) -> None:
        yearly = kind == "annual"
        self._depth = YEARS_BACK if yearly else QUARTERS * (YEARS_BACK + 1) - 1
        period = sheet.year if yearly else sheet.year * QUARTERS + sheet.quarter - 1
        company = pd.factorize(np.array(sheet.company, dtype=object))[0].astype(np.int64)
        keyed = ~np.isnan(period) & np.array([bool(name) for name in sheet.company], dtype=bool)
        span = 1 << 20  # more than any period: keys of two companies never meet
        self._key = np.where(keyed, company * span + np.where(keyed, period, 0).astype(np.int64), -1)
        order = np.argsort(self._key, kind="stable")
        self._sorted, self._order = self._key[order], order
        same = np.diff(self._sorted) == 0
        twice = np.zeros(len(self._key), dtype=bool)
        twice[order[1:][same]] = True
        twice[order[:-1][same]] = True
        self.repeated = twice & keyed

    def history(self, rows: NDArray[np.int64], items: dict[str, Array]) -> pd.DataFrame | None:
        """Earlier periods of the rows in the engine's long form."""
        if not items:
            return None
        parts = []
        keys = self._key[rows]
        for back in range(1, self._depth + 1):
            wanted = keys - back
            # From the right: the last of equal rows.
            place = np.searchsorted(self._sorted, wanted, side="right") - 1
            found = (keys >= 0) & (place >= 0)
            found[found] = self._sorted[place[found]] == wanted[found]
            source = self._order[place[found]]
            if source.size:
                table = pd.DataFrame({name: values[source] for name, values in items.items()})
                table.insert(0, "row", np.flatnonzero(found))
                table.insert(1, "periods_back", back)
                parts.append(table)
        return pd.concat(parts, ignore_index=True) if parts else None

"""Ratios of statements out of the engine's one table: value, formula, inputs, and why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.features import (
    CLASSIC_RATIOS,
    FEATURES,
    LINE_ITEMS,
    STATE_WORST,
    Items,
    clean_items,
    complete_items,
)
from ml.features import Statement as Books

Amounts = Mapping[str, float]
YEARS_BACK = 4


@dataclass(frozen=True, slots=True)
class RatioValue:
    """One ratio of one period. ``value`` is None where there is none, and ``reason`` says why."""

    name: str
    label: str
    family: str
    group: str
    """``classic`` for the ratios of the sheets, ``feature`` for what the model looks at."""
    formula: str
    unit: str
    value: float | None
    inputs: dict[str, float]
    """The line items it was computed from, derived ones included."""
    missing: tuple[str, ...]
    reason: str
    """'' with a value; else ``missing_inputs``, ``no_earlier_year``, ``denominator_not_positive``, or
    ``worst_state``: a burden on earnings that are not positive, which the model ranks above every number."""


def ratios_of(periods: Sequence[tuple[Amounts, Sequence[Amounts]]]) -> list[list[RatioValue]]:
    """The ratios of each period.

    Parameters
    ----------
    periods : sequence of (amounts, earlier years)
        Millions by line item over twelve months; the years before, the nearest first, empty where unknown.
    """
    if not periods:
        return []
    now = _items([amounts for amounts, _ in periods])
    depth = min(max(len(years) for _, years in periods), YEARS_BACK)
    years = [_items([y[back] if back < len(y) else {} for _, y in periods]) for back in range(depth)]
    known_before = np.array([any(y[:1]) for _, y in periods])
    books = Books(now, tuple(years))
    found: list[list[RatioValue]] = [[] for _ in periods]
    rows: list[tuple[str, Any, Any]] = [
        ("classic", row, row.function(now)) for row in CLASSIC_RATIOS.values()
    ]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        rows += [("feature", row, row.function(books)) for row in FEATURES.values()]
    for group, row, values in rows:
        inputs = tuple(dict.fromkeys(row.inputs))
        backward = group == "feature" and row.source == "history"
        for at, value in enumerate(values.tolist()):
            given = {name: float(now[name][at]) for name in inputs if name in now}
            missing = tuple(name for name, amount in given.items() if amount != amount)
            number = value if value == value and abs(value) < STATE_WORST else None
            if number is not None:
                reason = ""
            elif value == STATE_WORST:
                reason = "worst_state"
            elif missing:
                reason = "missing_inputs"
            elif backward and not known_before[at]:
                reason = "no_earlier_year"
            else:
                reason = "denominator_not_positive"
            found[at].append(
                RatioValue(
                    name=row.name,
                    label=row.label,
                    family=row.family,
                    group=group,
                    formula=row.formula,
                    unit=row.unit,
                    value=number,
                    inputs={name: amount for name, amount in given.items() if amount == amount},
                    missing=missing if number is None else (),
                    reason=reason,
                )
            )
    return found


def _items(rows: Sequence[Amounts]) -> Items:
    given = {name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name in LINE_ITEMS}
    return complete_items(clean_items(given)[0])

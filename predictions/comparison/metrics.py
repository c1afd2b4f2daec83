"""What is compared: the PD and every ratio, each computed by the engine's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.features import (
    ANNUAL_RATIOS,
    CLASSIC_RATIOS,
    FEATURES,
    LINE_ITEMS,
    QUARTERLY_RATIOS,
    RATIOS,
    STATE_WORST,
    Statement,
    clean_items,
    complete_items,
    ratios_from_items,
)

Array = NDArray[np.float64]
PD = "probability"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a company. ``direction`` is +1 where risk rises with it, -1 where it falls, else 0."""

    name: str
    label: str
    family: str
    unit: str
    direction: int
    formula: str


def _metrics() -> dict[str, Metric]:
    found = {PD: Metric(PD, "Probability of default", "risk", "", 1, "within one year, 0 to 1")}
    for ratio in RATIOS.values():
        found[ratio.name] = Metric(
            ratio.name, ratio.label, "sheet", ratio.unit, ratio.direction, ratio.formula
        )
    for feature in FEATURES.values():
        # What earlier years or the market tell needs more than the one statement that is kept here.
        if feature.source == "statement":
            found.setdefault(
                feature.name,
                Metric(
                    feature.name, feature.label, feature.family, feature.unit, feature.direction,
                    feature.formula,
                ),
            )  # fmt: skip
    for classic in CLASSIC_RATIOS.values():
        found.setdefault(
            classic.name,
            Metric(classic.name, classic.label, classic.family, classic.unit, 0, classic.formula),
        )
    return found


METRICS: Mapping[str, Metric] = _metrics()
_SHEET = tuple(dict.fromkeys((*ANNUAL_RATIOS, *QUARTERLY_RATIOS)))


def values_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Every metric of scored rows, shape (n,), NaN where it is undefined or an input is missing.

    A row has ``pd``, and of the score's inputs ``statement`` and ``ratios`` (either may be None). Ratios that
    were given count where no statement tells them.
    """
    size = len(rows)
    given = {name for row in rows for name in (row["statement"] or {}) if name in LINE_ITEMS}
    items = {name: np.array([_number((row["statement"] or {}).get(name)) for row in rows]) for name in given}
    found = {PD: np.array([_number(row["pd"]) for row in rows])}
    if items:
        cleaned, _ = clean_items(items)
        complete = complete_items(cleaned)
        sheet = ratios_from_items(complete, _SHEET)
        statement = Statement(complete)
    with np.errstate(all="ignore"):
        for name in METRICS:
            if name == PD:
                continue
            values = np.full(size, np.nan)
            if items and name in RATIOS:
                values = sheet.get(name, values)
            elif items and name in FEATURES:
                values = FEATURES[name].function(statement)
            elif items:
                values = CLASSIC_RATIOS[name].function(complete)
            if name in RATIOS:
                said = np.array([_number((row["ratios"] or {}).get(name)) for row in rows])
                values = np.where(np.isnan(values), said, values)
            found[name] = np.where(np.isfinite(values) & (values != STATE_WORST), values, np.nan)
    return found


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")

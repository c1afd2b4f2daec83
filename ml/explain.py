"""Drivers of a score: contributions in log-odds put into plain language that names only what was scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.features import STATE_WORST, Array
from ml.model import ShapeModel
from ml.shapes import described

Driver = dict[str, Any]


def drivers(model: ShapeModel, X: Array, contributions: Array, count: int) -> list[list[Driver]]:
    """For each row its `count` largest contributions by size, as mappings ready for JSON."""
    effects = contributions[:, :-1]
    order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :count]
    return [
        [_driver(model, int(j), float(X[row, j]), float(effects[row, j])) for j in order[row]]
        for row in range(len(X))
    ]


def _driver(model: ShapeModel, column: int, value: float, effect: float) -> Driver:
    spec = described(model.shape, model.shape.features[column])
    typical = float(model.development.median[column])
    known = not np.isnan(value) and value != STATE_WORST
    return {
        "feature": spec.name,
        "label": spec.label,
        "value": value if known else None,
        "unit": spec.unit,
        "typical": typical,
        "contribution": effect,
        "direction": "raises" if effect > 0 else "lowers",
        "text": _text(spec.label, spec.unit, value, typical, effect),
    }


def _text(label: str, unit: str, value: float, typical: float, effect: float) -> str:
    verb = "raises" if effect > 0 else "lowers"
    if np.isnan(value):
        return f"{label} is not known; that {verb} the PD"
    if value == STATE_WORST:
        return f"{label} is undefined because its denominator is not positive; that {verb} the PD"
    return f"{label} of {_amount(value, unit)} {verb} the PD (median company: {_amount(typical, unit)})"


def _amount(value: float, unit: str) -> str:
    if unit == "log USD m":
        return f"{_grouped(float(np.exp(value)))} USD million"
    if unit == "%":
        return f"{_grouped(value)} %"
    return f"{_grouped(value)} points" if unit == "points" else f"{value:,.2f}x"


def _grouped(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"

"""Drivers of a score: contributions in log-odds put into plain language that names only what was scored."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.features import LINE_ITEMS, STATE_WORST, Array, Statement, complete_items, feature_matrix
from ml.model import ShapeModel
from ml.shapes import SHAPES, SIZE, described
from ml.words import amount, is_known

Driver = dict[str, Any]

EVERYBODY = "all companies"
PRIOR_YEARS, PRIOR_YEARS_LABEL = "prior_years", "Earlier years"
_DOMINANT = 0.5
"""Share of all that moves the PD, beyond which even what is not known may come first."""


@cache
def needs_history(shape_name: str) -> NDArray[np.bool_]:
    """Which features of a shape cannot be had from one complete statement alone, shape (p,)."""
    shape = SHAPES[shape_name]
    if not shape.is_statement:
        return np.zeros(len(shape.features), dtype=bool)
    alone = {name: np.array([100.0 + place]) for place, name in enumerate(LINE_ITEMS)}
    found: NDArray[np.bool_] = np.isnan(feature_matrix(Statement(complete_items(alone)), shape.features)[0])
    return found


def drivers(model: ShapeModel, X: Array, contributions: Array, count: int) -> list[list[Driver]]:
    """For each row its `count` largest contributions by size, as mappings ready for JSON.

    What earlier years would have told counts as one reason, since it has one cause. It comes first only
    where it moves the PD more than everything else together: a reader wants to know the company first.
    """
    unknown = np.isnan(X) & needs_history(model.shape.name)
    peers = _peers(model, X)
    effects = np.where(unknown, 0.0, contributions[:, :-1])
    lost = np.where(unknown, contributions[:, :-1], 0.0).sum(axis=1)
    every = np.column_stack([effects, lost])
    size = np.abs(every)
    size[:, :-1][unknown] = -1.0
    size[~unknown.any(axis=1), -1] = -1.0
    order = np.argsort(-size, axis=1, kind="stable")
    leads = (order[:, 0] == X.shape[1]) & (size[:, -1] <= _DOMINANT * np.maximum(size, 0.0).sum(axis=1))
    if X.shape[1] > 1:
        order[np.ix_(leads, (0, 1))] = order[np.ix_(leads, (1, 0))]
    shown = order[:, : min(count, order.shape[1])]
    return [
        [
            _driver(model, int(j), float(X[row, j]), float(every[row, j]), int(peers[row]))
            if j < X.shape[1]
            else _not_known(float(every[row, j]))
            for j in shown[row]
            if size[row, j] >= 0
        ]
        for row in range(len(X))
    ]


def _peers(model: ShapeModel, X: Array) -> NDArray[np.int64]:
    """Size class of each row, whose companies are its peers; -1 where its size is not known."""
    if SIZE not in model.shape.features:
        return np.full(len(X), -1)
    return model.development.size_class(np.exp(X[:, model.shape.features.index(SIZE)]))


@cache
def _peers_in_words(bounds: tuple[float, ...], peers: int) -> str:
    low, high = (None, *bounds)[peers], (*bounds, None)[peers]
    if low is None:
        return f"companies with assets below USD {high:,.0f} million"
    if high is None:
        return f"companies with assets of USD {low:,.0f} million or more"
    return f"companies with assets of USD {low:,.0f} to {high:,.0f} million"


def _driver(model: ShapeModel, column: int, value: float, effect: float, peers: int) -> Driver:
    feature = model.shape.features[column]
    spec = described(model.shape, feature)
    seen = model.development
    typical, whom = float(seen.median[column]), EVERYBODY
    # Of its own size every company is typical.
    if peers >= 0 and seen.median_by_size is not None and seen.size_bounds is not None and feature != SIZE:
        typical = float(seen.median_by_size[peers, column])
        whom = _peers_in_words(tuple(seen.size_bounds.tolist()), peers)
    return {
        "feature": spec.name,
        "label": spec.label,
        "value": value if is_known(value) else None,
        "unit": spec.unit,
        "typical": typical,
        "peers": whom,
        "contribution": effect,
        "direction": "raises" if effect > 0 else "lowers",
        "text": _text(spec.label, spec.unit, value, f"{whom}: {amount(typical, spec.unit)}", effect),
    }


def _not_known(effect: float) -> Driver:
    verb = "raises" if effect > 0 else "lowers"
    return {
        "feature": PRIOR_YEARS,
        "label": PRIOR_YEARS_LABEL,
        "value": None,
        "unit": "",
        "typical": None,
        "peers": "",
        "contribution": effect,
        "direction": verb,
        "text": f"{PRIOR_YEARS_LABEL} are not known, so no change could be judged; that {verb} the PD",
    }


def _text(label: str, unit: str, value: float, peers: str, effect: float) -> str:
    verb = "raises" if effect > 0 else "lowers"
    if np.isnan(value):
        return f"{label} is not known; that {verb} the PD"
    if value == STATE_WORST:
        return f"{label} is undefined because its denominator is not positive; that {verb} the PD"
    return f"{label} of {amount(value, unit)} {verb} the PD (median of {peers})"

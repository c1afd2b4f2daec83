"""Trees for a handful of rows: the same margins as XGBoost to the last bit, without the cost of its calls.

One row costs XGBoost some 0.4 ms a booster, nearly all of it around the prediction. Here all trees go down
one level at a time as arrays; the leaves are then added in float32 and in XGBoost's order.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.estimators import margin
from ml.features import Array

MOST_ROWS = 8
"""Beyond it XGBoost itself is faster."""

_read_ones: WeakKeyDictionary[xgb.Booster, FlatTrees] = WeakKeyDictionary()
_reading = threading.Lock()


@dataclass(frozen=True)
class FlatTrees:
    """All nodes of a booster in one set of arrays, shape (m,); a leaf leads to itself."""

    feature: NDArray[np.intp]
    value: NDArray[np.float32]
    """Threshold of a split; what a leaf adds."""
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    default_left: NDArray[np.bool_]
    root: NDArray[np.intp]
    """First node of each tree."""
    depth: int
    start: np.float32
    """The margin before any tree."""

    def margin(self, X: Array) -> Array:
        """Log-odds, shape (n,), as `ml.estimators.margin` gives them."""
        rows = np.ascontiguousarray(X, dtype=np.float32)
        place = np.arange(len(rows))[:, None]
        missing = np.isnan(rows)
        any_missing = bool(missing.any())
        node = np.broadcast_to(self.root, (len(rows), len(self.root)))
        for _ in range(self.depth):
            feature = self.feature[node]
            left = rows[place, feature] < self.value[node]
            if any_missing:
                left = np.where(missing[place, feature], self.default_left[node], left)
            node = np.where(left, self.left[node], self.right[node])
        summands = np.empty((len(rows), len(self.root) + 1), dtype=np.float32)
        summands[:, 0] = self.start
        summands[:, 1:] = self.value[node]
        return np.cumsum(summands, axis=1, dtype=np.float32)[:, -1].astype(np.float64)


def fast_margin(booster: xgb.Booster, X: Array) -> Array:
    """Log-odds of a booster in float64, shape (n,), by the faster way for so many rows."""
    return flat_trees(booster).margin(X) if len(X) <= MOST_ROWS else margin(booster, X)


def flat_trees(booster: xgb.Booster) -> FlatTrees:
    """The arrays of a booster; read once for each, when its first few rows are asked for."""
    found = _read_ones.get(booster)
    if found is None:
        with _reading:
            found = _read_ones.get(booster) or _read(booster)
            _read_ones[booster] = found
    return found


def _read(booster: xgb.Booster) -> FlatTrees:
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    parts: dict[str, list[Any]] = {"feature": [], "value": [], "left": [], "right": [], "default_left": []}
    root, size, depth = [], 0, 0
    for tree in trees:
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        leaf, own = left < 0, np.arange(len(left))
        root.append(size)
        parts["feature"].append(np.where(leaf, 0, tree["split_indices"]))
        parts["value"].append(np.array(tree["split_conditions"], dtype=np.float32))
        parts["left"].append(np.where(leaf, own, left) + size)
        parts["right"].append(np.where(leaf, own, right) + size)
        parts["default_left"].append(np.array(tree["default_left"], dtype=bool))
        size += len(left)
        depth = max(depth, _depth(left, right))
    share = np.float32(float(learner["learner_model_param"]["base_score"].strip("[]")))
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    start = -np.log(np.float32(1.0) / share - np.float32(1.0))
    return FlatTrees(**joined, root=np.array(root, dtype=np.intp), depth=depth, start=np.float32(start))


def _depth(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    level, depth = np.array([0]), 0
    while True:
        level = np.concatenate([left[level], right[level]])
        level = level[level >= 0]
        if not level.size:
            return depth
        depth += 1

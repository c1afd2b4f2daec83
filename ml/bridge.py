"""The change bridge: from an old PD to a new one, split exactly over what changed.

Within one model the difference of two scores is split by interventional Shapley values with the old
statement as the only background (Lundberg et al. 2020; with one background the sum over a tree's leaves has a
closed form). So the parts do not depend on an order, a feature that did not change gets zero, going back
gives the same parts with the other sign, and everything adds up.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.features import Array
from ml.model import ShapeModel

_paths: WeakKeyDictionary[xgb.Booster, TreePaths] = WeakKeyDictionary()
_reading = threading.Lock()


@dataclass(frozen=True)
class TreePaths:
    """Every leaf of a booster with the conditions on its way, padded to the depth of the deepest.

    `feature`, `threshold`, `left` and `default_left` are the nodes, shape (m,). Per leaf, shape (l, d):
    `node` is a condition's node (-1 is padding), `goes_left` its side, `slot` the place on the same path of
    the first condition on the same feature. `value`, shape (l,), is what the leaf adds to the margin.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    default_left: NDArray[np.bool_]
    node: NDArray[np.int64]
    goes_left: NDArray[np.bool_]
    slot: NDArray[np.int64]
    value: Array

    def change(self, old: Array, new: Array) -> Array:
        """Shapley values of the margin's change from `old` to `new`, both of shape (p,); shape (p,)."""
        left_old, left_new = self._left(old), self._left(new)
        # A leaf matters only if some condition on its way is met by one row and not by the other.
        turned = (left_old != left_new)[self.node] & (self.node >= 0)
        leaves = np.flatnonzero(turned.any(axis=1))
        met_old, met_new = self._met(leaves, left_old), self._met(leaves, left_new)
        needs_new, needs_old = met_new & ~met_old, met_old & ~met_new
        alive = (met_old | met_new).all(axis=1)
        leaves, needs_new, needs_old = leaves[alive], needs_new[alive], needs_old[alive]
        if not leaves.size:
            return np.zeros(len(old))
        gain, loss = _weights(self.node.shape[1])
        counts = needs_new.sum(axis=1), needs_old.sum(axis=1)
        up, down = self.value[leaves] * gain[counts], self.value[leaves] * loss[counts]
        effect = needs_new * up[:, None] - needs_old * down[:, None]
        owner = self.feature[self.node[leaves]]
        summed = np.bincount(owner.ravel(), weights=effect.ravel(), minlength=len(old))
        return np.asarray(summed, dtype=np.float64)

    def _left(self, row: Array) -> NDArray[np.bool_]:
        """Which nodes send the row to the left, shape (m,)."""
        value = row.astype(np.float32)[self.feature]
        found: NDArray[np.bool_] = np.where(np.isnan(value), self.default_left, value < self.threshold)
        return found

    def _met(self, leaves: NDArray[np.intp], left: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each of the leaves and its slots whether the feature fulfils all conditions on it."""
        node, slot = self.node[leaves], self.slot[leaves]
        fits = (left[node] == self.goes_left[leaves]) | (node < 0)
        met: NDArray[np.bool_] = np.ones_like(fits)
        rows = np.arange(len(leaves))
        for place in range(fits.shape[1]):
            met[rows, slot[:, place]] &= fits[:, place]
        return met


@cache
def _weights(depth: int) -> tuple[Array, Array]:
    """Shapley weights of a leaf that needs a features of the new row and b of the old one, by (a, b)."""
    gain, loss = np.zeros((depth + 1, depth + 1)), np.zeros((depth + 1, depth + 1))
    for a in range(depth + 1):
        for b in range(depth + 1):
            if a:
                gain[a, b] = factorial(a - 1) * factorial(b) / factorial(a + b)
            if b:
                loss[a, b] = factorial(a) * factorial(b - 1) / factorial(a + b)
    return gain, loss


def tree_paths(booster: xgb.Booster) -> TreePaths:
    """The leaves of a booster; read once for each."""
    with _reading:
        if booster not in _paths:
            _paths[booster] = _read(booster)
        return _paths[booster]


def _read(booster: xgb.Booster) -> TreePaths:
    trees = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]["trees"]
    nodes: list[tuple[int, float, bool]] = []
    leaves: list[tuple[list[tuple[int, bool, int]], float]] = []
    for tree in trees:
        _read_tree(tree, nodes, leaves)
    depth = max((len(path) for path, _ in leaves), default=0) or 1
    node = np.full((len(leaves), depth), -1, dtype=np.int64)
    goes_left = np.zeros((len(leaves), depth), dtype=bool)
    slot = np.tile(np.arange(depth), (len(leaves), 1))
    for row, (path, _) in enumerate(leaves):
        first: dict[int, int] = {}
        for place, (index, left, feature) in enumerate(path):
            node[row, place], goes_left[row, place] = index, left
            slot[row, place] = first.setdefault(feature, place)
    return TreePaths(
        feature=np.array([n[0] for n in nodes] or [0], dtype=np.int64),
        threshold=np.array([n[1] for n in nodes] or [0.0], dtype=np.float32),
        default_left=np.array([n[2] for n in nodes] or [True], dtype=bool),
        node=node,
        goes_left=goes_left,
        slot=slot,
        value=np.array([value for _, value in leaves], dtype=np.float64),
    )


def _read_tree(tree: dict[str, Any], nodes: list[Any], leaves: list[Any]) -> None:
    start = len(nodes)
    left, right = tree["left_children"], tree["right_children"]
    feature, condition = tree["split_indices"], tree["split_conditions"]
    nodes += zip(feature, condition, map(bool, tree["default_left"]), strict=True)
    # A leaf keeps its value where a split keeps its threshold.
    waiting: list[tuple[int, list[tuple[int, bool, int]]]] = [(0, [])]
    while waiting:
        index, path = waiting.pop()
        if left[index] < 0:
            leaves.append((path, float(np.float32(condition[index]))))
            continue
        here = (start + index, feature[index])
        waiting.append((left[index], [*path, (here[0], True, here[1])]))
        waiting.append((right[index], [*path, (here[0], False, here[1])]))


def feature_changes(model: ShapeModel, old: Array, new: Array) -> Array:
    """Parts of the ensemble's change in log-odds by feature, shape (p,), adding up to it.

    Parameters
    ----------
    model : ShapeModel
    old, new : arrays of shape (p,)
        The features of the two rows in this model's order, NaN where missing.

    Notes
    -----
    The blend and the calibrations are affine in log-odds and the logistic member is additive, so the parts
    of the members are blended as their scores are. XGBoost sums its leaves in float32: what that leaves
    (about 1e-6) is spread over the parts by their size, so that they add up to the two scores of record.
    """
    rows = np.vstack([old, new])
    effects = model.logistic.contributions(rows)[:, :-1]
    raw = {
        "random_forest": tree_paths(model.forest).change(old, new),
        "gradient_boosting": tree_paths(model.boosting).change(old, new),
        "logistic": effects[1] - effects[0],
    }
    missing = np.isnan(rows).astype(np.float64)
    parts: Array = (missing[1] - missing[0]) * model.gap_shift
    for member, values in raw.items():
        parts = parts + model.weights[member] * model.calibration[member].slope * values
    log_odds = model.log_odds(rows)
    return closed(parts, float(log_odds[1] - log_odds[0]))


def closed(parts: Array, total: float) -> Array:
    """The parts, moved in proportion to their size so that they add up to the total exactly."""
    size = np.abs(parts)
    if not size.sum() > 0:
        return parts
    moved: Array = parts + (total - parts.sum()) * size / size.sum()
    return moved

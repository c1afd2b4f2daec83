"""How far a score can be relied on: a number, a level, and the machine-readable reasons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.features import STATE_WORST, Array
from ml.model import ShapeModel

LEVELS: tuple[tuple[float, str], ...] = ((0.80, "high"), (0.50, "medium"), (0.0, "low"))
"""Least confidence of each level."""

_MISSING = 0.8
_OUTSIDE, _OUTSIDE_MOST = 0.02, 0.15
PENALTIES: Mapping[str, float] = {
    "no_prior_year": 0.05,
    "old_statement": 0.10,
    "single_quarter_annualised": 0.20,
    "partial_year_annualised:2": 0.12,
    "partial_year_annualised:3": 0.06,
    "stand_in:total_long_term_debt": 0.03,
}


def outside(model: ShapeModel, X: Array) -> NDArray[np.bool_]:
    """Where a feature lies beyond the 0.5 % and 99.5 % quantiles of the development sample, shape (n, p)."""
    beyond = (model.development.low > X) | (model.development.high < X)
    found: NDArray[np.bool_] = beyond & (X != STATE_WORST)
    return found


def missing_share(model: ShapeModel, X: Array) -> Array:
    """Share of the model's weight that rests on features this row does not have, shape (n,)."""
    return np.isnan(X).astype(np.float64) @ model.development.importance


def confidence(
    model: ShapeModel, lost: Array, beyond: NDArray[np.bool_], flags: Mapping[str, NDArray[np.bool_]]
) -> Array:
    """Confidence from 0 to 1, shape (n,): the shape's own, less what is missing, unusual or annualised.

    `lost` is the `missing_share` of each row.
    """
    value: Array = model.shape.confidence * (1.0 - _MISSING * lost)
    value = value - np.minimum(_OUTSIDE * beyond.sum(axis=1), _OUTSIDE_MOST)
    for code, penalty in PENALTIES.items():
        if code in flags:
            value = value - penalty * flags[code]
    return np.asarray(np.clip(value, 0.0, 1.0))


def level(value: Array) -> NDArray[np.str_]:
    """The level of each confidence; "" where it is NaN."""
    names = np.select([value >= least for least, _ in LEVELS], [name for _, name in LEVELS], "")
    return np.asarray(names, dtype=np.str_)

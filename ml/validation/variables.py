"""Evidence on the variables: what each says alone, whether its sign is the one expected, what it repeats."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.features import STATE_WORST, Array
from ml.fitting import FIT_FROM, SEED
from ml.shapes import described
from ml.validation.measures import auc, psi_limit, rank_correlation
from ml.validation.stability import characteristic_psi
from ml.validation.study import ENSEMBLE, Study

SWEPT_ROWS = 200
SWEPT_POINTS = 15
# XGBoost gives margins in float32.
TOLERANCE = 1e-4
CORRELATED = 0.8
MOST_PAIRS = 12


def variables(found: Study) -> dict[str, Any]:
    """One line for each variable, and the pairs that say nearly the same."""
    shop, data = found.shop, found.data
    X = shop.presented.complete
    base = np.flatnonzero((data.year >= FIT_FROM) & (data.year <= found.last_selection_year))
    report = found.report.rows
    correlation = rank_correlation(X[base])
    inflation = np.maximum(np.diag(np.linalg.pinv(correlation, hermitian=True)), 1.0)
    table = []
    for column, name in enumerate(shop.shape.features):
        spec = described(shop.shape, name)
        values, target = X[base, column], data.default[base]
        known = ~np.isnan(values)
        shift, bins = characteristic_psi(values, X[report, column])
        table.append(
            {
                "name": name,
                "label": spec.label,
                "formula": spec.formula,
                "direction": spec.direction,
                "missing": float(1.0 - known.mean()),
                "undefined": float((values == STATE_WORST).mean()),
                "auc": auc(target[known], values[known]),
                "vif": float(inflation[column]),
                "psi": shift,
                "psi_limit": psi_limit(len(base), len(report), bins),
                **_sweep(found, column, spec.direction),
            }
        )
    return {"table": table, "correlated": _pairs(correlation, shop.shape.features)}


def _pairs(correlation: Array, names: tuple[str, ...]) -> list[dict[str, Any]]:
    upper = np.triu(np.abs(correlation), 1)
    order = np.dstack(np.unravel_index(np.argsort(-upper, axis=None), upper.shape))[0]
    return [
        {"first": names[i], "second": names[j], "correlation": float(correlation[i, j])}
        for i, j in order[:MOST_PAIRS]
        if upper[i, j] >= CORRELATED
    ]


def _sweep(found: Study, column: int, direction: int) -> dict[str, Any]:
    """Move one variable over its known range, the others held, and look which way the scores go."""
    X = found.shop.presented.complete
    values = X[found.in_time.rows, column]
    known = values[~np.isnan(values) & (values != STATE_WORST)]
    grid = np.unique(np.quantile(known, np.linspace(0.01, 0.99, SWEPT_POINTS))) if known.size else known
    if len(grid) < 2:
        return {"sign": 0, "logistic_sign": 0, "effect": 0.0, "monotone": 1.0, "largest_breach": 0.0}
    rows = found.report.rows
    chosen = rows[np.random.default_rng(SEED).permutation(len(rows))[:SWEPT_ROWS]]
    swept = np.repeat(X[chosen], len(grid), axis=0)
    swept[:, column] = np.tile(grid, len(chosen))
    raw = found.members.log_odds(swept)
    ensemble = found.blend.log_odds(raw).reshape(len(chosen), len(grid))
    logistic = found.blend.member_log_odds(raw)["logistic"].reshape(ensemble.shape)
    steps = np.diff(ensemble, axis=1) * (direction or 1)
    return {
        "sign": _sign(float((ensemble[:, -1] - ensemble[:, 0]).mean())),
        "logistic_sign": _sign(float((logistic[:, -1] - logistic[:, 0]).mean())),
        "effect": float((ensemble[:, -1] - ensemble[:, 0]).mean()),
        "monotone": float((steps >= -TOLERANCE).all(axis=1).mean()) if direction else None,
        "largest_breach": float(max(0.0, -steps.min())) if direction else None,
        "sweep": [[float(x), float(z)] for x, z in zip(grid, ensemble.mean(axis=0), strict=True)],
    }


def _sign(effect: float) -> int:
    return 0 if abs(effect) < TOLERANCE else (1 if effect > 0 else -1)


__all__ = ["ENSEMBLE", "variables"]

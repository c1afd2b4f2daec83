"""The validation report of a model of one's own: every figure from rows that the scoring fit had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml import validation
from ml.features.arithmetic import Array
from ml.own.folds import Folds, Rows
from ml.own.model import OwnModel
from ml.own.sample import Sample
from ml.shapes import MEMBERS

_SAMPLE = 3000


def report_of(
    sample: Sample,
    folds: Folds,
    model: OwnModel,
    scores: Mapping[str, Array],
    rows: Rows,
    fold: Array,
    random_state: int,
) -> dict[str, Any]:
    """Sample, protocol, discrimination, calibration and columns, ready for JSON."""
    target = sample.y[rows]
    figures = {name: validation.summary(target, pd_) for name, pd_ in scores.items()}
    return {
        "sample": {
            "rows": len(sample.y),
            "defaults": sample.defaults,
            "default_rate": float(sample.y.mean()),
            "companies": None if sample.entity is None else len(np.unique(sample.entity)),
            "periods": _periods(sample),
            "validated_rows": len(rows),
            "validated_defaults": int(target.sum()),
        },
        "protocol": {"name": folds.protocol, "text": folds.sentence},
        "findings": [finding.as_dict() for finding in sample.findings],
        "dropped_columns": sample.dropped,
        "figures": figures,
        "gain_over_logistic": _gain(target, scores),
        "by_fold": [
            {
                "fold": label,
                "rows": int(inside.sum()),
                "defaults": int(target[inside].sum()),
                "auc": validation.auc(target[inside], scores["ensemble"][inside]),
                "mean_pd": float(scores["ensemble"][inside].mean()),
                "default_rate": float(target[inside].mean()),
            }
            for i, label in enumerate(folds.labels)
            for inside in [fold == i]
        ],
        "roc": _roc(target, scores["ensemble"]),
        "columns": _columns(sample, model, random_state),
        "weights": dict(model.weights),
        "sigma": model.sigma,
        "seed": random_state,
    }


def _periods(sample: Sample) -> list[dict[str, Any]] | None:
    if sample.period is None:
        return None
    years = np.floor(sample.period)
    return [
        {"year": int(year), "rows": int(inside.sum()), "defaults": int(sample.y[inside].sum())}
        for year in np.unique(years)
        for inside in [years == year]
    ]


def _gain(target: Array, scores: Mapping[str, Array], repeats: int = 200) -> dict[str, Any]:
    """What each score adds to the logistic member's AUC, with 95 % bounds from a paired bootstrap."""
    rng = np.random.default_rng(0)
    bad, good = np.flatnonzero(target > 0), np.flatnonzero(target == 0)
    draws = [np.concatenate([rng.choice(bad, len(bad)), rng.choice(good, len(good))]) for _ in range(repeats)]
    base = np.array([validation.auc(target[d], scores["logistic"][d]) for d in draws])
    found = {}
    for name in ("ensemble", *(m for m in MEMBERS if m != "logistic")):
        gains = np.array([validation.auc(target[d], scores[name][d]) for d in draws]) - base
        value = validation.auc(target, scores[name]) - validation.auc(target, scores["logistic"])
        low, high = np.quantile(gains, (0.025, 0.975))
        found[name] = {"value": value, "low": float(low), "high": float(high)}
    return found


def _roc(target: Array, pd_: Array, points: int = 101) -> list[list[float]]:
    """Share of survivors and of defaults among the worst names, at even steps of the former."""
    order = np.argsort(-pd_, kind="stable")
    hits, misses = np.cumsum(target[order]), np.cumsum(1.0 - target[order])
    grid = np.linspace(0.0, 1.0, points)
    return [
        [round(float(x), 4), round(float(v), 4)]
        for x, v in zip(grid, np.interp(grid, misses / misses[-1], hits / hits[-1]), strict=True)
    ]


def _columns(sample: Sample, model: OwnModel, random_state: int) -> list[dict[str, Any]]:
    """Each column: how often it is missing, what it tells alone, its weight and direction in the model."""
    size = min(_SAMPLE, len(sample.y))
    rows = np.random.default_rng(random_state).choice(len(sample.y), size=size, replace=False)
    effects = model.contributions(sample.X[rows])[:, :-1]
    share = np.abs(effects).mean(axis=0)
    share = share / max(float(share.sum()), 1e-12)
    found = []
    for j, name in enumerate(sample.names):
        values = sample.X[:, j]
        known = ~np.isnan(values)
        power = validation.auc(sample.y[known], values[known])
        low, median, high = np.quantile(values[known], (0.005, 0.5, 0.995))
        found.append(
            {
                "column": name,
                "missing": float(1.0 - known.mean()),
                "low": float(low),
                "median": float(median),
                "high": float(high),
                "auc_alone": None if power != power else max(power, 1.0 - power),
                "risk_rises_with": None if power != power else ("higher" if power >= 0.5 else "lower"),
                "importance": float(share[j]),
            }
        )
    return sorted(found, key=lambda row: -row["importance"])  # type: ignore[arg-type,return-value]

"""How a sample is cut for validation: by time where it has dates, by company where it names them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ml.own.sample import LEAST_DEFAULTS, Sample

Rows = NDArray[np.intp]
_SPLITS = 5
_LEAST_TEST_DEFAULTS = 3
_LEAST_ORIGINS = 2
_MOST_ORIGINS = 6


@dataclass(frozen=True)
class Folds:
    """Pairs of rows to fit on and rows to predict, and how they were made."""

    protocol: str
    sentence: str
    labels: tuple[str, ...]
    pairs: tuple[tuple[Rows, Rows], ...]


def plan(sample: Sample, random_state: int) -> Folds:
    """Rolling origins where dates allow, else folds grouped by company, else stratified ones; and why."""
    reason = "The file has no dates"
    if sample.period is not None:
        origins = list(_origins(sample))[-_MOST_ORIGINS:]
        if len(origins) >= _LEAST_ORIGINS:
            return Folds(
                "out_of_time",
                f"Each of {len(origins)} periods is predicted by a model fitted to the periods before it.",
                tuple(label for label, *_ in origins),
                tuple((train, test) for _, train, test in origins),
            )
        reason = "The dates leave too few periods with defaults to predict later from earlier ones"
    blank = np.zeros((len(sample.y), 1))
    if sample.entity is not None:
        cut = StratifiedGroupKFold(_SPLITS, shuffle=True, random_state=random_state)
        pairs = tuple((a, b) for a, b in cut.split(blank, sample.y, sample.entity) if sample.y[b].any())
        text = (
            f"{reason}, so the model is validated by {len(pairs)}-fold cross-validation grouped by company: "
            "no company is on both sides, but nothing shows how the model holds up in later years."
        )
        return Folds("grouped", text, tuple(f"fold {i + 1}" for i in range(len(pairs))), pairs)
    pairs = tuple(StratifiedKFold(_SPLITS, shuffle=True, random_state=random_state).split(blank, sample.y))
    text = (
        f"{reason} and names no companies, so the model is validated by {_SPLITS}-fold stratified "
        "cross-validation. If a company has several rows, the figures are too good."
    )
    return Folds("stratified", text, tuple(f"fold {i + 1}" for i in range(_SPLITS)), pairs)


def _origins(sample: Sample) -> Iterator[tuple[str, Rows, Rows]]:
    """Calendar years from the first that has enough defaults before it."""
    years = np.floor(sample.period if sample.period is not None else np.empty(0))
    for year in np.unique(years):
        train, test = np.flatnonzero(years < year), np.flatnonzero(years == year)
        enough = sample.y[train].sum() >= LEAST_DEFAULTS and sample.y[train].min(initial=1.0) == 0
        if enough and sample.y[test].sum() >= _LEAST_TEST_DEFAULTS and sample.y[test].min() == 0:
            yield str(int(year)), train, test

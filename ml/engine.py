"""The scoring engine: one door to the PD of one company or of a hundred thousand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ml import confidence as trust
from ml.explain import Driver, drivers
from ml.features import Array
from ml.inputs import Kind, Prepared, design_matrix, prepare
from ml.model import ShapeModel
from ml.persistence import Artifact, load
from ml.shapes import MEMBERS
from ml.term import YEARS, Curve

Z90 = 1.6448536269514722
_BATCH = 50_000


class Reasons(Sequence[list[str]]):
    """The machine-readable reasons of each row; kept as a table of bits, since most rows share theirs."""

    def __init__(self, codes: Mapping[str, NDArray[np.bool_]], size: int) -> None:
        held = {code: mask for code, mask in codes.items() if mask.any()}
        self._codes = tuple(held)
        self._bits = np.column_stack(list(held.values())) if held else np.zeros((size, 0), dtype=bool)

    def __len__(self) -> int:
        return len(self._bits)

    @overload
    def __getitem__(self, place: int) -> list[str]: ...
    @overload
    def __getitem__(self, place: slice) -> list[list[str]]: ...
    def __getitem__(self, place: int | slice) -> list[str] | list[list[str]]:
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(len(self)))]
        return [self._codes[code] for code in np.flatnonzero(self._bits[place]).tolist()]

    def __iter__(self) -> Iterator[list[str]]:
        distinct, places = self.groups()
        return (list(distinct[place]) for place in places.tolist())

    def groups(self) -> tuple[list[list[str]], NDArray[np.intp]]:
        """The different lists of reasons, and for each row the place of its own, shape (n,)."""
        if not len(self) or not self._codes:
            return [[]], np.zeros(len(self), dtype=np.intp)
        packed = np.ascontiguousarray(np.packbits(self._bits, axis=1))
        rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, places = np.unique(rows, return_index=True, return_inverse=True)
        return [self[place] for place in first.tolist()], places


@dataclass(frozen=True)
class Scores:
    """Scores of n rows as aligned arrays and lists of length n.

    PDs, their interval and the confidence are NaN where `shape` is "none": such a row had nothing to be
    scored on and must be refused, with its reasons.
    """

    shape: NDArray[np.str_]
    pd_raw: Array
    pd: Array
    """The raw PD after the floor, which is applied last."""
    members: dict[str, Array]
    """PD of each member, calibrated on its own."""
    low: Array
    high: Array
    """Bounds of the 90 % interval of the PD."""
    log_odds: Array
    """The ensemble's log-odds: base value and contributions sum to it."""
    base: Array
    """Base value in log-odds; NaN when no drivers were asked for."""
    confidence: Array
    confidence_level: NDArray[np.str_]
    reasons: Reasons
    drivers: list[list[Driver]]

    def __len__(self) -> int:
        return len(self.pd)


class Engine:
    """A loaded model that scores frames. Safe to share between threads; it never changes its input."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact

    @classmethod
    def load(cls, path: str | Path | None = None, *, nthread: int = 1, device: str = "cpu") -> Self:
        """The engine of a model folder, the shipped one by default.

        With `device` "cuda" large sets are predicted on a GPU; where there is none, a warning says so.

        Raises
        ------
        ml.persistence.ArtifactError
            If a file of the model is missing or its sha256 is not the one in the manifest.
        """
        return cls(load(Path(path) if path is not None else None, nthread=nthread, device=device))

    @property
    def name(self) -> str:
        """Name of the model."""
        return str(self._artifact.manifest["name"])

    @property
    def version(self) -> str:
        """Version of the model."""
        return str(self._artifact.manifest["version"])

    @property
    def sha256(self) -> str:
        """Hash that identifies the model with all its files."""
        return self._artifact.sha256

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The model's manifest: features, settings, metrics, library versions, hashes."""
        return self._artifact.manifest

    @property
    def models(self) -> Mapping[str, ShapeModel]:
        """The fitted model of each input shape."""
        return self._artifact.models

    def score(
        self,
        frame: pd.DataFrame,
        *,
        kind: Kind,
        history: pd.DataFrame | None = None,
        drivers: int = 5,
        floor: float | None = None,
        shape: str | None = None,
        age: Array | None = None,
    ) -> Scores:
        """Score each row in the richest shape its inputs allow.

        Parameters
        ----------
        frame : DataFrame, one row per obligor
            Any subset of `ml.features.LINE_ITEMS` (USD millions) and of the kind's ratios (percent as
            numbers); other columns are ignored; NaN is missing.
        kind : {"annual", "quarterly"}
            Quarterly flows are scored as trailing twelve months; the horizon stays 12 months.
        history : DataFrame, optional
            Earlier periods: `row` (position in frame), `periods_back` (1 = the period before), line items.
        drivers : int
            Number of drivers per row; 0 skips the contributions, which is much faster.
        floor : float, optional
            Least PD given out; the raw PD keeps its value.
        shape : str, optional
            The only shape to score in; rows that lack its inputs are not scored. By default the richest.
        age : array of shape (n,), optional
            Years from each row's fiscal year to now: an old statement is trusted less, and says so.

        Raises
        ------
        ValueError
            If `kind` or `shape` is unknown, a used column is not numeric, or the history does not fit.
        """
        prepared = prepare(frame, kind=kind, history=history, shape=shape, age=age)
        scores = _empty(len(prepared))
        codes: dict[str, NDArray[np.bool_]] = dict(prepared.flags)
        for name, model in self.models.items():
            rows = np.flatnonzero(prepared.shape == name)
            if rows.size:
                self._score_shape(model, rows, prepared, scores, codes, drivers)
        return Scores(
            shape=prepared.shape,
            pd=scores.pd_raw if floor is None else np.maximum(scores.pd_raw, floor),
            confidence_level=trust.level(scores.confidence),
            reasons=Reasons(codes, len(prepared)),
            **{
                key: getattr(scores, key)
                for key in ("pd_raw", "members", "low", "high", "log_odds", "base", "confidence", "drivers")
            },
        )

    def term(self, scores: Scores) -> Curve:
        """Term structures of scored rows, shape (n, 5); they begin with the PDs given out, floor included.

        NaN where a row has no PD, or its shape's model says nothing beyond one year.
        """
        return self.term_of(scores.shape, scores.pd)

    def term_of(self, shape: NDArray[np.str_], pd_: Array) -> Curve:
        """Term structures of PDs by the shapes they were scored in, as `term`."""
        columns = [np.full((len(pd_), YEARS), np.nan) for _ in range(4)]
        for name, model in self.models.items():
            rows = np.flatnonzero((shape == name) & ~np.isnan(pd_))
            if rows.size and model.term is not None:
                found = model.term.curve(pd_[rows])
                parts = (found.cumulative, found.marginal, found.conditional, found.annualised)
                for column, part in zip(columns, parts, strict=True):
                    column[rows] = part
        return Curve(*columns)

    def _score_shape(
        self,
        model: ShapeModel,
        rows: NDArray[np.intp],
        prepared: Prepared,
        scores: _Working,
        codes: dict[str, NDArray[np.bool_]],
        count: int,
    ) -> None:
        X = design_matrix(model.shape, prepared, rows)
        members = model.members(X)
        log_odds = model.blend(X, members)
        scores.log_odds[rows] = log_odds
        scores.pd_raw[rows] = expit(log_odds)
        for name in MEMBERS:
            scores.members[name][rows] = expit(members[name])
        beyond = trust.outside(model, X)
        for column in np.flatnonzero(beyond.any(axis=0)):
            mask = codes.setdefault(
                f"outside_development:{model.shape.features[column]}", np.zeros(len(prepared), dtype=bool)
            )
            mask[rows[beyond[:, column]]] = True
        flags = {code: prepared.flags[code][rows] for code in trust.PENALTIES if code in prepared.flags}
        lost = trust.missing_share(model, X)
        scores.confidence[rows] = trust.confidence(model, lost, beyond, flags)
        band = Z90 * model.sigma * np.sqrt(1.0 + lost)
        scores.low[rows] = expit(log_odds - band)
        scores.high[rows] = expit(log_odds + band)
        if count > 0:
            for start in range(0, len(rows), _BATCH):
                part = slice(start, start + _BATCH)
                contributions = model.contributions(X[part], log_odds[part])
                scores.base[rows[part]] = contributions[:, -1]
                found = drivers(model, X[part], contributions, count)
                for row, entry in zip(rows[part].tolist(), found, strict=True):
                    scores.drivers[row] = entry


@dataclass
class _Working:
    pd_raw: Array
    members: dict[str, Array]
    low: Array
    high: Array
    log_odds: Array
    base: Array
    confidence: Array
    drivers: list[list[Driver]]


def _empty(size: int) -> _Working:
    def blank() -> Array:
        return np.full(size, np.nan)

    members = {name: blank() for name in MEMBERS}
    return _Working(blank(), members, blank(), blank(), blank(), blank(), blank(), [[] for _ in range(size)])

"""Drift: how far scores and variables have moved from the sample a model was developed on.

As a command, `python -m ml.drift --data PATH [--model DIR]` writes the reference of a model folder that
stands; everything else in it stays to the byte.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml.features.arithmetic import Array
from ml.validation.measures import psi_limit

SCORE = "score"
"""Name under which the score itself (log-odds) is followed, beside the variables."""
_BINS = 10
_WATCH, _ALARM = 0.10, 0.25
_WATCH_LEVEL, _ALARM_LEVEL = 0.95, 0.999

Level = Literal["steady", "watch", "alarm", "too_few"]
LEAST_NAMES = 30


@dataclass(frozen=True)
class Column:
    """Inner edges of the bins of known values, and the share of each bin; the last one is of the missing."""

    edges: Array
    shares: Array

    def counts(self, values: Array) -> NDArray[np.int64]:
        """Names in each bin, the missing last."""
        last = len(self.edges) + 1
        place = np.where(np.isnan(values), last, np.searchsorted(self.edges, values, "right"))
        return np.bincount(place, minlength=last + 1)


@dataclass(frozen=True)
class Reference:
    """What the development sample looked like."""

    names: int
    columns: Mapping[str, Column]

    def as_json(self) -> dict[str, Any]:
        """The reference ready for JSON."""
        return {
            "names": self.names,
            "columns": {
                name: {"edges": column.edges.tolist(), "shares": column.shares.tolist()}
                for name, column in self.columns.items()
            },
        }


def from_json(kept: Mapping[str, Any]) -> Reference:
    """A reference from its JSON."""
    columns = {
        name: Column(np.array(c["edges"], dtype=np.float64), np.array(c["shares"], dtype=np.float64))
        for name, c in kept["columns"].items()
    }
    return Reference(int(kept["names"]), columns)


def describe(columns: Mapping[str, Array]) -> Reference:
    """The reference of a sample: bins at the deciles of the known values, and one for the missing."""
    found, size = {}, 0
    for name, values in columns.items():
        size = len(values)
        known = values[~np.isnan(values)]
        edges = _edges(known) if known.size else np.empty(0)
        column = Column(edges, np.empty(0))
        found[name] = Column(edges, column.counts(values) / max(size, 1))
    return Reference(size, found)


def _edges(known: Array) -> Array:
    edges: Array = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    # One value only: what lies above it has moved as much as what lies below.
    return np.append(edges, np.nextafter(edges, np.inf)) if len(edges) == 1 else edges


@dataclass(frozen=True)
class Drift:
    """How far one column has moved, and what chance alone would allow."""

    column: str
    names: int
    psi: float
    watch_from: float
    """PSI from which it is worth a look: 0.10, or more where the samples are small."""
    alarm_from: float
    """PSI from which it is an alarm: 0.25, or more where the samples are small."""
    missing: float
    missing_reference: float
    level: Level


def compare(reference: Reference, actual: Mapping[str, Array]) -> list[Drift]:
    """Drift of each column that both have, the farthest first.

    The population stability index is judged by the usual 0.10 and 0.25, but never below what samples of these
    sizes reach by chance (at 95 and 99.9 %; `psi_limit`). Half a name is added to each bin, so that an empty
    one gives a finite figure. Below 30 names nothing is judged.
    """
    found = []
    for name, column in reference.columns.items():
        if name not in actual:
            continue
        values = np.asarray(actual[name], dtype=np.float64)
        counts = column.counts(values)
        used = (column.shares > 0) | (counts > 0)
        bins = int(used.sum())
        p = (column.shares[used] * reference.names + 0.5) / (reference.names + 0.5 * bins)
        q = (counts[used] + 0.5) / (len(values) + 0.5 * bins)
        psi = float(((q - p) * np.log(q / p)).sum())
        watch = alarm = float("inf")
        if len(values) >= LEAST_NAMES:
            watch = max(_WATCH, psi_limit(reference.names, len(values), max(bins, 2), _WATCH_LEVEL))
            alarm = max(_ALARM, psi_limit(reference.names, len(values), max(bins, 2), _ALARM_LEVEL))
        level: Level = "alarm" if psi >= alarm else "watch" if psi >= watch else "steady"
        if not np.isfinite(watch):
            level, watch, alarm = "too_few", _WATCH, _ALARM
        found.append(
            Drift(
                name,
                len(values),
                psi,
                watch,
                alarm,
                float(np.isnan(values).mean()) if len(values) else 0.0,
                float(column.shares[-1]),
                level,
            )
        )
    return sorted(found, key=lambda row: -row.psi)


def observed(X: Array, features: tuple[str, ...], log_odds: Array) -> dict[str, Array]:
    """A design matrix and its scores by name."""
    columns = {name: X[:, j] for j, name in enumerate(features)}
    return {SCORE: np.asarray(log_odds, dtype=np.float64), **columns}


def main(arguments: list[str] | None = None) -> int:
    """Command line: describe the development data, attach; 0 when done."""
    # Only the command fits and reads: whoever compares does without.
    from ml.dataset import read
    from ml.fitting import FIT_FROM, SEED
    from ml.persistence import DEFAULT_PATH, REFERENCE, as_json, load, read_folder, write_folder
    from ml.sampling import present

    parser = argparse.ArgumentParser(prog="python -m ml.drift", description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the development file, or its folder")
    parser.add_argument("--model", type=Path, default=DEFAULT_PATH, help="folder (default: the shipped one)")
    options = parser.parse_args(arguments)
    data = read(options.data)
    recent = data.year >= FIT_FROM
    models = load(options.model).models
    manifest, contents, _ = read_folder(options.model)
    for name, model in models.items():
        X = present(model.shape, data, SEED).complete[recent]
        reference = describe(observed(X, model.shape.features, model.log_odds(X)))
        contents[f"{name}/{REFERENCE}"] = as_json(reference.as_json())
    rest = {key: value for key, value in manifest.items() if key not in ("files", "format")}
    digest = write_folder(options.model, contents, rest)
    sys.stdout.write(f"written {options.model}: sha256 {digest[:12]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

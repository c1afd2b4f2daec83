"""How fast the engine is: `python -m tests.benchmarks.engine [--data DIR]`.

Times are those of the processor for this process with one thread, so that a busy machine changes little; the
engine and the members' raw predictions are measured in turns, and the ratios are within one run. Without
the development data invented statements serve: what is measured does not depend on them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from ml.bridge import feature_changes
from ml.categories import categorise
from ml.dataset import FirmYears, from_frame, read
from ml.engine import Engine
from ml.estimators import margin
from ml.features import Array
from ml.few import flat_trees
from ml.inputs import design_matrix, prepare
from ml.model import ShapeModel
from ml.persistence import DEFAULT_PATH
from ml.sampling import history_frame
from ml.tests.synthetic import firm_years
from tests.benchmarks.harness import save, say, table

ROWS = 100_000
SHAPES = {"market": "statement_market", "statement": "statement"}
_LOAD = """
import time
from ml.engine import Engine
import pandas as pd
start = time.perf_counter(); engine = Engine.load(); loaded = time.perf_counter() - start
engine.score(pd.DataFrame([{"return_on_assets": 4.0}]), kind="annual")
status = open("/proc/self/status").read().split("VmHWM:")[1]
print(loaded, int(status.split()[0]) / 1024)
"""


def processor(work: Callable[[], object]) -> float:
    """Seconds of the processor that one call takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def in_turns(works: dict[str, Callable[[], object]], times: int) -> dict[str, float]:
    """Least seconds of each, measured in turns: what else the machine does can only add to it."""
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            found[name].append(processor(work))
    return {name: min(each) for name, each in found.items()}


def raw(model: ShapeModel, X: Array) -> Callable[[], object]:
    """The members' own predictions on the ready matrix."""

    def predict() -> None:
        margin(model.forest, X)
        margin(model.boosting, X)
        model.logistic.decision_function(X)

    return predict


def one_company(engine: Engine, data: FirmYears) -> dict[str, float]:
    """PD, drivers and bridge of one company against the raw prediction calls of its members."""
    frame, history = pd.DataFrame(data.items), history_frame(data)
    model = engine.models["statement_market"]
    place = int(np.flatnonzero(~np.isnan(data.years[1]["total_assets"]))[0])
    one = frame.iloc[[place]].reset_index(drop=True)
    X = design_matrix(model.shape, prepare(one, kind="annual"), np.array([0]))
    other = design_matrix(model.shape, prepare(frame.iloc[[place + 1]], kind="annual"), np.array([0]))
    years = None if history is None else history[history.row == place].assign(row=0)
    found = in_turns(
        {
            "one_raw_ms": raw(model, X),
            "one_pd_ms": lambda: engine.score(one, kind="annual", drivers=0),
            "one_pd_with_history_ms": lambda: engine.score(one, kind="annual", history=years, drivers=0),
            "one_drivers_ms": lambda: engine.score(one, kind="annual", drivers=5),
            "one_bridge_ms": lambda: feature_changes(model, X[0], other[0]),
        },
        60,
    )
    found = {name: 1000.0 * value for name, value in found.items()}
    found["one_drivers_alone_ms"] = found["one_drivers_ms"] - found["one_pd_ms"]
    return {**found, "one_pd_ratio": found["one_pd_ms"] / found["one_raw_ms"]}


def bulk(engine: Engine, data: FirmYears) -> dict[str, float]:
    """100,000 rows from a frame of line items to PD, members, category, interval and flags."""
    drawn = np.random.default_rng(0).integers(0, len(data), ROWS)
    whole = pd.DataFrame(data.items).iloc[drawn].reset_index(drop=True)
    found: dict[str, float] = {}
    for prefix, name in SHAPES.items():
        frame = whole if prefix == "market" else whole.drop(columns="market_cap")
        model = engine.models[name]
        X = design_matrix(model.shape, prepare(frame, kind="annual"), np.arange(ROWS))

        def score(frame: pd.DataFrame = frame) -> None:
            categorise(engine.score(frame, kind="annual", drivers=0).pd)

        seconds = in_turns({"raw": raw(model, X), "scored": score}, 3)
        found |= {
            f"{prefix}_raw_rows_per_second": ROWS / seconds["raw"],
            f"{prefix}_rows_per_second": ROWS / seconds["scored"],
            f"{prefix}_share_of_raw": seconds["raw"] / seconds["scored"],
        }
    return found


def inference(engine: Engine, data: FirmYears) -> dict[str, float]:
    """Ways to run the same boosters, in rows per second, and for one row in milliseconds."""
    model = engine.models["statement_market"]
    X = design_matrix(model.shape, prepare(pd.DataFrame(data.items), kind="annual"), np.arange(len(data)))[
        :20_000
    ].astype(np.float32)
    trees = (model.forest, model.boosting)

    def matrix(rows: Array) -> None:
        made = xgb.DMatrix(rows, missing=np.nan, nthread=1)
        for booster in trees:
            booster.predict(made, output_margin=True)

    def quantised(rows: Array) -> None:
        made = xgb.QuantileDMatrix(rows, missing=np.nan, nthread=1)
        for booster in trees:
            booster.predict(made, output_margin=True)

    ways: dict[str, Callable[[Array], None]] = {
        "dmatrix": matrix,
        "quantile_dmatrix": quantised,
        "inplace": lambda rows: [margin(b, rows) for b in trees] and None,
        "arrays": lambda rows: [flat_trees(b).margin(rows) for b in trees] and None,
    }
    seconds = in_turns({name: lambda way=way: way(X) for name, way in ways.items()}, 3)  # type: ignore[misc]
    single = in_turns({name: lambda way=way: way(X[:1]) for name, way in ways.items()}, 40)  # type: ignore[misc]
    return {
        **{f"trees_{name}_rows_per_second": len(X) / value for name, value in seconds.items()},
        **{f"trees_{name}_one_row_ms": 1000.0 * value for name, value in single.items()},
    }


def weight() -> dict[str, float]:
    """Load time, resident memory and size of the shipped model, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True)
    seconds, resident = done.stdout.split()
    size = sum(path.stat().st_size for path in DEFAULT_PATH.rglob("*") if path.is_file())
    return {
        "load_seconds": float(seconds),
        "resident_mb": float(resident),
        "artifact_mb": size / 1e6,
    }


LIMITS: dict[str, tuple[str, float]] = {
    "one_pd_ratio": ("at most", 3.0),
    "one_drivers_ms": ("at most", 10.0),
    "one_bridge_ms": ("at most", 50.0),
    "market_share_of_raw": ("at least", 0.5),
    "statement_share_of_raw": ("at least", 0.5),
    "load_seconds": ("at most", 1.0),
    "resident_mb": ("at most", 300.0),
    "artifact_mb": ("at most", 20.0),
}


def run(data: FirmYears) -> dict[str, float]:
    """Every figure by its key."""
    engine = Engine.load()
    return {**weight(), **one_company(engine, data), **bulk(engine, data), **inference(engine, data)}


def main(arguments: list[str] | None = None) -> int:
    """Command line: measure, print, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the data folder")
    options = parser.parse_args(arguments)
    try:
        data = read(options.data)
    except FileNotFoundError:
        data = from_frame(firm_years(firms=400))
    found = run(data)
    say(table([(key, (value,), "") for key, value in found.items()], ("figure",)))
    for key, (word, limit) in LIMITS.items():
        kept = found[key] <= limit if word == "at most" else found[key] >= limit
        say(f"{key}: {found[key]:.3g}, {word} {limit:g}: {'kept' if kept else 'MISSED'}")
    say(f"written {save('engine', found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

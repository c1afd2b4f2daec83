"""Train the model and write it as a folder: `python -m ml.train --data PATH --out ml/artifacts/default`."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
import sklearn
import xgboost
from scipy.special import expit

from ml import validation
from ml.calibration import Blend, Raw
from ml.card import write_card
from ml.categories import CATEGORIES, DEFAULT_CUTOFFS, categorise
from ml.dataset import FirmYears, read
from ml.device import DEVICES
from ml.drift import describe, observed
from ml.features import Array
from ml.fitting import FIRST_ORIGIN, FIT_FROM, SEED, Workshop
from ml.model import ShapeModel
from ml.persistence import DEFAULT_PATH, save
from ml.sampling import AS_DIVIDED
from ml.shapes import MEMBERS, SHAPES, Shape
from ml.term.fitting import fit_term

NAME = "us-listed"
VERSION = "1.2.0"
LAST_SELECTION_YEAR = 2013
REPORT_YEARS = (2014, 2015)

Say = Callable[[str], None]


def train(
    data: FirmYears, *, nthread: int, say: Say, device: str = "cpu"
) -> tuple[dict[str, ShapeModel], dict[str, Any]]:
    """The fitted model of every shape and the manifest with its measured figures."""
    models: dict[str, ShapeModel] = {}
    shapes: dict[str, Any] = {}
    for shape in SHAPES.values():
        started = time.monotonic()
        models[shape.name], shapes[shape.name] = _train_shape(Workshop(shape, data, nthread, device=device))
        report = shapes[shape.name]["metrics"]["report"]["ensemble"]
        say(
            f"{shape.name}: AUC {report['auc']:.4f} ({report['auc_low']:.3f}-{report['auc_high']:.3f}), "
            f"mean PD {report['mean_pd']:.4%} against {report['default_rate']:.4%}, "
            f"{time.monotonic() - started:.0f} s"
        )
    return models, _manifest(data, shapes)


def _train_shape(shop: Workshop) -> tuple[ShapeModel, dict[str, Any]]:
    last = int(shop.data.year.max())
    report_blend, _ = shop.calibrate(LAST_SELECTION_YEAR)
    report = measure_report(shop, report_blend)
    blend, pooled = shop.calibrate(last)
    sigma, _ = shop.band(blend, pooled)
    everything = np.flatnonzero(shop.data.year >= FIT_FROM)
    term, term_figures = fit_term(shop.data, pooled.rows, blend.log_odds(pooled.raw))
    model = replace(shop.model(shop.fit(everything), blend, sigma, everything), term=term)
    X = shop.presented.complete[everything]
    model = replace(model, reference=describe(observed(X, model.shape.features, model.log_odds(X))))
    target = shop.data.default[pooled.rows]
    out_of_time = _measure(blend, pooled.raw, target)
    by_year = {
        str(year): validation.auc(target[inside], blend.log_odds(pooled.raw)[inside])
        for year in np.unique(shop.data.year[pooled.rows])
        for inside in [shop.data.year[pooled.rows] == year]
    }
    shares = _category_shares(expit(blend.log_odds(pooled.raw)), target)
    return model, {
        "label": shop.shape.label,
        "features": list(shop.shape.features),
        "directions": list(shop.shape.directions),
        "settings": _settings(shop.shape),
        "sigma": sigma,
        "weights": dict(blend.weights),
        "metrics": {
            "report": report,
            "out_of_time": out_of_time,
            "auc_by_year": by_year,
            "categories": shares,
            "gaps": _gaps(shop, blend),
            "term": term_figures,
        },
    }


def _gaps(shop: Workshop, blend: Blend) -> dict[str, dict[str, float]]:
    """Mean PD over the rolling origins when one input is missing, and the AUC that is left.

    For ratios also as a spreadsheet divides them, which hides the sign of a denominator.
    """
    found = {}
    for name in (*shop.shape.gap_markers, *(() if shop.shape.is_statement else (AS_DIVIDED,))):
        pooled = shop.out_of_time(FIRST_ORIGIN, int(shop.data.year.max()), name)
        log_odds, target = blend.log_odds(pooled.raw), shop.data.default[pooled.rows]
        found[name] = {
            "auc": validation.auc(target, log_odds),
            "mean_pd": float(expit(log_odds).mean()),
            "default_rate": float(target.mean()),
        }
    return found


def measure_report(shop: Workshop, blend: Blend) -> dict[str, Any]:
    """Figures on fiscal years 2014-2015 of the members fitted, selected and calibrated up to 2013."""
    members = shop.fit_before(REPORT_YEARS[0])
    rows = np.flatnonzero(np.isin(shop.data.year, REPORT_YEARS))
    return _measure(blend, members.log_odds(shop.presented.complete[rows]), shop.data.default[rows])


def _measure(blend: Blend, raw: Raw, target: Array) -> dict[str, Any]:
    scores = {"ensemble": blend.log_odds(raw), **blend.member_log_odds(raw)}
    return {name: validation.summary(target, expit(z)) for name, z in scores.items()}


def _category_shares(pd_: Array, target: Array) -> dict[str, dict[str, float]]:
    named = categorise(pd_)
    found = {}
    for name in CATEGORIES:
        inside = named == name
        found[name] = {
            "share": float(inside.mean()),
            "mean_pd": float(pd_[inside].mean()) if inside.any() else float("nan"),
            "default_rate": float(target[inside].mean()) if inside.any() else float("nan"),
        }
    return {k: {m: (None if v != v else v) for m, v in row.items()} for k, row in found.items()}  # type: ignore[misc]


def _settings(shape: Shape) -> dict[str, Any]:
    return {
        "random_forest": dict(shape.forest),
        "gradient_boosting": dict(shape.boosting),
        "logistic": dict(shape.logistic),
        "gapped_weight": shape.gapped_weight,
        "echoes": {str(years): weight for years, weight in shape.echoes.items()},
    }


def _manifest(data: FirmYears, shapes: Mapping[str, Any]) -> dict[str, Any]:
    years = {
        str(year): {
            "names": int((data.year == year).sum()),
            "defaults": int(data.default[data.year == year].sum()),
        }
        for year in np.unique(data.year)
    }
    long_run = data.year >= FIT_FROM
    return {
        "name": NAME,
        "version": VERSION,
        "seed": SEED,
        "protocol": {
            "first_origin": FIRST_ORIGIN,
            "last_selection_year": LAST_SELECTION_YEAR,
            "report_years": list(REPORT_YEARS),
            "fit_from": FIT_FROM,
            "long_run_default_rate": float(data.default[long_run].mean()),
        },
        "cutoffs": vars(DEFAULT_CUTOFFS),
        "members": list(MEMBERS),
        "data": {
            "sha256": data.digest,
            "firm_years": len(data),
            "companies": len(np.unique(data.company)),
            "defaults": int(data.default.sum()),
            "by_year": years,
        },
        "libraries": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "xgboost": xgboost.__version__,
        },
        "shapes": dict(shapes),
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line: train, save, write the card; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m ml.train", description=__doc__)
    parser.add_argument(
        "--data", required=True, type=Path, help="the development file, or the folder with it"
    )
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_PATH, help="folder to write (default: the shipped one)"
    )
    parser.add_argument("--card", type=Path, help="also write the model card (Markdown) to this file")
    parser.add_argument("--threads", type=int, default=1, help="threads per fit (default: 1)")
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="cuda: fit on a GPU if there is one")
    options = parser.parse_args(arguments)

    def say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    data = read(options.data)
    say(f"{len(data)} firm-years, {int(data.default.sum())} defaults, sha256 {data.digest[:12]}")
    models, manifest = train(data, nthread=options.threads, say=say, device=options.device)
    digest = save(options.out, models, manifest)
    write_card(options.out, options.card)
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    say(f"written {options.out}: sha256 {digest[:12]}, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

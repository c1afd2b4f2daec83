"""How good the model is, measured: `python -m tests.benchmarks.model --data DIR`.

Everything is fitted and calibrated on fiscal years up to 2013 and measured on 2014-2015, then once more with
the companies that are measured held out of the fit (company-grouped). It takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ml import validation
from ml.calibration import Blend, coverage
from ml.classic import CLASSIC_SCORES, ohlson_o
from ml.dataset import FirmYears, read
from ml.features import Array, complete_items
from ml.features.items import clean_items
from ml.fitting import FIRST_ORIGIN, FIT_FROM, Workshop
from ml.sampling import AS_DIVIDED, single_gap
from ml.shapes import MEMBER_LABELS, MEMBERS, SHAPES
from ml.train import LAST_SELECTION_YEAR, REPORT_YEARS, measure_report
from tests.benchmarks.harness import FOLDER, say

GROUPS = 3
REFERENCE = {
    "statement_market": "untuned: logistic 0.91, boosted trees 0.92, forest 0.92",
    "statement": "untuned: logistic 0.86, boosted trees 0.88, forest 0.89",
    "annual_ratios": "untuned: about 0.81",
    "quarterly_ratios": "untuned: about 0.83",
}


def classic_summaries(data: FirmYears, rows: np.ndarray) -> dict[str, dict[str, Any]]:
    """Discrimination of each classic score on the same rows; rows without a score get the median."""
    items = complete_items(clean_items(data.items)[0])
    prior = data.years[0]["net_income"]
    scores: dict[str, Array] = {name: spec.function(items) for name, spec in CLASSIC_SCORES.items()}
    scores = {name: v if CLASSIC_SCORES[name].risk_rises else -v for name, v in scores.items()}
    scores["ohlson_o"] = ohlson_o(items, np.where(np.isnan(prior), items["net_income"], prior))
    found = {}
    for name, values in scores.items():
        chosen = values[rows]
        filled = np.where(np.isnan(chosen), np.nanmedian(chosen), chosen)
        target = data.default[rows]
        area = validation.auc_interval(target, filled)
        found[name] = {
            "auc": area.value,
            "auc_low": area.low,
            "auc_high": area.high,
            "recall_worst_tenth": validation.recall_in_worst(target, filled),
            "ks": validation.ks(target, filled),
        }
    return found


def grouped(shop: Workshop, blend: Blend) -> validation.Interval:
    """AUC on 2014-2015 when no year of the measured companies was in the fit."""
    group = np.unique(shop.data.company, return_inverse=True)[1]
    group = np.random.default_rng(0).integers(GROUPS, size=group.max() + 1)[group]
    report = np.isin(shop.data.year, REPORT_YEARS)
    scores, targets = [], []
    for held in range(GROUPS):
        years = (shop.data.year >= FIT_FROM) & (shop.data.year <= LAST_SELECTION_YEAR)
        members = shop.fit(np.flatnonzero(years & (group != held)))
        rows = np.flatnonzero(report & (group == held))
        scores.append(blend.log_odds(members.log_odds(shop.presented.complete[rows])))
        targets.append(shop.data.default[rows])
    return validation.auc_interval(np.concatenate(targets), np.concatenate(scores))


def rolling(shop: Workshop, blend: Blend) -> validation.Interval:
    """AUC over the rolling origins up to the last year of selection, pooled."""
    pooled = shop.out_of_time(FIRST_ORIGIN, LAST_SELECTION_YEAR)
    return validation.auc_interval(shop.data.default[pooled.rows], blend.log_odds(pooled.raw))


def as_divided(shop: Workshop, blend: Blend) -> validation.Interval:
    """AUC on 2014-2015 of ratios as a spreadsheet divides them, which hides a denominator's sign."""
    rows = np.flatnonzero(np.isin(shop.data.year, REPORT_YEARS))
    matrix = single_gap(shop.shape, shop.data, shop.presented.complete, AS_DIVIDED)
    raw = shop.fit_before(REPORT_YEARS[0]).log_odds(matrix[rows])
    return validation.auc_interval(shop.data.default[rows], blend.log_odds(raw))


def table(title: str, measured: dict[str, dict[str, Any]]) -> None:
    """Print one shape's figures."""
    say(f"\n{title}")
    say(f"{'score':22} {'AUC':>6} {'95 % interval':>15} {'AR':>6} {'KS':>6} {'worst 10 %':>10} {'PR-AUC':>7} "
        f"{'Brier':>8} {'mean PD':>8} {'rate':>7} {'rejected':>8}")  # fmt: skip
    for name, row in measured.items():
        line = (
            f"{name:22} {row['auc']:6.3f} {row['auc_low']:7.3f}-{row['auc_high']:.3f}  "
            f"{2 * row['auc'] - 1:6.3f} {row['ks']:6.3f} {row['recall_worst_tenth']:10.1%}"
        )
        if "mean_pd" in row:
            line += (
                f" {row['pr_auc']:7.3f} {row['brier']:8.5f} {row['mean_pd']:8.3%} {row['default_rate']:7.3%} "
                f"{row['rejected_deciles']:8d}"
            )
        say(line)


def deciles(measured: dict[str, Any]) -> None:
    """Print the calibration of the ensemble by tenth."""
    for number, row in enumerate(measured["deciles"], 1):
        say(
            f"  tenth {number:2d}: {row['names']:5d} names, {row['defaults']:3d} defaults, "
            f"PD {row['mean_pd']:.3%}, rate {row['default_rate']:.3%}, Jeffreys p {row['jeffreys_p']:.3f}"
            f"{' rejected' if row['rejected'] else ''}"
        )


PREFIX = {
    "statement_market": "market",
    "statement": "statement",
    "annual_ratios": "ratio_annual",
    "quarterly_ratios": "ratio_quarterly",
}
ALTMAN = {
    "statement_market": ("altman_z", "altman_z1", "altman_z2"),
    "statement": ("altman_z1", "altman_z2"),
}


def run(data: FirmYears, nthread: int) -> dict[str, Any]:
    """Measure every shape and return the flat figures."""
    rows = np.flatnonzero(np.isin(data.year, REPORT_YEARS))
    results: dict[str, Any] = {"names": len(rows), "defaults": int(data.default[rows].sum())}
    classics = classic_summaries(data, rows)
    for name in SHAPES:
        results |= measure(Workshop(SHAPES[name], data, nthread), classics)
    return results


def measure(shop: Workshop, classics: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Measure one shape, print its tables, and return its flat figures."""
    name, prefix = shop.shape.name, PREFIX[shop.shape.name]
    blend, _ = shop.calibrate(LAST_SELECTION_YEAR)
    measured = measure_report(shop, blend)
    ensemble = measured["ensemble"]
    shown = {"Ensemble": ensemble, **{MEMBER_LABELS[m]: measured[m] for m in MEMBERS}}
    if name in ALTMAN:
        hidden = set() if name == "statement_market" else {"altman_z"}
        shown |= {key: row for key, row in classics.items() if key not in hidden}
    table(f"{shop.shape.label}, fiscal years 2014-2015 ({REFERENCE[name]})", shown)
    deciles(ensemble)
    results = {
        f"{prefix}_{key}": ensemble[key] for key in ("auc", "auc_low", "auc_high", "mean_pd", "default_rate")
    }
    for member in MEMBERS:
        results |= {
            f"{prefix}_{member}_{key}": measured[member][key] for key in ("auc", "auc_low", "auc_high")
        }
    origins = rolling(shop, blend)
    say(f"rolling origins {FIRST_ORIGIN}-{LAST_SELECTION_YEAR}: AUC {origins.value:.3f} "
        f"({origins.low:.3f}-{origins.high:.3f})")  # fmt: skip
    results[f"{prefix}_rolling_auc"] = origins.value
    plain = "" if name == "statement_market" else f"{prefix}_"
    results[f"{plain}recall_worst_tenth"] = ensemble["recall_worst_tenth"]
    results[f"{plain}calibration_rejected_deciles"] = ensemble["rejected_deciles"]
    if name in ALTMAN:
        altman = max(classics[key]["auc"] for key in ALTMAN[name])
        held = grouped(shop, blend)
        results |= {
            f"{plain}altman_best_auc": altman,
            f"{plain}ar_lead_points": 200.0 * (ensemble["auc"] - altman),
            f"{prefix}_grouped_auc": held.value,
        }
        say(f"companies held out of the fit: AUC {held.value:.3f} ({held.low:.3f}-{held.high:.3f})")
    else:
        plain_ratios = as_divided(shop, blend)
        results[f"{prefix}_as_divided_auc"] = plain_ratios.value
        say(f"{AS_DIVIDED}: AUC {plain_ratios.value:.3f} ({plain_ratios.low:.3f}-{plain_ratios.high:.3f})")
    found = coverage(shop.band(blend, shop.out_of_time(FIRST_ORIGIN, max(REPORT_YEARS)))[1])
    say(
        f"90 % interval over {found.cells} cells of year and PD: coverage {found.share:.3f} "
        f"({found.low:.3f}-{found.high:.3f})"
    )
    return results | {
        f"{plain}interval_coverage": found.share,
        f"{plain}interval_coverage_low": found.low,
        f"{plain}interval_coverage_high": found.high,
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line: measure, print, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.model", description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the data folder, or the development file")
    parser.add_argument("--out", type=Path, default=FOLDER / "model.json")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    started = time.monotonic()
    results = run(read(options.data), options.threads)
    results["seconds"] = time.monotonic() - started
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    say(f"\nwritten {options.out} after {results['seconds']:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

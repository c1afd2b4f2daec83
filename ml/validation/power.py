"""Evidence on discrimination: overall, by year, by size, by member, against classics and a simple model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.special import expit

from ml.categories import DEFAULT_CUTOFFS
from ml.classic import CLASSIC_SCORES, ohlson_o
from ml.features import Array
from ml.shapes import MEMBERS
from ml.validation.measures import (
    auc,
    auc_difference,
    auc_interval,
    brier,
    cap_curve,
    roc_curve,
    summary,
)
from ml.validation.study import ENSEMBLE, SCORES, Sample, Study, ladder

# Total assets in USD millions.
SIZES: tuple[tuple[str, float, float], ...] = (
    ("below 50", 0.0, 50.0),
    ("50 to 250", 50.0, 250.0),
    ("250 to 1,000", 250.0, 1000.0),
    ("1,000 and more", 1000.0, float("inf")),
)
MARKET_SCORES = frozenset({"altman_z"})


def power(found: Study, *, repeats: int) -> dict[str, Any]:
    """Discrimination in time, out of time and over the rolling origins."""
    samples = {"in_time": found.in_time, "report": found.report, "rolling": found.rolling}
    return {
        "samples": {
            name: {score: _summary(sample, score, repeats) for score in SCORES}
            for name, sample in samples.items()
            if sample.measurable
        },
        "by_year": [
            {"year": int(year), **_area(found.rolling.part(found.year(found.rolling) == year), repeats)}
            for year in np.unique(found.year(found.rolling))
        ],
        "by_size": _by_size(found, repeats),
        "cutoffs": _cutoffs(found.report),
        "curves": _curves(found),
    }


def _summary(sample: Sample, score: str, repeats: int) -> dict[str, Any]:
    return summary(sample.target, sample.pd(score), repeats=repeats)


def _area(sample: Sample, repeats: int, score: str = ENSEMBLE) -> dict[str, Any]:
    counted = {"names": len(sample.target), "defaults": int(sample.target.sum())}
    if not sample.measurable:
        return {**counted, "auc": None, "auc_low": None, "auc_high": None}
    area = auc_interval(sample.target, sample.log_odds[score], repeats=repeats)
    return {**counted, "auc": area.value, "auc_low": area.low, "auc_high": area.high}


def _by_size(found: Study, repeats: int) -> list[dict[str, Any]]:
    assets = found.items()["total_assets"]
    table = []
    for label, low, high in SIZES:
        row: dict[str, Any] = {"label": label}
        for name, sample in (("rolling", found.rolling), ("report", found.report)):
            size = assets[sample.rows]
            part = sample.part((size >= low) & (size < high))
            mean = float(part.pd().mean()) if len(part.target) else None
            rate = float(part.target.mean()) if len(part.target) else None
            row[name] = {**_area(part, repeats), "mean_pd": mean, "default_rate": rate}
        table.append(row)
    return table


def _cutoffs(sample: Sample) -> list[dict[str, Any]]:
    """What each cut-off of the categories catches, and what it costs: the whole confusion table."""
    table = []
    pd_, y = sample.pd(), sample.target
    for name, bound in vars(DEFAULT_CUTOFFS).items():
        flagged = pd_ >= bound
        hits, alarms = float(y[flagged].sum()), float((1 - y[flagged]).sum())
        table.append(
            {
                "name": name,
                "pd": bound,
                "flagged": int(flagged.sum()),
                "hits": int(hits),
                "missed": int(y.sum() - hits),
                "false_alarms": int(alarms),
                "cleared": int((1 - y).sum() - alarms),
                "recall": hits / y.sum() if y.sum() else None,
                "false_alarm_rate": alarms / (1 - y).sum() if (1 - y).sum() else None,
                "precision": hits / flagged.sum() if flagged.any() else None,
            }
        )
    return table


def _curves(found: Study) -> dict[str, Any]:
    """ROC of every score and CAP of the ensemble on the report sample."""
    sample = found.report
    if not sample.measurable:
        return {"roc": {}, "cap": []}
    return {
        "roc": {score: roc_curve(sample.target, sample.log_odds[score], 61) for score in SCORES},
        "cap": cap_curve(sample.target, sample.log_odds[ENSEMBLE], 61),
    }


def classic_values(found: Study) -> dict[str, Array]:
    """Each classic score of all firm-years, turned so that risk rises with it; NaN where it has none."""
    items = found.items()
    values = {
        name: spec.function(items) if spec.risk_rises else -spec.function(items)
        for name, spec in CLASSIC_SCORES.items()
    }
    prior = found.data.years[0]["net_income"] if found.data.years else np.full(len(found.data), np.nan)
    values["ohlson_o"] = ohlson_o(items, np.where(np.isnan(prior), items["net_income"], prior))
    return values


def classic_labels() -> dict[str, str]:
    """Names of the classic scores as people write them."""
    return {name: spec.label for name, spec in CLASSIC_SCORES.items()} | {"ohlson_o": "Ohlson O (1980)"}


def benchmarks(found: Study, *, repeats: int) -> list[dict[str, Any]]:
    """Each classic score on the report sample's rows, and the ensemble's lead over it on the same rows.

    A row without a score takes the median, so that every score ranks the same rows.
    """
    sample = found.report
    market = "market" in found.shop.shape.name
    labels = classic_labels()
    table: list[dict[str, Any]] = []
    if not sample.measurable:
        return table
    for name, values in classic_values(found).items():
        if name in MARKET_SCORES and not market:
            continue
        chosen = values[sample.rows]
        filled = np.where(np.isnan(chosen), np.nanmedian(chosen), chosen)
        area = auc_interval(sample.target, filled, repeats=repeats)
        lead = auc_difference(sample.target, sample.log_odds[ENSEMBLE], filled, repeats=repeats)
        table.append(
            {
                "name": name,
                "label": labels[name],
                "without_score": float(np.isnan(chosen).mean()),
                "auc": area.value,
                "auc_low": area.low,
                "auc_high": area.high,
                "lead": lead.value,
                "lead_low": lead.low,
                "lead_high": lead.high,
                "roc": roc_curve(sample.target, filled, 61),
            }
        )
    return table


def complexity(found: Study, *, repeats: int) -> dict[str, Any]:
    """What each more complex model buys over the logistic one, on the same rows, with paired intervals."""
    report, rolling = found.report, found.rolling
    if not report.measurable:
        return {"ladder": [], "members": [], "recommended": None}
    steps = ladder(found)
    base = steps["logistic"]
    rows = []
    for name, scores in steps.items():
        row: dict[str, Any] = {
            "name": name,
            "auc": auc(report.target, scores),
            "brier": brier(report.target, expit(scores)),
            "log_loss": _log_loss(report.target, scores),
        }
        if name != "logistic":
            gain = asdict(auc_difference(report.target, scores, base, repeats=repeats))
            row["gain"] = gain
            row["verdict"] = auc_difference(report.target, scores, base, repeats=repeats).verdict
        rows.append(row)
    over_time = [
        {
            "name": name,
            "auc": auc(rolling.target, rolling.log_odds[name]),
            "gain": asdict(
                auc_difference(
                    rolling.target, rolling.log_odds[name], rolling.log_odds["logistic"], repeats=repeats
                )
            ),
        }
        for name in (*[m for m in MEMBERS if m != "logistic"], ENSEMBLE)
    ]
    return {"ladder": rows, "rolling": over_time, "recommended": _recommended(rows, over_time)}


def _log_loss(target: Array, log_odds: Array) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - target * log_odds))


def _recommended(rows: list[dict[str, Any]], over_time: list[dict[str, Any]]) -> str:
    """The simplest model that no more complex one is shown to beat.

    A step counts as shown when the interval of its gain leaves out zero on the years kept apart, or over the
    rolling origins for the ensemble, which have six times the defaults.
    """
    shown = [row["name"] for row in rows if "gain" in row and row["gain"]["low"] > 0]
    if not shown:
        shown = [row["name"] for row in over_time if row["name"] == ENSEMBLE and row["gain"]["low"] > 0]
    return str(shown[-1]) if shown else "logistic"

"""The validation report of a model as data: evidence, verdicts, and the answers that are declarations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.card import card
from ml.persistence import load
from ml.shapes import SHAPES
from ml.validation.evidence import SCHEMA, kept
from ml.validation.study import without_nan
from ml.validation.verdicts import ORDER, verdicts

# What a validator asks first, and where this report answers.
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("What is a default?", "1"),
    ("What sample, what period?", "2"),
    ("What was excluded, and why?", "2"),
    ("How are missing values treated?", "3"),
    ("How is the model segmented?", "4"),
    ("Which variables, with which sign and why?", "5"),
    ("What shows that they act that way?", "5"),
    ("How far do variables repeat each other?", "6"),
    ("How well does it rank, in time and out of time, with intervals?", "7"),
    ("By year, size, and input?", "7"),
    ("How does it compare with published scores?", "7"),
    ("Is it calibrated, by tenth and by grade?", "8"),
    ("What is the master scale; are names concentrated?", "9"),
    ("What is the central tendency, and from where?", "10"),
    ("Point in time or through the cycle?", "10"),
    ("Is it stable; how do names migrate?", "11"),
    ("Does complexity pay; what is the challenger?", "12"),
    ("How uncertain is a PD?", "13"),
    ("What are its limits, how are overrides treated?", "14"),
    ("How is it monitored, changed, and reproduced from raw data?", "15 and 16"),
)
OVERRIDES = (
    "The model's PD is never changed by hand. An analyst's own rating stands beside it and is reported apart."
)
SEGMENTS = (
    "By input, not by obligor: four shapes of input (statement with and without market value, annual ratios, "
    "quarterly ratios) have members and a calibration of their own, chosen by what a row brings. The "
    "development data names no industry; there is no segment by industry."
)
PHILOSOPHY = (
    "The level is anchored on the long-run default rate; the ranking moves with the statements. The PDs are "
    "therefore between point in time and through the cycle: section 10 measures how much of the yearly "
    "rate's movement they follow."
)
MISSING = (
    "A missing value stays missing: no replacement by a number. Each firm-year is fitted once complete and "
    "once with inputs removed at random; a blank has its own branch in the trees, its own coefficient in the "
    "logistic member and its own shift in the calibration. A debt ratio over a denominator that is not "
    "positive is a state of its own, ranked above every defined value."
)
TENDENCY = (
    "The mean PD is anchored on the pooled default rate of all firm-years from 2003 on. Earlier years are "
    "left out because their defaults are under-recorded (38 in 1999-2002 although 2001-2002 was a peak)."
)
MONITORING: tuple[tuple[str, str, str], ...] = (
    ("Discrimination", "AUC and accuracy ratio of the realised cohort", "below the lower bound of section 7"),
    (
        "Calibration",
        "Jeffreys by grade and overall, per cohort",
        "p below 0.05: look; below 0.01: recalibrate",
    ),
    ("Score drift", "PSI of scores against the development years", "above its chance limit and 0.10; 0.25"),
    ("Input drift", "Characteristic stability, share missing and out of range", "above the chance limit"),
    ("Challenger", "Agreement, rank correlation, mean PD, AUC in the shadow", "challenger better, interval"),
    ("Review", "Revalidation of this report", "yearly by materiality, or when a limit above is crossed"),
)


def make(
    manifest: Mapping[str, Any],
    sha256: str,
    evidence: Mapping[str, Any] | None,
    *,
    governance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole report, ready for JSON.

    Parameters
    ----------
    manifest : mapping
        The model's manifest, and its hash.
    evidence : mapping, optional
        What `ml.validation.evidence.collect` gave. Without it the report holds what the card knows and
        names the parts that need the development data.
    governance : mapping, optional
        Owner, materiality, status and history, where a registry keeps them.
    """
    about = card(manifest, sha256)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": about["model"],
        "governance": dict(governance or {}),
        "definition": about["definition"],
        "source": about["source"],
        "cutoffs": about["cutoffs"],
        "protocol": about["protocol"],
        "declarations": {
            "missing_values": MISSING,
            "segments": SEGMENTS,
            "philosophy": PHILOSOPHY,
            "central_tendency": TENDENCY,
            "overrides": OVERRIDES,
        },
        "limitations": about["limits"],
        "monitoring": [dict(zip(("what", "measure", "limit"), row, strict=True)) for row in MONITORING],
        "questions": [{"question": q, "section": s} for q, s in QUESTIONS],
        "card": {
            "sample": about["sample"],
            "not_in_model": about["not_in_model"],
            "shapes": {
                name: {
                    "label": spec["label"],
                    "features": len(spec["features"]),
                    "weights": spec["weights"],
                    "settings": spec["settings"],
                    "metrics": spec["metrics"],
                }
                for name, spec in about["shapes"].items()
            },
        },
        "training_libraries": about["libraries"],
        "evidence": dict(evidence) if evidence else None,
        "verdicts": {},
        "needs_data": [],
    }
    if evidence:
        found["verdicts"] = {
            name: [asdict(v) for v in verdicts(shape)] for name, shape in evidence["shapes"].items()
        }
    else:
        found["needs_data"] = [
            "signs and sweeps of the variables",
            "correlation and variance inflation",
            "figures by size and against the classic scores",
            "calibration by grade",
            "drift, migration and the cycle",
            "what complexity buys",
            "coverage of the interval",
        ]
    plain: dict[str, Any] = without_nan(found)
    return plain


def shapes_of(report: Mapping[str, Any]) -> list[str]:
    """Input shapes from the richest to the poorest, those first that are known; stores may shuffle keys."""
    found = report["card"]["shapes"]
    return [name for name in SHAPES if name in found] + sorted(found.keys() - SHAPES.keys())


def worst(lights: list[Mapping[str, Any]]) -> str:
    """The worst light of a list of verdicts."""
    return max((row["light"] for row in lights), key=lambda light: ORDER[light], default="unknown")


def of_folder(folder: Path, *, governance: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The report of a model folder from the evidence that is kept in it."""
    artifact = load(folder)
    return make(artifact.manifest, artifact.sha256, kept(folder), governance=governance)


def digest(content: bytes) -> str:
    """sha256 of a document."""
    return hashlib.sha256(content).hexdigest()

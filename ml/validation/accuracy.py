"""Evidence on calibration: by tenth, by grade, overall; the scale's ranges and concentration."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from ml.calibration import coverage
from ml.masterscale import MasterScale
from ml.validation.measures import (
    binomial_p,
    brier_parts,
    herfindahl,
    hosmer_lemeshow,
    jeffreys_interval,
    jeffreys_p,
    pluto_tasche_upper,
)
from ml.validation.stability import position
from ml.validation.study import SCORES, Sample, Study

PRUDENCE = (0.50, 0.75, 0.90)


def calibration(found: Study, scale: MasterScale) -> dict[str, Any]:
    """Calibration of both samples."""
    return {
        name: _of_sample(sample, scale)
        for name, sample in (("report", found.report), ("rolling", found.rolling))
    }


def _of_sample(sample: Sample, scale: MasterScale) -> dict[str, Any]:
    pd_, y = sample.pd(), sample.target
    names, defaults, mean = len(y), int(y.sum()), float(pd_.mean())
    statistic, p_value = hosmer_lemeshow(y, pd_)
    table = by_grade(sample, scale)
    filled = [row for row in table if row["names"]]
    rejected = sum(row["rejected"] for row in filled)
    return {
        "names": names,
        "defaults": defaults,
        "mean_pd": mean,
        "default_rate": defaults / names,
        "ratio": mean / (defaults / names) if defaults else None,
        "jeffreys_p": jeffreys_p(names, defaults, mean),
        "binomial_p": binomial_p(names, defaults, mean),
        "hosmer_lemeshow": {"statistic": statistic, "p": p_value},
        "brier": {score: brier_parts(y, sample.pd(score)) for score in SCORES},
        "grades": table,
        "rejected_grades": rejected,
        # How likely so many rejections are if every PD holds: each grade is rejected 5 % of the time.
        "rejected_grades_p": float(binom.sf(rejected - 1, len(filled), 0.05)),
        "herfindahl": herfindahl([row["share"] for row in table]),
        "largest_grade": max(row["share"] for row in table),
        "inversions": _inversions(filled),
    }


def by_grade(sample: Sample, scale: MasterScale) -> list[dict[str, Any]]:
    """Names, defaults, mean PD and the tests of each grade."""
    pd_, y = sample.pd(), sample.target
    place = position(scale, pd_)
    table = []
    for number, grade in enumerate(scale.grades):
        inside = place == number
        names, defaults = int(inside.sum()), int(y[inside].sum())
        row: dict[str, Any] = {
            "grade": grade.grade,
            "label": grade.label,
            "pd_from": grade.lower,
            "pd_to": grade.upper,
            "names": names,
            "defaults": defaults,
            "share": names / len(y),
        }
        if names:
            mean = float(pd_[inside].mean())
            p_value = jeffreys_p(names, defaults, mean)
            rate_low, rate_high = jeffreys_interval(names, defaults)
            row |= {
                "mean_pd": mean,
                "default_rate": defaults / names,
                "rate_low": rate_low,
                "rate_high": rate_high,
                "jeffreys_p": p_value,
                "binomial_p": binomial_p(names, defaults, mean),
                "rejected": bool(p_value < 0.025 or p_value > 0.975),
                "prudent": [pluto_tasche_upper(names, defaults, level) for level in PRUDENCE],
            }
        table.append(row)
    return table


def _inversions(table: list[dict[str, Any]]) -> int:
    """Neighbouring grades of which the better one defaulted more often."""
    rates = [row["default_rate"] for row in table]
    return sum(later < earlier for earlier, later in zip(rates[:-1], rates[1:], strict=True))


def interval(found: Study) -> dict[str, Any]:
    """How often the 90 % range of a cell held its count of defaults, by the rolling origins."""
    sigma, table = found.shop.band(found.released, found.pooled)
    held = coverage(table)
    return {
        "nominal": 0.9,
        "sigma": sigma,
        "cells": held.cells,
        "share": held.share,
        "low": held.low,
        "high": held.high,
        "names_per_cell": float(np.median(table.names)),
    }

"""Sections of the report on how well the model ranks and how well its PDs are calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.platypus import Flowable

from ml.validation import charts
from ml.validation.pdf.parts import HALF, NEEDS, SCORES, Line, Report, label, shape
from ml.validation.pdf.style import (
    H2,
    LIGHTS,
    WIDTH,
    Numbering,
    fixed,
    gap,
    grid,
    heading,
    p_value,
    percent,
    side_by_side,
    span,
    text,
    together,
)


def power(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("7", "Discrimination"),
        text(
            "In time: the years the members were fitted on. Kept apart: years after them. Rolling "
            "origins: each year from 2005 on, predicted from the years before. Intervals are 95 % "
            "percentile bootstrap; the accuracy ratio is 2 AUC - 1. What falls from in time to out of "
            "time is what the trees remember of their sample; only the figures out of time count."
        ),
    ]
    rows = []
    for name in shapes:
        found = shape(report, name)
        metrics = report["card"]["shapes"][name]["metrics"]
        samples = found["power"]["samples"] if found else {
            "report": metrics["report"], "rolling": metrics["out_of_time"]}  # fmt: skip
        for score, words in SCORES.items():
            kept, rolled = samples.get("report", {}).get(score, {}), samples.get("rolling", {}).get(score, {})
            rows.append(
                (label(report, name) if score == "ensemble" else "", words,
                 fixed(samples.get("in_time", {}).get(score, {}).get("auc")), span(kept),
                 fixed(kept.get("accuracy_ratio")), fixed(kept.get("ks")), fixed(kept.get("pr_auc")),
                 percent(kept.get("recall_worst_tenth"), 0), span(rolled))
            )  # fmt: skip
    story += [
        grid(("Input", "Score", "In time", "Kept apart, AUC", "AR", "KS", "PR-AUC", "Worst tenth",
              "Rolling, AUC"),
             rows, widths=(1.6, 1.5, 0.8, 1.75, 0.7, 0.7, 0.85, 0.85, 1.75), left=2),
        numbers.caption("Table", "Discrimination of the ensemble and its members. Worst tenth: share of the "
                        "defaults among the tenth of companies with the highest PD."),
    ]  # fmt: skip
    for name in shapes:
        if (found := shape(report, name)) is not None:
            story += _power_of(report, name, found, numbers)
    return story if report["evidence"] else [*story, text(NEEDS)]


def _power_of(report: Report, name: str, found: Mapping[str, Any], numbers: Numbering) -> list[Flowable]:
    words = label(report, name)
    curves = [(SCORES[key], points) for key, points in found["power"]["curves"]["roc"].items()]
    altman = [row for row in found["benchmarks"] if row["name"].startswith("altman")]
    if altman:
        best = max(altman, key=lambda row: row["auc"])
        curves.append((best["label"], best["roc"]))
    story: list[Flowable] = []
    if curves:
        rate = found["calibration"]["report"]["default_rate"]
        story.append(
            together(
                text(words, H2),
                side_by_side(
                    charts.roc(curves, width=HALF, height=190),
                    charts.cap(found["power"]["curves"]["cap"], rate, width=HALF, height=190),
                ),
                numbers.caption("Figure", f"ROC and cumulative accuracy profile, years kept apart, {words}."),
            )
        )
    story.append(
        together(
            charts.auc_by_year(found["power"]["by_year"], width=WIDTH, height=135),
            numbers.caption("Figure", f"AUC by fiscal year with 95 % intervals, out of time, {words}."),
        )
    )
    rows: list[Line] = [
        (row["label"], f"{row['rolling']['names']:,}", row["rolling"]["defaults"], span(row["rolling"]),
         percent(row["rolling"]["mean_pd"]), percent(row["rolling"]["default_rate"]), span(row["report"]))
        for row in found["power"]["by_size"]
    ]  # fmt: skip
    story.append(
        together(
            grid(("Total assets, USD m", "Names", "Defaults", "AUC, rolling", "Mean PD", "Rate",
                  "AUC, kept apart"),
                 rows, widths=(1.5, 0.8, 0.8, 1.7, 0.8, 0.8, 1.7)),
            numbers.caption("Table", f"By size, {words}."),
        )
    )  # fmt: skip
    if found["benchmarks"]:
        rows = [
            (row["label"], span(row), f"{200 * row['lead']:+.1f}",
             f"{200 * row['lead_low']:+.1f} to {200 * row['lead_high']:+.1f}",
             percent(row["without_score"], 1))
            for row in found["benchmarks"]
        ]  # fmt: skip
        story.append(
            together(
                grid(("Classic score", "AUC", "Ensemble's lead, AR points", "95 %, paired", "Without score"),
                     rows, widths=(1.8, 1.8, 1.6, 1.6, 1.1)),
                numbers.caption("Table", f"Classic scores on the same rows, years kept apart, {words}."),
            )
        )  # fmt: skip
    rows = [
        (row["name"].capitalize(), percent(row["pd"], 0), f"{row['flagged']:,}", row["hits"], row["missed"],
         f"{row['false_alarms']:,}", percent(row["recall"], 0), percent(row["false_alarm_rate"], 1),
         percent(row["precision"], 1))
        for row in found["power"]["cutoffs"]
    ]  # fmt: skip
    story.append(
        together(
            grid(("From category", "PD", "Flagged", "Defaults caught", "Missed", "False alarms", "Caught",
                  "False-alarm rate", "Precision"), rows),
            numbers.caption("Table", f"What each cut-off catches and costs, years kept apart, {words}."),
        )
    )  # fmt: skip
    return story


def calibration(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("8", "Calibration"),
        text(
            "Jeffreys p is the posterior probability that the rate is at or below the PD: small says the "
            "PD is too low, near one too high; a grade is marked when it lies outside the 95 % interval. "
            "The binomial p is the chance of at least so many defaults if the PD holds; the two differ "
            "where defaults are few. Over the rolling origins the mean PD is anchored, so only the shape "
            "of the calibration is tested there."
        ),
    ]
    rows = []
    for name in shapes:
        if (found := shape(report, name)) is None:
            return [*story, *_deciles(report, shapes, numbers), text(NEEDS)]
        kept = found["calibration"]["report"]
        parts = kept["brier"]["ensemble"]
        rows.append(
            (label(report, name), percent(kept["mean_pd"]), percent(kept["default_rate"]),
             p_value(kept["jeffreys_p"]), p_value(kept["binomial_p"]),
             p_value(kept["hosmer_lemeshow"]["p"]), f"{parts['brier']:.5f}", f"{parts['reliability']:.6f}",
             f"{parts['resolution']:.5f}", percent(parts["skill"], 1))
        )  # fmt: skip
    story += [
        grid(("Input", "Mean PD", "Rate", "Jeffreys p", "Binomial p", "H-L p", "Brier", "Reliability",
              "Resolution", "Skill"), rows, widths=(2, 0.9, 0.9, 1, 1, 0.85, 1, 1.1, 1.1, 0.8)),
        numbers.caption("Table", "Calibration overall, years kept apart. Brier = reliability - resolution + "
                        "uncertainty; skill is against a constant PD at the rate."),
        *_deciles(report, shapes, numbers),
    ]  # fmt: skip
    for name in shapes:
        found = shape(report, name)
        if found is not None:
            story += _by_grade(report, name, found, numbers)
    return story


def _deciles(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = []
    for name in shapes:
        table = report["card"]["shapes"][name]["metrics"]["report"]["ensemble"]["deciles"]
        rows = [
            (i, row["names"], row["defaults"], percent(row["mean_pd"], 3), percent(row["default_rate"], 3),
             p_value(row["jeffreys_p"]), "marked" if row["rejected"] else "")
            for i, row in enumerate(table, 1)
        ]  # fmt: skip
        story.append(
            together(
                grid(("Tenth", "Names", "Defaults", "Mean PD", "Default rate", "Jeffreys p", ""), rows),
                numbers.caption(
                    "Table", f"Calibration by tenth of the PD, years kept apart, {label(report, name)}."
                ),
            )
        )
    return story


def _by_grade(report: Report, name: str, found: Mapping[str, Any], numbers: Numbering) -> list[Flowable]:
    words = label(report, name)
    story: list[Flowable] = []
    parts = [found["calibration"][key]["grades"] for key in ("report", "rolling")]
    story.append(
        together(
            text(f"By grade: {words}", H2),
            side_by_side(*(charts.calibration(part, width=HALF, height=175) for part in parts)),
            numbers.caption("Figure", f"Default rate against PD by grade: years kept apart (left), rolling "
                            f"origins (right), {words}."),
        )
    )  # fmt: skip
    for key, title in (("report", "years kept apart"), ("rolling", "rolling origins")):
        rows, shades = [], {}
        for line, row in enumerate(found["calibration"][key]["grades"]):
            if row.get("rejected"):
                shades[(6, line)] = LIGHTS["amber"]
            prudent = row.get("prudent") or [None] * 3
            rows.append(
                (row["grade"], f"{row['names']:,}", row["defaults"], percent(row.get("mean_pd"), 3),
                 percent(row.get("default_rate"), 3),
                 f"{percent(row.get('rate_low'))}–{percent(row.get('rate_high'))}" if row["names"] else "–",
                 p_value(row.get("jeffreys_p")), p_value(row.get("binomial_p")), percent(prudent[1]))
            )  # fmt: skip
        story.append(
            together(
                grid(("Grade", "Names", "Defaults", "Mean PD", "Rate", "95 % of the rate", "Jeffreys p",
                      "Binomial p", "Prudent PD"), rows,
                     widths=(0.7, 0.9, 0.9, 1, 1, 1.7, 1, 1, 1), shades=shades),
                numbers.caption("Table", f"Calibration by grade, {title}, {words}. Prudent PD: upper bound "
                                "at 75 % after Pluto and Tasche."),
            )
        )  # fmt: skip
    story.append(gap())
    return story


SECTIONS = (power, calibration)

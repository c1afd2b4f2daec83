"""Sections 1 to 9: what was predicted, on what, with which variables, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.platypus import CondPageBreak, Flowable

from ml.shapes import MEMBER_LABELS, MEMBERS
from ml.validation import charts
from ml.validation.pdf.style import (
    H2,
    H2_LOOSE,
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

HALF = WIDTH / 2 - 6
SCORES = {"ensemble": "Ensemble", **MEMBER_LABELS}
SIGNS = {1: "+", -1: "–", 0: "free"}
Report = Mapping[str, Any]
Line = tuple[Any, ...]
NEEDS = "This part needs the development data, which was not there when the report was made."


def label(report: Report, name: str) -> str:
    found: str = report["card"]["shapes"][name]["label"]
    return found


def shape(report: Report, name: str) -> Mapping[str, Any] | None:
    """The evidence of a shape, None where there is none."""
    if not report["evidence"]:
        return None
    found: Mapping[str, Any] | None = report["evidence"]["shapes"].get(name)
    return found


def definition(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    source = report["source"]
    return [
        heading("1", "Definition of default"),
        text(report["definition"]),
        text(
            f"Source: {source['name']}; {source['reference']}; licence {source['licence']}. The target is "
            "taken from the year of the filing alone: whether a company fails some day is never used."
        ),
    ]


def sample(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    card = report["card"]["sample"]
    story: list[Flowable] = [
        heading("2", "Development sample and exclusions"),
        text(
            f"{card['firm_years']:,} firm-years of {card['companies']:,} companies with {card['defaults']} "
            "defaults. Settings were chosen on rolling origins up to "
            f"{report['protocol']['last_selection_year']}: each year predicted from the years before it, a "
            "company never on both sides of a split in the same year. The released model is refitted on all "
            f"years from {report['protocol']['fit_from']} on with the settings so found."
        ),
    ]
    counted = report["evidence"]["sample"] if report["evidence"] else None
    rows: list[Line]
    if counted:
        rows = [
            (
                row["year"],
                f"{row['names']:,}",
                row["defaults"],
                percent(row["defaults"] / row["names"]),
                row["use"],
            )  # fmt: skip
            for row in counted["by_year"]
        ]
    else:
        rows = [
            (year, f"{row['names']:,}", row["defaults"], percent(row["defaults"] / row["names"]), "")
            for year, row in card["by_year"].items()
        ]
    table = grid(("Fiscal year", "Firm-years", "Defaults", "Rate", "Use"), rows, widths=(1, 1, 1, 1, 3))
    story += [table, numbers.caption("Table", "The sample by fiscal year, and what each year is used for.")]
    if counted:
        rows = [(row["what"], f"{row['names']:,}", row["defaults"]) for row in counted["excluded"]]
        story.append(
            together(
                grid(("Left out of fitting", "Firm-years", "Defaults"), rows, widths=(5, 1, 1)),
                numbers.caption("Table", "Exclusions. No company and no outlier was removed."),
            )
        )
    return story


def missing(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("3", "Missing values"),
        text(report["declarations"]["missing_values"]),
    ]
    if report["evidence"]:
        items = report["evidence"]["sample"]["items"]
        rows: list[Line] = [
            (row["label"], f"{row['missing']:,}", f"{row['made_missing']:,}") for row in items
        ]
        known = report["evidence"]["sample"]["prior_years_known"]
        story += [
            grid(
                ("Line item", "Missing in the data", "Impossible, made missing"), rows, widths=(3, 1.3, 1.5)
            ),
            numbers.caption("Table", "Missing cells by line item. Impossible means a negative balance."),
            text(
                "Prior years known: "
                + ", ".join(f"{n} back {percent(share, 0)}" for n, share in enumerate(known, 1))
                + " of firm-years."
            ),
        ]
    rows = []
    for name in shapes:
        gaps = report["card"]["shapes"][name]["metrics"].get("gaps", {})
        for item, row in gaps.items():
            rows.append((label(report, name), item, fixed(row["auc"]), percent(row["mean_pd"]),
                         percent(row["default_rate"])))  # fmt: skip
    if rows:
        story += [
            grid(("Input", "Missing throughout", "AUC left", "Mean PD", "Default rate"), rows,
                 widths=(1.8, 2.4, 1, 1, 1.1), left=2),
            numbers.caption("Table", "One input missing throughout, over the rolling origins."),
        ]  # fmt: skip
    return story


def segments(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    rows = []
    for name in shapes:
        spec = report["card"]["shapes"][name]
        weights = [fixed(spec["weights"].get(member), 2) for member in MEMBERS]
        rows.append((spec["label"], spec["features"], *weights))
    return [
        heading("4", "Segmentation and structure"),
        text(report["declarations"]["segments"]),
        text(
            "Each shape is an ensemble of a random forest, gradient boosting and a logistic regression with "
            "bounded signs, blended and calibrated by affine maps in log-odds, so that explanations add up."
        ),
        together(
            grid(("Input", "Variables", *(MEMBER_LABELS[m] for m in MEMBERS)), rows,
                 widths=(2, 1, 1.3, 1.3, 1.4)),
            numbers.caption("Table", "Variables of each shape and weights of its members in log-odds."),
        ),
    ]  # fmt: skip


def variables(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("5", "Variables, expected signs and signs found"),
        text(
            "The expected sign is declared with the variable (+: risk rises with it) and bounds trees and "
            "logistic member. The sign found comes from moving the variable alone over its known range for "
            "200 companies of the years kept apart; monotone is the share of them for which the PD never "
            "moves the other way. AUC is that of the variable alone, on the fitted years. The effect is the "
            "mean change in log-odds from the variable's 1st to its 99th percentile."
        ),
    ]
    for name in shapes:
        found = shape(report, name)
        if found is None:
            return [*story, text(NEEDS)]
        rows, shades = [], {}
        for line, row in enumerate(found["variables"]["table"]):
            wrong = row["direction"] and row["sign"] not in (0, row["direction"])
            if wrong or (row["monotone"] is not None and row["monotone"] < 0.99):
                shades[(5, line)] = LIGHTS["amber"]
            rows.append(
                (row["label"], SIGNS[row["direction"]], SIGNS.get(row["sign"], ""),
                 SIGNS.get(row["logistic_sign"], ""), fixed(row["auc"]), percent(row["monotone"], 0),
                 f"{row['effect']:+.2f}", fixed(row["vif"], 1), percent(row["missing"], 0))
            )  # fmt: skip
        story += [
            CondPageBreak(120),
            text(label(report, name), H2_LOOSE),
            grid(
                ("Variable", "Expected", "Found", "Logistic", "AUC", "Monotone", "Effect", "VIF", "Missing"),
                rows,
                widths=(3.2, 1.05, 0.8, 0.9, 0.8, 1.1, 0.85, 0.75, 0.95),
                shades=shades,
            ),
            numbers.caption("Table", f"Variables, {label(report, name).lower()}. Free: no sign is imposed."),
        ]
    return story


def correlation(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("6", "Correlation and variance inflation"),
        text(
            "Both are taken on ranks: ratios have tails in which one company would carry the figure. The "
            "variance inflation of each variable stands in the tables of section 5. Variables that say "
            "nearly the same cost the trees nothing and are held in check by the logistic member's "
            "penalty and sign bounds; they do share a contribution out among themselves in an "
            "explanation."
        ),
    ]
    for name in shapes:
        found = shape(report, name)
        if found is None:
            return [*story, text(NEEDS)]
        labels = {row["name"]: row["label"] for row in found["variables"]["table"]}
        pairs = found["variables"]["correlated"]
        if pairs:
            rows = [(labels[p["first"]], labels[p["second"]], f"{p['correlation']:+.2f}") for p in pairs]
            story.append(
                together(
                    grid(("Variable", "and", "Correlation"), rows, widths=(3, 3, 1), left=2),
                    numbers.caption(
                        "Table", f"Rank correlations of at least 0.8, {label(report, name).lower()}."
                    ),
                )
            )
    return story


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


SECTIONS = (definition, sample, missing, segments, variables, correlation, power, calibration)

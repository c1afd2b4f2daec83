"""Sections 1 to 9: what was predicted, on what, with which variables, and how well."""

from __future__ import annotations

from reportlab.platypus import CondPageBreak, Flowable

from ml.shapes import MEMBER_LABELS, MEMBERS
from ml.validation.pdf.parts import NEEDS, SIGNS, Line, Report, label, shape
from ml.validation.pdf.style import (
    H2_LOOSE,
    LIGHTS,
    Numbering,
    fixed,
    grid,
    heading,
    percent,
    text,
    together,
)


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


SECTIONS = (definition, sample, missing, segments, variables, correlation)

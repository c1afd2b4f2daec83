"""Sections 9 to 16: scale, level, stability, complexity, uncertainty, limits, monitoring, reproduction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reportlab.platypus import Flowable

from ml.shapes import MEMBER_LABELS
from ml.validation import charts
from ml.validation.pdf.parts import HALF, NEEDS, Line, Report, label, shape
from ml.validation.pdf.style import (
    BAND,
    H2,
    WIDTH,
    Numbering,
    fixed,
    grid,
    heading,
    percent,
    side_by_side,
    text,
    together,
)

STEPS = {
    "logistic": "Logistic regression alone",
    "logistic+random_forest": "and random forest",
    "logistic+gradient_boosting": "and gradient boosting",
    "ensemble": "and both: the ensemble",
    **{key: words for key, words in MEMBER_LABELS.items() if key != "logistic"},
}


def scale(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("9", "Master scale and concentration"),
        text(
            "A grade is a band of PD; the default grade is a fact and not an estimate. An even spread over n "
            "grades has a Herfindahl index of 1/n. Development data of listed companies is dominated by good "
            "names, so most weight on the better grades is expected."
        ),
    ]
    tables = []
    for name in shapes:
        if (found := shape(report, name)) is None:
            return [*story, text(NEEDS)]
        tables.append((name, found["calibration"]["rolling"]))
    first = tables[0][1]["grades"]
    rows = [
        (row["grade"], row["label"], f"{percent(row['pd_from'])} – {percent(row['pd_to'])}",
         *(percent(table["grades"][i]["share"], 1) for _, table in tables))
        for i, row in enumerate(first)
    ]  # fmt: skip
    rows.append(("", "Herfindahl index", "", *(fixed(table["herfindahl"], 2) for _, table in tables)))
    rows.append(("", "Inversions of neighbours", "", *(str(table["inversions"]) for _, table in tables)))
    story += [
        grid(("Grade", "", "PD", *(label(report, name) for name, _ in tables)), rows,
             widths=(0.6, 1.5, 1.7, *(1.2 for _ in tables)), left=3),
        numbers.caption("Table", "The master scale, and the share of names in each grade over the rolling "
                        "origins. Inversions: neighbouring grades of which the better defaulted more often."),
    ]  # fmt: skip
    plots = [charts.grade_shares(table["grades"], width=HALF, height=120) for _, table in tables]
    for left in range(0, len(plots), 2):
        pair = tables[left : left + 2]
        right = plots[left + 1] if left + 1 < len(plots) else None
        words = " (left), ".join(label(report, name) for name, _ in pair)
        story.append(
            together(
                side_by_side(plots[left], right),
                numbers.caption("Figure", f"Share of names by grade: {words}{' (right)' if right else ''}."),
            )
        )
    return story


def tendency(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("10", "Central tendency and rating philosophy"),
        text(report["declarations"]["central_tendency"]),
    ]
    found = shape(report, shapes[0])
    if found is None:
        rate = report["protocol"]["long_run_default_rate"]
        return [*story, text(f"The anchor is {percent(rate, 3)}. {NEEDS}")]
    cycle = found["cycle"]
    spread, agree = cycle["pd_to_rate_spread"], cycle["pd_to_rate_correlation"]
    story += [
        grid(
            ("Average", "Rate"),
            [
                (f"Pooled firm-years from {cycle['first_year']} on: the anchor", percent(cycle["anchor"], 3)),
                (f"Mean of yearly rates from {cycle['first_year']} on", percent(cycle["mean_of_years"], 3)),
                ("All years, the under-recorded ones included", percent(cycle["with_all_years"], 3)),
            ],
            widths=(4, 1),
        ),
        numbers.caption("Table", "Candidates for the central tendency."),
        charts.cycle(cycle["by_year"], cycle["anchor"], width=WIDTH, height=165),
        numbers.caption(
            "Figure",
            "Default rate with 95 % Jeffreys intervals, mean PD and anchor by year, "
            f"{label(report, shapes[0])}.",
        ),
        text(report["declarations"]["philosophy"]),
    ]
    if spread is not None:
        story.append(
            text(
                f"Measured: the yearly mean PD varies {spread:.2f} times as much as the yearly default rate "
                f"(1 would be point in time, 0 through the cycle), with a correlation of {agree:+.2f}."
            )
        )
    return story


def stability(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("11", "Stability and migration"),
        text(
            "PSI over ten equal bins of the earlier years, all scored by the members fitted before the "
            "years kept apart. The usual limits of 0.10 and 0.25 know nothing of the sample's size; "
            "beside them stands what chance alone stays below in 95 % of cases if nothing has moved: "
            "chi-square times the sum of the inverse sample sizes. With thousands of names that is far "
            "below 0.10: a crossing of it says that something moved, not that it matters."
        ),
    ]
    for name in shapes:
        if (found := shape(report, name)) is None:
            return [*story, text(NEEDS)]
        story += _stability_of(report, name, found, numbers)
    return story


def _stability_of(report: Report, name: str, found: Mapping[str, Any], numbers: Numbering) -> list[Flowable]:
    words = label(report, name)
    story: list[Flowable] = []
    if found["drift"]:
        story.append(
            together(
                text(words, H2),
                charts.drift(found["drift"], width=WIDTH, height=120),
                numbers.caption("Figure", f"PSI of the score against all years before, {words}."),
            )
        )
    moved = sorted(found["variables"]["table"], key=lambda row: -row["psi"])[:10]
    rows = [
        (row["label"], fixed(row["psi"], 4), fixed(row["psi_limit"], 4),
         "moves" if row["psi"] >= 0.1 else ("notable" if row["psi"] > row["psi_limit"] else "by chance"))
        for row in moved
    ]  # fmt: skip
    story.append(
        together(
            grid(("Variable", "PSI", "Chance limit", ""), rows, widths=(3.6, 1, 1, 1.2)),
            numbers.caption("Table", f"The ten variables that moved most from the fitted years to the years "
                            f"kept apart, {words}. Moves: 0.10 or more; notable: beyond chance."),
        )
    )  # fmt: skip
    return [*story, *_migration(found["migration"], words, numbers)]


def _migration(found: Mapping[str, Any], words: str, numbers: Numbering) -> list[Flowable]:
    rows, shades = [], {}
    for line, counts in enumerate(found["counts"]):
        total = sum(counts)
        shares = ["" if not total or not n else f"{100 * n / total:.0f}" for n in counts]
        shades[(line + 1, line)] = BAND
        rows.append((found["grades"][line], *shares, f"{total:,}"))
    return [
        together(
            grid(("From", *found["grades"], "Default", "Gone", "Names"), rows,
                 widths=(0.8, *(0.7 for _ in found["grades"]), 1.0, 0.8, 1.0), shades=shades),
            numbers.caption("Table", f"Migration from year to year in percent of the row, {words}: "
                            f"{percent(found['same'], 0)} keep their grade, "
                            f"{percent(found['within_one'], 0)} move "
                            "by one at most. Gone: no statement in the next year, without a default."),
        )
    ]  # fmt: skip


def complexity(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("12", "What complexity buys"),
        text(
            "The logistic regression is the challenger of everything more complex. Each row adds a "
            "member and fits the blend's weights anew on the rolling origins up to the last year of "
            "selection; gains are measured on the same rows, with paired bootstrap intervals. "
            "Recommended is the simplest model that no more complex one is shown to beat: by an interval "
            "that leaves out zero on the years kept apart, or for the ensemble over the rolling origins, "
            "which hold six times the defaults."
        ),
    ]
    for name in shapes:
        if (found := shape(report, name)) is None:
            return [*story, text(NEEDS)]
        parts = found["complexity"]
        rows = []
        for row in parts["ladder"]:
            gain = row.get("gain")
            rows.append(
                (STEPS[row["name"]], fixed(row["auc"], 4),
                 f"{gain['value']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})" if gain else "–",
                 f"{row['brier']:.5f}", f"{row['log_loss']:.5f}", row.get("verdict", ""))
            )  # fmt: skip
        if not rows:
            continue
        gains = [
            (STEPS[row["name"]], *(row["gain"][key] for key in ("value", "low", "high")))
            for row in parts["rolling"]
        ]
        simple = STEPS[parts["recommended"]]
        story.append(
            together(
                text(label(report, name), H2),
                grid(("Model", "AUC", "Gain over the logistic model", "Brier", "Log loss", ""), rows,
                     widths=(2, 0.8, 2.2, 0.9, 0.9, 1.5)),
                numbers.caption("Table", f"Years kept apart, {label(report, name)}. Recommended: {simple}."),
                charts.gains(gains, "Gain in AUC over the logistic regression, rolling origins",
                             width=WIDTH, height=92),
                numbers.caption("Figure", f"Gains over the rolling origins with 95 % paired intervals, "
                                f"{label(report, name)}."),
            )
        )  # fmt: skip
    return story


def uncertainty(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    story: list[Flowable] = [
        heading("13", "Uncertainty of a PD"),
        text(
            "Each PD carries a 90 % interval. Its coverage cannot be seen on one company: over cells of "
            "year and PD with at least 300 names, it is the share whose count of defaults lay in the 90 "
            "% range that the interval and binomial noise give together (mid-P), each year judged with "
            "the other years' spread."
        ),
    ]
    rows = []
    for name in shapes:
        if (found := shape(report, name)) is None:
            return [*story, text(NEEDS)]
        held = found["interval"]
        rows.append(
            (label(report, name), fixed(held["sigma"]), held["cells"], percent(held["share"], 1),
             f"{percent(held['low'], 1)} – {percent(held['high'], 1)}",
             "holds" if held["low"] <= held["nominal"] <= held["high"] else "does not hold")
        )  # fmt: skip
    story += [
        grid(("Input", "Sigma, log-odds", "Cells", "Coverage", "95 % of the coverage", "Nominal 90 %"), rows,
             widths=(2, 1.2, 0.7, 1, 1.6, 1.1)),
        numbers.caption("Table", "Coverage of the 90 % interval over the rolling origins."),
    ]  # fmt: skip
    return story


def limits(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    points = [text(f"{n}. {words}") for n, words in enumerate(report["limitations"], 1)]
    shown = ", ".join(report["card"]["not_in_model"])
    return [
        heading("14", "Limitations and overrides"),
        *points,
        text(f"Shown beside the PD and not part of the model: {shown}."),
        text(report["declarations"]["overrides"]),
    ]


def monitoring(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    rows: list[Line] = [(row["what"], row["measure"], row["limit"]) for row in report["monitoring"]]
    story: list[Flowable] = [
        heading("15", "Monitoring plan and changes"),
        together(
            grid(("What", "Measure", "Acts when"), rows, widths=(1.2, 3, 2.6), left=3),
            numbers.caption(
                "Table", "What is watched once the model scores, and when it is looked at again."
            ),
        ),
    ]
    history = report["governance"].get("history", [])
    if history:
        rows = [
            (row["at"][:16].replace("T", " "), row["verb"].replace("_", " "),
             row["by"] + (f", asked by {row['asked_by']}" if row["asked_by"] else ""), row["reason"])
            for row in history
        ]  # fmt: skip
        story += [
            grid(("When", "What", "Who", "Why"), rows, widths=(1.3, 1.2, 2, 3), left=4),
            numbers.caption("Table", "History of this version in the registry, up to the day of the report."),
        ]
    return story


def reproduction(report: Report, shapes: list[str], numbers: Numbering) -> list[Flowable]:
    card, found = report["card"], (report["evidence"] or {}).get("reproducibility", {})
    rows = [
        ("Model", report["model"]["sha256"]),
        ("Development data", card["sample"]["sha256"]),
        *((f"Code ({key})", value) for key, value in found.get("code", {}).items()),
        ("Seed", str(found.get("seed", ""))),
        ("Bootstrap", f"{found['bootstrap_repeats']} draws, seed {found['bootstrap_seed']}" if found else ""),
        ("Training", found.get("training", "")),
        ("This report", found.get("command", "")),
        ("Libraries, training", ", ".join(f"{k} {v}" for k, v in report["training_libraries"].items())),
        ("Libraries, report", ", ".join(f"{k} {v}" for k, v in found.get("libraries", {}).items())),
    ]
    asked = [(str(n), row["question"], row["section"]) for n, row in enumerate(report["questions"], 1)]
    return [
        heading("16", "Reproducibility"),
        text("The same data, code and libraries give the same figures: every seed is fixed."),
        grid(("", ""), [row for row in rows if row[1]], widths=(1.2, 4), left=2),
        numbers.caption("Table", "What it takes to make these figures again."),
        together(
            text("Where a validator's twenty questions are answered", H2),
            grid(("", "Question", "Section"), asked, widths=(0.4, 5, 1.2), left=3),
        ),
    ]


SECTIONS = (
    scale,
    tendency,
    stability,
    complexity,
    uncertainty,
    limits,
    monitoring,
    reproduction,
)

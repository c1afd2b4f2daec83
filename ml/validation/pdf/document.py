"""The report's pages: cover with verdicts, numbered sections, header and footer."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, NextPageTemplate, PageBreak, PageTemplate

from ml.validation.pdf import data_sections, judged_sections, performance_sections
from ml.validation.pdf.style import (
    ACCENT,
    FAINT,
    H2,
    MARGIN,
    RULE,
    SMALL,
    SUBTITLE,
    TITLE,
    Numbered,
    Numbering,
    gap,
    grid,
    light,
    text,
)
from ml.validation.report import shapes_of, worst

WORDS = {
    "green": "meets its rule",
    "amber": "to be watched",
    "red": "misses its rule",
    "unknown": "not measured",
}


def render(report: Mapping[str, Any]) -> bytes:
    """The PDF of a report as `ml.validation.report.make` gives it."""
    buffer = io.BytesIO()
    model = report["model"]
    title = f"Validation report: {model['name']} {model['version']}"
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=22 * mm,
        bottomMargin=20 * mm,
        title=title,
        author="Default Risk Platform",
        subject="Validation of a model of the probability of default",
        invariant=1,
    )
    frame = Frame(MARGIN, 20 * mm, A4[0] - 2 * MARGIN, A4[1] - 42 * mm, 0, 0, 0, 0)

    def decorate(canvas: Canvas, _: Any) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(FAINT)
        canvas.drawString(MARGIN, A4[1] - 13 * mm, title)
        canvas.drawRightString(A4[0] - MARGIN, A4[1] - 13 * mm, f"sha256 {model['sha256'][:16]}")
        canvas.setStrokeColor(RULE)
        canvas.line(MARGIN, A4[1] - 15 * mm, A4[0] - MARGIN, A4[1] - 15 * mm)
        canvas.drawString(MARGIN, 11 * mm, f"Made {report['made_at'][:10]}")
        canvas.restoreState()

    def cover(canvas: Canvas, _: Any) -> None:
        canvas.saveState()
        canvas.setFillColor(ACCENT)
        canvas.rect(0, A4[1] - 9 * mm, A4[0], 9 * mm, stroke=0, fill=1)
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(FAINT)
        canvas.drawString(MARGIN, 11 * mm, f"Made {report['made_at'][:10]}")
        canvas.restoreState()

    document.addPageTemplates(
        [PageTemplate("cover", [frame], onPage=cover), PageTemplate("body", [frame], onPage=decorate)]
    )
    document.build(_story(report), canvasmaker=Numbered)
    return buffer.getvalue()


def _story(report: Mapping[str, Any]) -> list[Flowable]:
    shapes, numbers = shapes_of(report), Numbering()
    story: list[Flowable] = [*_cover(report, shapes), NextPageTemplate("body"), PageBreak()]
    story += _rules(report, shapes)
    for section in (
        *data_sections.SECTIONS,
        *performance_sections.SECTIONS,
        *judged_sections.SECTIONS,
    ):
        story += section(report, shapes, numbers)
    return story


def _cover(report: Mapping[str, Any], shapes: list[str]) -> list[Flowable]:
    model, governance = report["model"], report["governance"]
    story: list[Flowable] = [
        gap(16),
        text("Validation report", TITLE),
        text(f"{model['name']}, version {model['version']} – one-year probability of default", SUBTITLE),
    ]
    facts = [("SHA-256", model["sha256"])]
    for key, label in (
        ("status", "Status"),
        ("owner", "Owner"),
        ("materiality", "Materiality"),
        ("purpose", "Purpose"),
        ("next_review_on", "Next review"),
    ):
        if governance.get(key):
            facts.append((label, str(governance[key])))
    sample = report["card"]["sample"]
    years = list(sample["by_year"])
    facts.append(
        (
            "Developed on",
            f"{sample['firm_years']:,} firm-years of {sample['companies']:,} companies, "
            f"{sample['defaults']} defaults, fiscal years {min(years)}–{max(years)}",
        )
    )
    kept = " and ".join(str(year) for year in report["protocol"]["report_years"])
    facts.append(("Judged on", f"fiscal years {kept}, which were kept apart from fitting and selection"))
    story += [grid(("About the model", ""), facts, widths=(1, 4.2), left=2), gap(14)]
    if not report["verdicts"]:
        needed = "; ".join(report["needs_data"])
        story.append(
            text(
                "This report was made without the development data: it holds what the model's card knows. "
                f"The following parts need the data: {needed}."
            )
        )
        return story
    return story + _lights(report, shapes)


def _lights(report: Mapping[str, Any], shapes: list[str]) -> list[Flowable]:
    verdicts = {name: {row["code"]: row for row in report["verdicts"][name]} for name in shapes}
    labels = [report["card"]["shapes"][name]["label"] for name in shapes]
    rows = []
    first = verdicts[shapes[0]]
    for code, row in first.items():
        lights = [light(verdicts[name][code]["light"]) if code in verdicts[name] else "" for name in shapes]
        rows.append((row["question"], row["section"], *lights))
    overall = [light(worst(report["verdicts"][name]), 10) for name in shapes]
    rows.append(("Worst of all", "", *overall))
    counted = [row["light"] for name in shapes for row in report["verdicts"][name]]
    tally = ", ".join(f"{counted.count(key)} {WORDS[key]}" for key in WORDS if counted.count(key))
    return [
        text("Verdicts", H2),
        text(
            "Each light follows from a rule that is stated on the next page, and from figures in the section "
            "named beside it. Nothing here is set by hand."
        ),
        grid(
            ("Question", "Section", *labels),
            rows,
            widths=(3.4, 0.8, *(1.1 for _ in shapes)),
            left=2 + len(shapes),
        ),
        gap(4),
        text(f"Of {len(counted)} lights: {tally}.", SMALL),
    ]


def _rules(report: Mapping[str, Any], shapes: list[str]) -> list[Flowable]:
    if not report["verdicts"]:
        return []
    story: list[Flowable] = [text("The rules and the figures behind the lights", H2)]
    first = shapes[0]
    rows = []
    for row in report["verdicts"][first]:
        figures = []
        for name in shapes:
            other = next((r for r in report["verdicts"][name] if r["code"] == row["code"]), None)
            if other:
                figures.append(f"{report['card']['shapes'][name]['label']}: {other['figure']}")
        rows.append((row["question"], row["rule"], ". ".join(figures) + "."))
    story.append(grid(("Question", "Rule", "Figures"), rows, widths=(1.5, 2.4, 3.2), left=3))
    return [*story, PageBreak()]

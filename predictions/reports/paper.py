"""The summary as a PDF: one page for whoever decides, then the names."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from typing import Any

from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from ml.validation.pdf.style import (
    ACCENT,
    BODY,
    FAINT,
    H1,
    MARGIN,
    RULE,
    SMALL,
    SUBTITLE,
    WIDTH,
    Numbered,
    gap,
    grid,
    percent,
    text,
    together,
)
from predictions import wording

LEVEL_COLOURS = {"LOW": "#4f9d69", "MEDIUM": "#3f86b3", "HIGH": "#e39a3b", "CRITICAL": "#b3372f"}
# Changes that are printed; the workbook holds more.
PRINTED = 12


def render(report: dict[str, Any]) -> bytes:
    """The PDF of a summary as ``summary_of`` gives it."""
    buffer, job = io.BytesIO(), report["job"]
    title = f"Portfolio summary: {plain(job['file'])}"
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=22 * mm,
        bottomMargin=20 * mm,
        title=title,
        author="Default Risk Platform",
        subject="Summary of a scored portfolio",
    )

    def decorate(canvas: Canvas, _: Any) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(FAINT)
        canvas.drawString(MARGIN, A4[1] - 13 * mm, title[:110])
        canvas.drawRightString(A4[0] - MARGIN, A4[1] - 13 * mm, plain(job["organization"])[:60])
        canvas.setStrokeColor(RULE)
        canvas.line(MARGIN, A4[1] - 15 * mm, A4[0] - MARGIN, A4[1] - 15 * mm)
        canvas.drawString(MARGIN, 11 * mm, f"Made {report['made_at'][:16].replace('T', ' ')} UTC")
        canvas.restoreState()

    frame = Frame(MARGIN, 20 * mm, A4[0] - 2 * MARGIN, A4[1] - 42 * mm, 0, 0, 0, 0)
    document.addPageTemplates([PageTemplate("body", [frame], onPage=decorate)])
    document.build(_story(report), canvasmaker=Numbered)
    return buffer.getvalue()


def plain(words: Any) -> str:
    """Text in the letters that the page's fonts hold; others lose their marks, or become a question mark."""
    said = "" if words is None else str(words)
    return "".join(_printable(letter) for letter in said)


def _printable(letter: str) -> str:
    for tried in (letter, unicodedata.normalize("NFKD", letter)[:1]):
        try:
            tried.encode("cp1252")
        except UnicodeEncodeError:
            continue
        return tried if tried.isprintable() else " "
    return "?"


def _story(report: dict[str, Any]) -> list[Flowable]:
    job, counts, spread = report["job"], report["counts"], report["distribution"]
    done = f"{job['completed_at'] or job['created_at']}"[:16].replace("T", " ")
    story: list[Flowable] = [
        text(plain(job["file"]), H1),
        text(plain(f"{job['organization']}, {job['kind']} rows, {job['state']} {done} UTC"), SUBTITLE),
        text(_sentence(counts), BODY),
        gap(),
    ]
    if report["scheduled"]:
        # Of a portfolio that is scored by the clock people ask first what has moved.
        story += _changes(report["changes"])
    if counts["scored"]:
        facts = [
            ("Mean PD", percent(spread["mean"])),
            ("Median PD", percent(spread["median"])),
            ("95th percentile", percent(spread["p95"])),
            ("Highest PD", percent(spread["most"])),
        ]
        story += [
            grid([name for name, _ in facts], [[value for _, value in facts]], left=0),
            gap(10),
            together(text("Risk levels", H1), _levels(spread["by_risk_level"])),
            together(text("Distribution of the PD", H1), _classes(spread["by_pd"])),
        ]
    if not report["scheduled"]:
        story += _changes(report["changes"])
    if report["worst"]:
        rows = [
            (w["rank"], _short(w["company_symbol"], 14), _short(w["company_name"], 32),
             _short(w["sector"], 19), f"{w['fiscal_year']} {w['quarter'] or ''}".strip(), percent(w["pd"]),
             wording.level(w["risk_level"]), w["grade"])
            for w in report["worst"]
        ]  # fmt: skip
        head = ["#", "Symbol", "Company", "Sector", "Period", "PD", "Level", "Grade"]
        widths = [0.5, 1.3, 3.2, 1.8, 1.0, 1.0, 1.0, 0.8]
        story += [text(f"The {len(rows)} worst rows", H1), grid(head, rows, widths=widths, left=5)]
    if report["errors"]:
        refused = [
            (plain(e["reason"]), f"{e['rows']:,}", ", ".join(str(x["row"]) for x in e["examples"]))
            for e in report["errors"]
        ]
        table = grid(["Why rows were refused", "Rows", "First rows"], refused, widths=[5, 1, 2.4])
        story += [text("Refused rows", H1), table]
    story.append(text("What the words mean", H1))
    story.append(grid(["Term", "Meaning"], _definitions(report), widths=[1, 4], left=2))
    model = f"Model {job['model_version']}, SHA-256 {job['model_sha256'][:16]}."
    model += f" File SHA-256 {job['file_sha256'][:16]}."
    return [*story, gap(), text(plain(model), SMALL)]


def _definitions(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(plain(entry["term"]), plain(entry["meaning"])) for entry in report["definitions"]]


def _sentence(counts: dict[str, Any]) -> str:
    words = (
        f"{counts['scored']:,} of {counts['rows']:,} rows of {counts['companies']:,} companies were scored"
    )
    if counts["refused"]:
        words += f", {counts['refused']:,} refused"
    if counts["warnings"]:
        words += f"; {counts['warnings']:,} cells were repaired or taken as missing"
    return f"{words}."


def _short(words: str | None, letters: int) -> str:
    said = plain(words)
    return said if len(said) <= letters else f"{said[: letters - 1]}…"


def _bars(rows: Sequence[tuple[str, int, str]]) -> Drawing:
    """Horizontal bars with their names and numbers."""
    step, left, right = 13.0, 92.0, 95.0
    most = max((n for _, n, _ in rows), default=0) or 1
    total = sum(n for _, n, _ in rows) or 1
    drawing = Drawing(WIDTH, step * len(rows) + 4)
    for place, (name, number, colour) in enumerate(rows):
        y = step * (len(rows) - 1 - place) + 4
        width = (WIDTH - left - right) * number / most
        drawing.add(String(0, y, name, fontName="Helvetica", fontSize=8))
        if number:
            drawing.add(
                Rect(left, y - 1.5, max(width, 0.6), 8.5, fillColor=HexColor(colour), strokeColor=None)
            )
        words = f"{number:,}   {100 * number / total:.1f} %"
        drawing.add(String(WIDTH, y, words, fontName="Helvetica", fontSize=8, textAnchor="end"))
    return drawing


def _levels(levels: Sequence[dict[str, Any]]) -> Drawing:
    return _bars([(wording.level(r["level"]), r["rows"], LEVEL_COLOURS[r["level"]]) for r in levels])


def _classes(classes: Sequence[dict[str, Any]]) -> Drawing:
    colour = f"#{ACCENT.hexval()[2:]}"
    return _bars([(f"{100 * c['from']:g} to {100 * c['to']:g} %", c["rows"], colour) for c in classes])


def _changes(changes: dict[str, Any] | None) -> list[Flowable]:
    head = text("Since the last run", H1)
    if changes is None:
        return [together(head, text("No earlier run of this portfolio is kept to compare with.", BODY))]
    before = changes["previous"]
    words = (
        f"Compared with the run of {before['created_at'][:16].replace('T', ' ')} UTC: "
        f"{changes['companies_in_both']:,} companies in both, {changes['entered']:,} new, "
        f"{changes['left']:,} gone. {changes['large']:,} changed by more than 5 % of their PD; "
        f"{changes['downgraded']:,} are in a worse risk level, {changes['upgraded']:,} in a better one. The "
        f"mean PD of the same companies went from {percent(changes['mean_before'])} to "
        f"{percent(changes['mean_now'])}."
    )
    if not before["same_model"]:
        words += " The two runs were scored by different versions of the model."
    story: list[Flowable] = [together(head, text(words, BODY))]
    if changes["largest"]:
        rows = [
            (_short(c["company_symbol"], 14), _short(c["company_name"], 36), percent(c["before"]),
             percent(c["now"]), f"{100 * c['change']:+.2f} pp", wording.level(c["level_before"]),
             wording.level(c["level_now"]))
            for c in changes["largest"][:PRINTED]
        ]  # fmt: skip
        names = ["Symbol", "Company", "Before", "Now", "Change", "Level before", "now"]
        story.append(grid(names, rows, widths=[1.3, 3.3, 1, 1, 1.1, 1.2, 1], left=2))
        if changes["large"] > PRINTED:
            more = changes["large"] - PRINTED
            story.append(
                text(f"And {more:,} more; the workbook names up to {changes['large_named']}.", SMALL)
            )
    return story

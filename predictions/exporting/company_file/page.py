"""One page on a company's risk: the PD and its interval, why, how it moved, and on what it rests."""

from __future__ import annotations

import io
from typing import IO, Any

from django.utils import timezone
from reportlab.graphics import renderPDF
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from companies.models import Company, CompanyState
from predictions.exporting.company_file import beside, blocks
from predictions.exporting.company_file.fonts import Face, face
from predictions.exporting.company_file.gathering import CompanyFile, gather
from tenants.kernel.context import current_tenant

INK, FAINT, RULE, ACCENT = (HexColor(c) for c in ("#1f2937", "#6b7280", "#d1d5db", "#0b4f8a"))
LEVELS = {
    "LOW": HexColor("#2e9e6b"),
    "MEDIUM": HexColor("#3b7dd8"),
    "HIGH": HexColor("#d98200"),
    "CRITICAL": HexColor("#c0392b"),
}
MARGIN = 16 * mm
LEFT, RIGHT = MARGIN, A4[0] - MARGIN
WIDTH = RIGHT - LEFT
HALF = (WIDTH - 10 * mm) / 2


class Page:
    """A canvas that writes from the top down, in letters that the font has."""

    def __init__(self, canvas: Canvas, font: Face) -> None:
        self.canvas = canvas
        self.font = font
        self.y = A4[1] - MARGIN
        self.replaced = False

    def fit(self, words: str, size: float, width: float, *, bold: bool = False) -> str:
        """The words as they can be shown in a width, shortened where they are longer."""
        text, replaced = self.font.shown(words)
        self.replaced |= replaced
        name = self.font.bold if bold else self.font.plain
        if stringWidth(text, name, size) <= width:
            return text
        while text and stringWidth(text + "…", name, size) > width:
            text = text[:-1]
        return text.rstrip() + "…"

    def write(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 8,
        *,
        bold: bool = False,
        colour: Color = INK,
        align: str = "left",
        width: float = WIDTH,
    ) -> None:
        text = self.fit(words, size, width, bold=bold)
        self.canvas.setFont(self.font.bold if bold else self.font.plain, size)
        self.canvas.setFillColor(colour)
        draw = {"left": self.canvas.drawString, "right": self.canvas.drawRightString,
                "middle": self.canvas.drawCentredString}[align]  # fmt: skip
        draw(x, y, text)

    def lines(self, x: float, y: float, words: str, size: float, width: float, most: int,
              *, bold: bool = False, colour: Color = INK) -> float:  # fmt: skip
        """A text in at most so many lines; the height below the last."""
        name = self.font.bold if bold else self.font.plain
        left, drawn = self.font.shown(words)[0].split(), 0
        self.replaced |= self.font.shown(words)[1]
        while left and drawn < most:
            line = left.pop(0)
            last = drawn == most - 1
            while left and (last or stringWidth(f"{line} {left[0]}", name, size) <= width):
                line = f"{line} {left.pop(0)}"
            self.write(x, y, line, size, bold=bold, colour=colour, width=width)
            y -= size * 1.25
            drawn += 1
        return y

    def title(self, x: float, y: float, words: str, width: float = HALF) -> None:
        """The heading of a block, with a rule below."""
        self.write(x, y, words, 9.5, bold=True, colour=ACCENT, width=width)
        self.canvas.setStrokeColor(RULE)
        self.canvas.setLineWidth(0.6)
        self.canvas.line(x, y - 4, x + width, y - 4)

    def table(
        self,
        x: float,
        y: float,
        rows: list[tuple[str, ...]],
        widths: list[float],
        *,
        head: bool = True,
        size: float = 7.2,
    ) -> float:
        """Rows of words, the first column to the left and the others to the right; the height below."""
        for number, row in enumerate(rows):
            at = x
            for place, (words, width) in enumerate(zip(row, widths, strict=True)):
                first = head and number == 0
                colour = FAINT if first else INK
                if place == 0:
                    self.write(at, y, words, size, bold=first, colour=colour, width=width - 3)
                else:
                    right = at + width - 2
                    self.write(
                        right, y, words, size, bold=first, colour=colour, align="right", width=width - 3
                    )
                at += width
            y -= size + 4
        return y

    def draw(self, drawing: Any, x: float, y: float) -> None:
        renderPDF.draw(drawing, self.canvas, x, y)


def pdf_of(company: Company, *, reference: bool = False) -> IO[bytes]:
    """The page as a PDF file, ready to be sent. ``reference``: its reader sees the reference data as well."""
    return io.BytesIO(render(gather(company, reference=reference), institution=current_tenant().name))


def render(found: CompanyFile, *, institution: str) -> bytes:
    """Draw the page. Nothing is ever cut off below: each block has its place, and tells what is not known."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1)
    name = found.company.name or found.company.symbol
    canvas.setTitle(f"Risk report {found.company.symbol}")
    canvas.setAuthor(institution)
    canvas.setSubject(f"Probability of default of {name}")
    page = Page(canvas, face())
    _head(page, found, institution)
    _figures(page, found)
    page.title(LEFT + HALF + 10 * mm, page.y, "What drives it")
    blocks.drivers(page, found, LEFT + HALF + 10 * mm, page.y - 16, HALF)
    page.y -= 158
    page.title(LEFT, page.y, "How it moved")
    blocks.history(page, found, LEFT, page.y - 152, HALF, 140)
    page.title(LEFT + HALF + 10 * mm, page.y, "Ratios")
    blocks.ratios(page, found, LEFT + HALF + 10 * mm, page.y - 16, HALF)
    page.y -= 168
    page.title(LEFT, page.y, "Statements", WIDTH)
    blocks.statements(page, found, LEFT, page.y - 16, WIDTH)
    page.y -= 126
    page.title(LEFT, page.y, "Beside its peers", WIDTH)
    # A banner or a long name above leaves less room: the last metrics go, what it rests on stays.
    below = beside.draw(page, found.beside, LEFT, page.y - 15, WIDTH, lowest=MARGIN + 132)
    page.y = min(below - 24, page.y - 40)
    page.title(LEFT, page.y, "Published scores beside it", HALF)
    blocks.classic(page, found, LEFT, page.y - 16, HALF)
    page.title(LEFT + HALF + 10 * mm, page.y, "On what it rests", HALF)
    blocks.provenance(page, found, LEFT + HALF + 10 * mm, page.y - 16, HALF)
    _foot(page, institution)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _head(page: Page, found: CompanyFile, institution: str) -> None:
    company = found.company
    top = page.y
    page.write(RIGHT, top - 4, institution, 8, colour=FAINT, align="right", width=HALF)
    page.write(RIGHT, top - 16, f"{timezone.now():%Y-%m-%d}", 8, colour=FAINT, align="right")
    page.write(LEFT, top - 4, "COMPANY RISK REPORT", 7.5, bold=True, colour=ACCENT)
    y = page.lines(LEFT, top - 26, company.name or company.symbol, 17, WIDTH - 60, 2, bold=True)
    known = (
        company.symbol,
        company.get_legal_form_display() if company.legal_form else "",
        company.country,
        company.sector,
        company.industry,
        f"LEI {company.lei}" if company.lei else "",
        f"Internal rating {company.internal_rating}" if company.internal_rating else "",
    )
    page.write(LEFT, y + 4, "  ·  ".join(filter(None, known)), 8, colour=FAINT)
    page.y = y - 12
    if company.state != CompanyState.ALIVE:
        words = f"{company.get_state_display()}"
        if company.defaulted_on:
            kind = f" ({company.get_default_kind_display()})" if company.default_kind else ""
            words = f"Defaulted on {company.defaulted_on:%Y-%m-%d}{kind}. A PD is of one that still pays."
        page.canvas.setFillColor(LEVELS["CRITICAL"])
        page.canvas.roundRect(LEFT, page.y - 8, WIDTH, 16, 3, stroke=0, fill=1)
        page.write(LEFT + 6, page.y - 3, words, 8.5, bold=True, colour=white, width=WIDTH - 12)
        page.y -= 24


def _figures(page: Page, found: CompanyFile) -> None:
    """The PD, its interval and category, on a scale."""
    y = page.y
    page.title(LEFT, y, "Probability of default within one year")
    score, head = found.score, found.prediction
    if score is None or head is None:
        page.lines(LEFT, y - 24, "Not scored yet: there is no prediction of this company.", 9, HALF, 2,
                   colour=FAINT)  # fmt: skip
        return
    page.write(LEFT, y - 42, blocks.percent(score.pd), 30, bold=True, colour=LEVELS[score.risk_level])
    label = str(score.risk_level).capitalize()
    at = LEFT + HALF - 78
    page.canvas.setFillColor(LEVELS[score.risk_level])
    page.canvas.roundRect(at, y - 32, 78, 17, 8, stroke=0, fill=1)
    page.write(at + 39, y - 27, label, 9, bold=True, colour=white, align="middle", width=70)
    if score.grade:
        page.write(at + 39, y - 44, f"Grade {score.grade}", 8, align="middle", width=78)
    interval = "No interval is known."
    if score.low is not None and score.high is not None:
        interval = f"90 % interval {blocks.percent(score.low)} to {blocks.percent(score.high)}"
    page.write(LEFT, y - 58, interval, 8, width=HALF)
    period = f"{head.fiscal_year} {head.quarter_text or ''}".strip()
    words = (
        f"{head.get_kind_display()} {period}; confidence {score.confidence_level} ({score.confidence:.2f})"
    )
    page.write(LEFT, y - 70, words, 8, colour=FAINT, width=HALF)
    blocks.scale(page, score, LEFT, y - 104, HALF)
    reasons = "; ".join(blocks.reasons(score)) or "None noted."
    page.lines(LEFT, y - 122, f"What lowers confidence: {reasons}", 7.2, HALF, 3, colour=FAINT)


def _foot(page: Page, institution: str) -> None:
    words = (
        "An estimate by a statistical model, not a rating or advice. Values are of the versions that held "
        "when this page was made."
    )
    if page.replaced:
        words += " Letters that the font of this page does not have are shown as a dot."
    page.lines(LEFT, MARGIN, words, 6.6, WIDTH, 2, colour=FAINT)

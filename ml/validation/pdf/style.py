"""How the report looks: paragraphs, tables, lights, captions that number themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Circle, Drawing
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, Spacer, Table, TableStyle

INK, FAINT, RULE, BAND, ACCENT = (
    HexColor(c) for c in ("#1f2937", "#6b7280", "#d1d5db", "#f3f6fa", "#0b4f8a")
)
LIGHTS = {
    "green": HexColor("#2e9e6b"),
    "amber": HexColor("#e6a100"),
    "red": HexColor("#c0392b"),
    "unknown": HexColor("#b8bec7"),
}
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN


def _style(name: str, **settings: Any) -> ParagraphStyle:
    shared = {"fontName": "Helvetica", "fontSize": 9, "leading": 12.6, "textColor": INK}
    return ParagraphStyle(name, **{**shared, **settings})


BODY = _style("body", spaceAfter=5)
SMALL = _style("small", fontSize=7.6, leading=9.6)
SMALL_RIGHT = _style("small right", fontSize=7.6, leading=9.6, alignment=TA_RIGHT)
HEAD = _style("head", fontName="Helvetica-Bold", fontSize=7.6, leading=9.4, textColor=white)
HEAD_RIGHT = _style("head right", parent=HEAD, fontName="Helvetica-Bold", fontSize=7.6, leading=9.4,
                    textColor=white, alignment=TA_RIGHT)  # fmt: skip
CAPTION = _style("caption", fontSize=7.8, leading=10, textColor=FAINT, spaceBefore=3, spaceAfter=9)
H1 = _style("h1", fontName="Helvetica-Bold", fontSize=14.5, leading=18, textColor=ACCENT, spaceBefore=13,
            spaceAfter=6, keepWithNext=1)  # fmt: skip
H2 = _style("h2", fontName="Helvetica-Bold", fontSize=10.2, leading=13, spaceBefore=7, spaceAfter=4,
            keepWithNext=1)  # fmt: skip
H2_LOOSE = _style("h2 loose", fontName="Helvetica-Bold", fontSize=10.2, leading=13, spaceBefore=7,
                  spaceAfter=4)  # fmt: skip
TITLE = _style("title", fontName="Helvetica-Bold", fontSize=25, leading=30, textColor=ACCENT, spaceAfter=4)
SUBTITLE = _style("subtitle", fontSize=12.5, leading=16, textColor=FAINT, spaceAfter=14)


class Numbered(Canvas):  # type: ignore[misc]
    """A canvas that knows how many pages there are when it writes their numbers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        total = len(self._pages)
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self.setFont("Helvetica", 7.5)
            self.setFillColor(FAINT)
            self.drawRightString(A4[0] - MARGIN, 11 * mm, f"{number} / {total}")
            super().showPage()
        super().save()


class Numbering:
    """Numbers of tables and figures, in the order in which they are made."""

    def __init__(self) -> None:
        self.counts = {"Table": 0, "Figure": 0}

    def caption(self, kind: str, text: str) -> Paragraph:
        self.counts[kind] += 1
        return Paragraph(f"<b>{kind} {self.counts[kind]}.</b> {escape(text)}", CAPTION)


def text(words: str, style: ParagraphStyle = BODY) -> Paragraph:
    """A paragraph of plain words."""
    return Paragraph(escape(words), style)


def heading(number: str, words: str) -> Paragraph:
    """A numbered section heading."""
    return Paragraph(f"{escape(number)}&nbsp;&nbsp;{escape(words)}", H1)


def light(colour: str, size: float = 8.5) -> Drawing:
    """A traffic light."""
    drawing = Drawing(size, size)
    drawing.add(Circle(size / 2, size / 2, size / 2 - 0.6, fillColor=LIGHTS[colour], strokeColor=None))
    return drawing


def grid(
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    widths: Sequence[float] | None = None,
    left: int = 1,
    shades: dict[tuple[int, int], Color] | None = None,
) -> Table:
    """A table: the first `left` columns are words, the others figures; widths are shares of the page."""
    rows = list(rows)
    columns = len(head)
    shares = widths or [1.0] * columns
    total = sum(shares)
    content: list[list[Any]] = [
        [Paragraph(escape(h), HEAD if i < left else HEAD_RIGHT) for i, h in enumerate(head)]
    ]
    for row in rows:
        content.append(
            [
                cell
                if isinstance(cell, Flowable | Drawing)
                else Paragraph(escape(str(cell)), SMALL if i < left else SMALL_RIGHT)
                for i, cell in enumerate(row)
            ]
        )
    table = Table(content, colWidths=[WIDTH * s / total for s in shares], repeatRows=1)
    style: list[tuple[Any, ...]] = [
        ("BACKGROUND", (0, 0), (-1, 0), ACCENT),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LINEBELOW", (0, 1), (-1, -1), 0.35, RULE),
        ("TOPPADDING", (0, 0), (-1, -1), 2.6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, BAND]),
    ]
    for (column, line), colour in (shades or {}).items():
        style.append(("BACKGROUND", (column, line + 1), (column, line + 1), colour))
    table.setStyle(TableStyle(style))
    return table


def together(*parts: Flowable) -> KeepTogether:
    """Parts that stay on one page."""
    return KeepTogether(list(parts))


def side_by_side(left: Flowable, right: Flowable | None) -> Table:
    """Two plots beside each other."""
    table = Table([[left, right or ""]], colWidths=[WIDTH / 2, WIDTH / 2])
    table.setStyle(TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                               ("VALIGN", (0, 0), (-1, -1), "TOP")]))  # fmt: skip
    return table


def gap(points: float = 6) -> Spacer:
    """Some air."""
    return Spacer(1, points)


def fixed(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 2) -> str:
    """A share, or a dash."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def span(row: dict[str, Any], key: str = "auc") -> str:
    """A figure with its interval."""
    if row.get(key) is None:
        return "–"
    return f"{row[key]:.3f} ({row[f'{key}_low']:.3f}–{row[f'{key}_high']:.3f})"


def p_value(value: float | None) -> str:
    """A p-value as people read it."""
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

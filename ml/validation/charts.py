"""Charts of a report, drawn once: in the PDF as vectors, in the console as SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth

FONT, BOLD = "Helvetica", "Helvetica-Bold"
INK, FAINT, GRID = HexColor("#1f2937"), HexColor("#6b7280"), HexColor("#e5e7eb")
# Apart for colour-blind readers too (after Okabe and Ito), and by their dashes in print.
PALETTE = tuple(HexColor(c) for c in ("#0b4f8a", "#d55e00", "#009e73", "#8a5aa8", "#8b8b8b", "#c8a200"))
DASHES: tuple[list[int] | None, ...] = (None, [5, 2], [2, 2], [7, 2, 2, 2], [1, 2], [4, 4])
SIZE = 7.5
WIDE, HIGH = 240.0, 170.0


@dataclass
class Axis:
    """One axis: its range, where the ticks are and how they read."""

    low: float
    high: float
    ticks: Sequence[float]
    label: str = ""
    form: str = "{:g}"
    log: bool = False
    names: Sequence[str] = ()
    """Words for the ticks, where numbers do not say it."""

    def words(self) -> list[str]:
        """What stands at each tick."""
        return list(self.names) or [self.form.format(tick) for tick in self.ticks]

    def share(self, value: float) -> float:
        """Place of a value between the ends, 0 to 1."""
        ends = (self.low, self.high, min(max(value, self.low), self.high))
        low, high, at = (np.log10(ends) if self.log else np.array(ends)).tolist()
        return float((at - low) / (high - low))


@dataclass
class Chart:
    """A plot with axes; things are drawn in the order in which they are asked for."""

    x: Axis
    y: Axis
    width: float = WIDE
    height: float = HIGH
    above: bool = False
    """Whether the legend stands above the plot, where it hides nothing."""
    legend: list[tuple[str, Color, Any, bool]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        # A text wider than its chart would be cut.
        ticks = max((stringWidth(self.y.form.format(t), FONT, SIZE) for t in self.y.ticks), default=0)
        self.left, self.right = 20.0 + ticks, 8.0
        self.bottom, self.top = (30.0 if self.x.label else 20.0), (20.0 if self.above else 8.0)
        self.drawing = Drawing(self.width, self.height)
        self._frame()

    def px(self, value: float) -> float:
        return self.left + self.x.share(value) * (self.width - self.left - self.right)

    def py(self, value: float) -> float:
        return self.bottom + self.y.share(value) * (self.height - self.bottom - self.top)

    def _frame(self) -> None:
        add = self.drawing.add
        for tick in self.y.ticks:
            at = self.py(tick)
            add(Line(self.left, at, self.width - self.right, at, strokeColor=GRID, strokeWidth=0.6))
            self.text(self.left - 4, at - 2.6, self.y.form.format(tick), anchor="end", colour=FAINT)
        for tick, words in zip(self.x.ticks, self.x.words(), strict=True):
            at = self.px(tick)
            add(Line(at, self.bottom, at, self.bottom - 3, strokeColor=FAINT, strokeWidth=0.6))
            self.text(at, self.bottom - 11, words, anchor="middle", colour=FAINT)
        add(Line(self.left, self.bottom, self.width - self.right, self.bottom, strokeColor=FAINT,
                 strokeWidth=0.8))  # fmt: skip
        if self.x.label:
            middle = (self.left + self.width - self.right) / 2
            self.text(middle, 6, self.x.label, anchor="middle")
        if self.y.label:
            self._upright(self.y.label)

    def _upright(self, text: str) -> None:
        from reportlab.graphics.shapes import Group

        group = Group(String(0, 0, text, fontName=FONT, fontSize=SIZE, fillColor=INK, textAnchor="middle"))
        group.translate(9, (self.bottom + self.height - self.top) / 2)
        group.rotate(90)
        self.drawing.add(group)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        colour: Color = INK,
        bold: bool = False,
    ) -> None:
        """Write at a place of the drawing."""
        self.drawing.add(
            String(
                x,
                y,
                words,
                fontName=BOLD if bold else FONT,
                fontSize=SIZE,
                fillColor=colour,
                textAnchor=anchor,
            )  # fmt: skip
        )

    def line(
        self, points: Sequence[Sequence[float]], number: int = 0, name: str = "", *, width: float = 1.4
    ) -> None:
        """A line through points in data coordinates, in the palette's colour of that number."""
        colour, dash = PALETTE[number % 6], DASHES[number % 6]
        flat = [c for x, y in points for c in (self.px(x), self.py(y))]
        if len(flat) >= 4:
            self.drawing.add(
                PolyLine(flat, strokeColor=colour, strokeWidth=width, strokeDashArray=dash, strokeLineJoin=1)
            )
        if name:
            self.legend.append((name, colour, dash, False))

    def guide(self, points: Sequence[Sequence[float]], name: str = "") -> None:
        """A grey dashed line to compare with."""
        flat = [c for x, y in points for c in (self.px(x), self.py(y))]
        self.drawing.add(PolyLine(flat, strokeColor=FAINT, strokeWidth=0.8, strokeDashArray=[2, 2]))
        if name:
            self.legend.append((name, FAINT, [2, 2], False))

    def dots(self, points: Sequence[Sequence[float]], number: int = 0, name: str = "") -> None:
        """Dots; a point with four numbers has a whisker from the third to the fourth."""
        colour = PALETTE[number % 6]
        for x, y, *ends in points:
            at = self.px(x)
            if ends:
                low, high = self.py(ends[0]), self.py(ends[1])
                self.drawing.add(Line(at, low, at, high, strokeColor=colour, strokeWidth=0.9))
                for end in (low, high):
                    self.drawing.add(Line(at - 2, end, at + 2, end, strokeColor=colour, strokeWidth=0.9))
            self.drawing.add(Circle(at, self.py(y), 2.3, fillColor=colour, strokeColor=None))
        if name:
            self.legend.append((name, colour, None, True))

    def bars(self, values: Sequence[tuple[float, float]], number: int = 0, name: str = "", *,
             width: float = 12.0, shift: float = 0.0) -> None:  # fmt: skip
        """Bars from the axis up, centred on x plus a shift in points."""
        colour = PALETTE[number % 6]
        for x, y in values:
            low, high = self.py(self.y.low), self.py(y)
            left = self.px(x) - width / 2 + shift
            self.drawing.add(Rect(left, low, width, max(high - low, 0), fillColor=colour, strokeColor=None))
        if name:
            self.legend.append((name, colour, None, True))

    def key(self, place: str = "low right") -> None:
        """The legend: above the plot, or in a corner: low or high, left or right."""
        if self.above:
            left = self.left
            for entry in self.legend:
                self._entry(left, self.height - 10, *entry)
                left += stringWidth(entry[0], FONT, SIZE) + 34
            return
        wide = max((stringWidth(name, FONT, SIZE) for name, *_ in self.legend), default=0.0) + 26
        tall = 10.5 * len(self.legend) + 5
        left = self.left + 6 if "left" in place else self.width - self.right - wide - 4
        top = self.bottom + tall + 4 if "low" in place else self.height - self.top - 2
        self.drawing.add(Rect(left, top - tall, wide, tall, fillColor=Color(1, 1, 1, 0.88), strokeColor=None))
        for position, (name, colour, dash, dot) in enumerate(self.legend):
            self._entry(left, top - 10 - 10.5 * position, name, colour, dash, dot)

    def _entry(self, left: float, y: float, name: str, colour: Color, dash: Any, dot: bool) -> None:
        if dot:
            self.drawing.add(Circle(left + 11, y + 2.6, 2.3, fillColor=colour, strokeColor=None))
        else:
            self.drawing.add(Line(left + 4, y + 2.6, left + 18, y + 2.6, strokeColor=colour,
                                  strokeWidth=1.4, strokeDashArray=dash))  # fmt: skip
        self.text(left + 22, y, name)


def svg(drawing: Drawing) -> str:
    """A drawing as an SVG element for a page, without the file's header and without inline styles.

    A page whose policy forbids inline styles ignores `style` attributes; the same properties as attributes of
    their own are drawn.
    """
    text: str = renderSVG.drawToString(drawing)
    plain = re.sub(
        r'\sstyle="([^"]*)"', lambda found: _attributes(found.group(1)), text[text.index("<svg") :]
    )
    return plain.replace("<svg ", '<svg role="img" class="console-svg" ', 1)


def _attributes(style: str) -> str:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)


FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def round_up(value: float) -> float:
    """The next round number, for the end of an axis."""
    for nice in (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0):
        if value <= nice:
            return nice
    return float(np.ceil(value))


def even(top: float) -> list[float]:
    """Ticks from 0 to the top in round steps."""
    count = {1: 5, 2: 4, 3: 3}.get(int(f"{top:e}"[0]), 5)
    return [top * i / count for i in range(count + 1)]


def roc(
    curves: Sequence[tuple[str, Sequence[Sequence[float]]]], width: float = WIDE, height: float = HIGH
) -> Drawing:
    """ROC curves, the named ones in order."""
    chart = Chart(
        Axis(0, 1, FRACTIONS, "Share of survivors flagged", "{:.0%}"),
        Axis(0, 1, FRACTIONS, "Share of defaults caught", "{:.0%}"),
        width=width,
        height=height,
    )
    chart.guide([(0, 0), (1, 1)])
    for number, (name, points) in enumerate(curves):
        chart.line(points, number, name)
    chart.key()
    return chart.drawing


def cap(points: Sequence[Sequence[float]], rate: float, width: float = WIDE, height: float = HIGH) -> Drawing:
    """The cumulative accuracy profile with the perfect and the random one."""
    chart = Chart(
        Axis(0, 1, FRACTIONS, "Share of companies, the worst first", "{:.0%}"),
        Axis(0, 1, FRACTIONS, "Share of defaults among them", "{:.0%}"),
        width=width,
        height=height,
    )
    chart.guide([(0, 0), (1, 1)], "No information")
    chart.line([(0, 0), (max(rate, 1e-6), 1), (1, 1)], 4, "Perfect", width=1.0)
    chart.line(points, 0, "Ensemble")
    chart.key()
    return chart.drawing


def calibration(rows: Sequence[dict[str, Any]], width: float = WIDE, height: float = HIGH) -> Drawing:
    """Observed rate with its Jeffreys interval against the PD, both on logarithmic axes."""
    low, high = 1e-4, 1.0
    ticks = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    chart = Chart(
        Axis(low, high, ticks, "Mean PD of the grade", "{:.4g}", log=True),
        Axis(low, high, ticks, "Default rate", "{:.4g}", log=True),
        width=width,
        height=height,
    )
    chart.x.form = chart.y.form = "{:g}"
    chart.guide([(low, low), (high, high)], "PD = rate")
    filled = [row for row in rows if row["names"]]
    chart.dots(
        [
            (
                max(row["mean_pd"], low),
                max(row["default_rate"], low),
                max(row["rate_low"], low),
                max(row["rate_high"], low),
            )  # fmt: skip
            for row in filled
        ],
        0,
        "Grade, 95 % interval",
    )
    chart.key("high left")
    return chart.drawing


def auc_by_year(rows: Sequence[dict[str, Any]], width: float = WIDE, height: float = HIGH) -> Drawing:
    """AUC of each year with its interval."""
    known = [row for row in rows if row["auc"] is not None]
    years = [row["year"] for row in known]
    floor = min([row["auc_low"] for row in known] + [0.9])
    low = max(0.0, np.floor(floor * 10) / 10)
    ticks = np.round(np.arange(low, 1.001, 0.1), 2).tolist()
    chart = Chart(
        Axis(min(years) - 0.6, max(years) + 0.6, years[:: 1 + len(years) // 12], "", "{:.0f}"),
        Axis(low, 1.0, ticks, "AUC out of time", "{:.1f}"),
        width=width,
        height=height,
    )
    chart.line([(row["year"], row["auc"]) for row in known], 0, width=0.8)
    chart.dots([(row["year"], row["auc"], row["auc_low"], row["auc_high"]) for row in known], 0)
    return chart.drawing


def cycle(
    rows: Sequence[dict[str, Any]], anchor: float, width: float = WIDE, height: float = HIGH
) -> Drawing:
    """Default rate and mean PD by year, with the anchor."""
    years = [row["year"] for row in rows]
    top = round_up(max(row["high"] for row in rows))
    chart = Chart(
        Axis(min(years) - 0.6, max(years) + 0.6, years[::2], "", "{:.0f}"),
        Axis(0.0, top, even(top), "Share a year", "{:.2%}" if top < 0.02 else "{:.1%}"),
        above=True,
        width=width,
        height=height,
    )
    chart.guide([(min(years) - 0.6, anchor), (max(years) + 0.6, anchor)], "Anchor")
    chart.dots([(r["year"], r["rate"], r["low"], r["high"]) for r in rows if r["used"]], 0, "Default rate")
    early = [(r["year"], r["rate"], r["low"], r["high"]) for r in rows if not r["used"]]
    if early:
        chart.dots(early, 4, "Not used")
    chart.line([(r["year"], r["mean_pd"]) for r in rows if r["mean_pd"] is not None], 1, "Mean PD")
    chart.key()
    return chart.drawing


def drift(rows: Sequence[dict[str, Any]], width: float = WIDE, height: float = HIGH) -> Drawing:
    """PSI of the score by year against what chance allows."""
    years = [row["year"] for row in rows]
    top = round_up(max([row["psi"] for row in rows] + [row["limit"] for row in rows] + [0.1]))
    chart = Chart(
        Axis(min(years) - 0.6, max(years) + 0.6, years, "", "{:.0f}"),
        Axis(0.0, top, even(top), "PSI of the score", "{:.2f}"),
        above=True,
        width=width,
        height=height,
    )
    chart.bars([(row["year"], row["psi"]) for row in rows], 0, "PSI against the years before")
    chart.line([(row["year"], row["limit"]) for row in rows], 1, "95 % limit if nothing moved")
    if top >= 0.1:
        chart.guide([(min(years) - 0.6, 0.1), (max(years) + 0.6, 0.1)], "0.10")
    chart.key()
    return chart.drawing


def grade_shares(rows: Sequence[dict[str, Any]], width: float = WIDE, height: float = HIGH) -> Drawing:
    """Share of the names in each grade."""
    top = round_up(max(row["share"] for row in rows))
    places = list(range(len(rows)))
    chart = Chart(
        Axis(-0.6, len(rows) - 0.4, places, "Grade", names=[row["grade"] for row in rows]),
        Axis(0.0, top, even(top), "Share of names", "{:.0%}"),
        width=width,
        height=height,
    )
    chart.bars([(i, row["share"]) for i, row in enumerate(rows)], 0, width=14)
    return chart.drawing


def gains(
    rows: Sequence[tuple[str, float, float, float]], label: str, width: float = WIDE, height: float = HIGH
) -> Drawing:
    """Differences with their intervals, one line each, against zero."""
    low = min([row[2] for row in rows] + [0.0])
    high = max([row[3] for row in rows] + [0.0])
    step = round_up((high - low) / 4)
    ends = (np.floor(low / step) * step, np.ceil(high / step) * step)
    ticks = np.arange(ends[0], ends[1] + step / 2, step).tolist()
    wide = max(stringWidth(name, FONT, SIZE) for name, *_ in rows)
    chart = Chart(
        Axis(float(ends[0]), float(ends[1]), ticks, label, "{:+.1f}" if step >= 0.1 else "{:+.3f}"),
        Axis(-0.6, len(rows) - 0.4, ()),
        width=width,
        height=height,
    )
    chart.left = wide + 14
    chart.drawing.contents.clear()
    chart._frame()
    chart.drawing.add(
        Line(chart.px(0), chart.bottom, chart.px(0), chart.height - chart.top, strokeColor=FAINT)
    )
    for position, (name, value, least, most) in enumerate(reversed(rows)):
        y = chart.py(position)
        chart.text(chart.left - 6, y - 2.6, name, anchor="end")
        chart.drawing.add(
            Line(chart.px(least), y, chart.px(most), y, strokeColor=PALETTE[0], strokeWidth=1.4)
        )
        chart.drawing.add(Circle(chart.px(value), y, 2.6, fillColor=PALETTE[0], strokeColor=None))
    return chart.drawing

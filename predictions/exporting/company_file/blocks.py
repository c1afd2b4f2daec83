"""The blocks of the risk page. Each draws within its width and says what is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reportlab.graphics.shapes import Drawing, Line, Rect
from reportlab.lib.colors import HexColor

from ml.validation.charts import Axis, Chart, even, round_up
from predictions import wording
from predictions.exporting.company_file.gathering import CompanyFile, period_words, ratio_lines
from tenants.kernel.context import current_tenant

if TYPE_CHECKING:
    from predictions.exporting.company_file.page import Page
    from predictions.models import Score

INK, FAINT, GRID = HexColor("#1f2937"), HexColor("#6b7280"), HexColor("#e5e7eb")
WORSE, BETTER = HexColor("#c0392b"), HexColor("#2e9e6b")
BANDS = tuple(HexColor(c) for c in ("#cfeadd", "#d5e4f8", "#fae3bf", "#f4cfca"))
MOST_DRIVERS, MOST_YEARS, MOST_RATIOS = 8, 5, 12
# The ends of the scale: below and above them a PD stands at the end.
LEAST, MOST = 0.0005, 0.5


def percent(value: float | None, digits: int = 2) -> str:
    """A share as people read it."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def figure(value: Any, digits: int = 1) -> str:
    """An amount or a ratio, or a dash."""
    return "–" if value is None else f"{float(value):,.{digits}f}"


def reasons(score: Score) -> list[str]:
    return [wording.reason(code) for code in score.confidence_reasons[:4]]


def scale(page: Page, score: Score, x: float, y: float, width: float) -> None:
    """The PD and its interval on a logarithmic scale of the institution's categories."""

    def at(value: float) -> float:
        share = math.log(min(max(value, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
        return share * width

    drawing = Drawing(width, 26)
    cuts = _cutoffs()
    ends = [LEAST, *cuts, MOST]
    for colour, low, high in zip(BANDS, ends, ends[1:], strict=False):
        drawing.add(Rect(at(low), 10, at(high) - at(low), 8, fillColor=colour, strokeColor=None))
    if score.low is not None and score.high is not None:
        drawing.add(Line(at(score.low), 14, at(score.high), 14, strokeColor=INK, strokeWidth=1.2))
        for end in (score.low, score.high):
            drawing.add(Line(at(end), 11, at(end), 17, strokeColor=INK, strokeWidth=1))
    drawing.add(Rect(at(score.pd) - 1.5, 7, 3, 14, fillColor=INK, strokeColor=None))
    page.draw(drawing, x, y)
    for value in cuts:
        page.write(x + at(value), y + 2, percent(value, 0), 6.4, colour=FAINT, align="middle", width=40)


def _cutoffs() -> tuple[float, float, float]:
    found: tuple[float, float, float] = current_tenant().cutoffs
    return found


def drivers(page: Page, found: CompanyFile, x: float, y: float, width: float) -> None:
    """The strongest drivers as bars to both sides: what raises the PD in red, what lowers it in green."""
    shown = sorted(found.drivers, key=lambda d: -abs(d["contribution"]))[:MOST_DRIVERS]
    if not shown:
        words = "Nothing is known of what drives it." if found.score else "There is no score to explain."
        page.write(x, y - 8, words, 8, colour=FAINT, width=width)
        return
    largest = max(abs(d["contribution"]) for d in shown) or 1.0
    names, middle, half = width * 0.64, x + width * 0.83, width * 0.17
    for driver in shown:
        effect = driver["contribution"]
        value = _with_unit(driver.get("value"), driver.get("unit", ""))
        page.write(x, y, driver["label"], 6.9, width=names - 38)
        page.write(x + names - 2, y, value, 7.2, colour=FAINT, align="right", width=42)
        long = half * abs(effect) / largest
        page.canvas.setFillColor(WORSE if effect > 0 else BETTER)
        page.canvas.rect(middle if effect > 0 else middle - long, y - 1, long, 6.5, stroke=0, fill=1)
        y -= 14.5
    page.canvas.setStrokeColor(FAINT)
    page.canvas.setLineWidth(0.5)
    page.canvas.line(middle, y + 10, middle, y + 14.5 * len(shown) + 10)
    page.write(x, y - 1, "Red raises the PD, green lowers it, against the median company.",
               6.4, colour=FAINT, width=width)  # fmt: skip


def _with_unit(value: Any, unit: str) -> str:
    if value is None:
        return "missing"
    number = f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{number} %" if unit == "%" else f"{number}x" if unit == "x" else number


def history(page: Page, found: CompanyFile, x: float, y: float, width: float, height: float) -> None:
    """The PD by period with its interval."""
    points = found.history[-12:]
    if not points:
        page.write(x, y + height - 8, "No period is scored yet.", 8, colour=FAINT, width=width)
        return
    top = round_up(max(max(p.score.pd, p.score.high or 0.0) for p in points) * 1.05)
    first, last = points[0].period, points[-1].period
    ticks = [p.period for p in points]
    names = [p.words.replace("20", "'", 1) if len(points) > 7 else p.words for p in points]
    chart = Chart(
        Axis(first - 0.5, last + 0.5, ticks, names=names),
        Axis(0.0, top, even(top), form="{:.1%}"),
        width=width,
        height=height,
    )
    chart.line([(p.period, p.score.pd) for p in points])
    chart.dots(
        [
            (p.period, p.score.pd, p.score.low, p.score.high)
            if p.score.low is not None and p.score.high is not None
            else (p.period, p.score.pd)
            for p in points
        ]
    )
    page.draw(chart.drawing, x, y)
    if len(points) == 1:
        page.write(x + width, y + height - 8, "One period only: there is no change to show.", 7, colour=FAINT,
                   align="right", width=width)  # fmt: skip


def ratios(page: Page, found: CompanyFile, x: float, y: float, width: float) -> None:
    """Ratios of the newest periods; where no statement is known, those that the score rests on."""
    rows = _newest(found, 3)
    names, each = width * 0.46, width * 0.18
    if rows:
        lines = [line for line in ratio_lines(rows) if any(v is not None for v in line.values)][:MOST_RATIOS]
        table = [("", *(period_words(row) for row in rows))]
        table += [(f"{line.label} ({line.unit})", *(figure(v, 2) for v in line.values)) for line in lines]
        widths = [width - each * len(rows), *[each] * len(rows)]
        page.table(x, y, table, widths)
        return
    given = (found.score.inputs.get("ratios") or {}) if found.score else {}
    if not given:
        page.write(x, y, "No ratio is known.", 8, colour=FAINT, width=width)
        return
    from ml.features import RATIOS

    table = [("As they were given", "Value")]
    table += [
        (f"{RATIOS[name].label} ({RATIOS[name].unit})", figure(value, 2))
        for name, value in given.items()
        if name in RATIOS
    ]
    page.table(x, y, table, [names + each * 2, each])


def _newest(found: CompanyFile, most: int) -> list[Any]:
    annual = [row for row in found.statements if row.kind == "annual"]
    return (annual or found.statements)[:most]


_SHOWN: Sequence[tuple[str, str]] = (
    ("total_assets", "Total assets"),
    ("total_liabilities", "Total liabilities"),
    ("total_equity", "Total equity"),
    ("net_sales", "Net sales"),
    ("ebit", "EBIT"),
    ("net_income", "Net income"),
    ("operating_cash_flow", "Operating cash flow"),
    ("market_cap", "Market value"),
)


def statements(page: Page, found: CompanyFile, x: float, y: float, width: float) -> None:
    """The main figures of the newest periods."""
    rows = _newest(found, MOST_YEARS)
    if not rows:
        words = "No statement is known: the score rests on ratios alone." if found.score else "None is known."
        page.write(x, y, words, 8, colour=FAINT, width=width)
        return
    each = (width - 120) / MOST_YEARS
    currencies = {row.currency for row in rows}
    unit = f"Millions of {currencies.pop()}" if len(currencies) == 1 else "Millions"
    table: list[tuple[str, ...]] = [
        (unit, *(period_words(r) if not currencies else f"{period_words(r)} {r.currency}" for r in rows))
    ]
    table += [(label, *(figure(getattr(row, name)) for row in rows)) for name, label in _SHOWN]
    page.table(x, y, table, [120, *[each] * len(rows)])


def classic(page: Page, found: CompanyFile, x: float, y: float, width: float) -> None:
    """The classic scores with their zones."""
    if not found.classic:
        page.write(x, y, "They need line items of a statement.", 8, colour=FAINT, width=width)
        return
    table: list[tuple[str, ...]] = [("Score", "Value", "Zone")]
    table += [
        (
            a.label,
            figure(a.value, 2),
            str(a.zone).replace("_", " ") if a.value is not None else "cannot be had",
        )
        for a in found.classic
    ]
    page.table(x, y, table, [width * 0.56, width * 0.17, width * 0.27])


def provenance(page: Page, found: CompanyFile, x: float, y: float, width: float) -> None:
    """Which model, which inputs, which source: enough to find the very run again."""
    score = found.score
    rows: list[tuple[str, str]] = []
    if score is not None:
        rows += [
            ("Model", found.model_version or "no longer registered"),
            ("Model's digest", score.model_sha256[:24]),
            ("Inputs", wording.SHAPES.get(score.shape, score.shape)),
            ("Digest of inputs", score.input_hash[:24]),
            ("Score", str(score.id)),
            ("Made at", f"{score.created_at:%Y-%m-%d %H:%M} UTC"),
        ]
    newest = next(iter(_newest(found, 1)), None)
    if newest is not None:
        rows.append(("Statement", f"{newest.source or newest.get_source_kind_display()}"))
        rows.append(("Checks", newest.get_quality_display()))
    for label, words in rows or [("Score", "None yet")]:
        page.write(x, y, label, 7.2, colour=FAINT, width=80)
        page.write(x + 84, y, words, 7.2, width=width - 84)
        y -= 11.2

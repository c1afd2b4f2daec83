"""The company beside its peers: where its PD and main ratios stand among companies of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reportlab.graphics.shapes import Circle, Drawing, Line, Rect
from reportlab.lib.colors import HexColor

from companies.models import Company
from predictions.comparison import peers
from predictions.comparison.metrics import METRICS, PD
from predictions.models import Prediction

if TYPE_CHECKING:
    from predictions.exporting.company_file.page import Page

FAINT, INK, BAND, GRID = (HexColor(c) for c in ("#6b7280", "#1f2937", "#c7dbef", "#e5e7eb"))
# Shown as far as they are known, in this order.
_SHOWN = (
    PD, "return_on_assets", "net_income_margin", "liabilities_to_assets", "total_debt_to_ebitda",
    "ebit_to_interest_expense", "current_ratio", "asset_turnover",
)  # fmt: skip
MOST = 6


@dataclass(frozen=True, slots=True)
class Beside:
    """The group, in words, and the metrics in which the company is compared."""

    text: str
    names: int
    metrics: Sequence[dict[str, Any]]


def beside(company: Company, head: Prediction | None, *, reference: bool) -> Beside | None:
    """The company among its peers by what stands now; None where it is not scored.

    ``reference``: whether whoever asks reads the platform's reference data.
    """
    if head is None:
        return None
    found = peers.standings([company.id], head.kind)
    if not found:
        return None
    standing = found[0]
    group = peers.group_for(head.kind, company.sector, standing.size, reference=reference)
    told = {name: peers.compared(name, standing.values[name], group) for name in _SHOWN if name in METRICS}
    known = [m for m in told.values() if m["value"] is not None and m["median"] is not None]
    return Beside(group.text, group.names, known[:MOST])


def draw(page: Page, found: Beside | None, x: float, y: float, width: float, *, lowest: float) -> float:
    """A line for each metric that has room: the company, its peers' quartiles, and its place from 0 to 100;
    gives the height of the last line."""
    if found is None or not found.metrics:
        words = "It has no score to compare."
        if found is not None:
            words = f"Too few companies to compare with: {found.names} with a score."
        page.write(x, y, words, 8, colour=FAINT, width=width)
        return y
    page.write(x, y, found.text, 7.2, colour=FAINT, width=width)
    y -= 13
    # The company, lower quartile, median, upper quartile; then the bar.
    names, each = 150.0, 58.0
    bar = width - names - 4 * each - 16
    heads = ("", "Company", "Lower quarter", "Median", "Upper quarter")
    for place, words in enumerate(heads):
        right = x + names + place * each
        page.write(right, y, words, 6.6, bold=True, colour=FAINT, align="right", width=each + 8)
    start = x + names + 4 * each + 16
    page.write(start, y, "0", 6.4, colour=FAINT)
    page.write(start + bar / 2, y, "place among them, %", 6.4, colour=FAINT, align="middle", width=bar)
    page.write(start + bar, y, "100", 6.4, colour=FAINT, align="right")
    for metric in found.metrics:
        if y - 12 < lowest:
            break
        y -= 12
        page.write(x, y, metric["label"], 7.2, width=names - 4)
        for place, name in enumerate(("value", "q1", "median", "q3"), start=1):
            words = _shown(metric, metric[name])
            page.write(x + names + place * each, y, words, 7.2, bold=place == 1, align="right", width=each)
        page.draw(_bar(metric["percentile"], bar), start, y - 2)
    return y


def _bar(percentile: float | None, width: float) -> Drawing:
    drawing = Drawing(width, 9)
    drawing.add(Rect(0, 3, width, 3, fillColor=GRID, strokeColor=None))
    drawing.add(Rect(width / 4, 2, width / 2, 5, fillColor=BAND, strokeColor=None))
    drawing.add(Line(width / 2, 1, width / 2, 8, strokeColor=FAINT, strokeWidth=0.7))
    if percentile is not None:
        drawing.add(Circle(width * percentile / 100, 4.5, 2.6, fillColor=INK, strokeColor=None))
    return drawing


def _shown(metric: dict[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    if metric["name"] == PD:
        return f"{100 * value:.2f} %"
    unit = " %" if metric["unit"] == "%" else "x" if metric["unit"] == "x" else ""
    return f"{value:,.2f}{unit}" if abs(value) < 1000 else f"{value:,.0f}{unit}"

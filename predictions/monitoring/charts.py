"""Charts of monitoring for the console, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from predictions.models import RiskLevel

SIZE = {"width": 330.0, "height": 190.0}
_MOST_TICKS = 7
Read = Callable[[dict[str, Any]], float | None]
"""What a line shows of a week."""


def pictures(weeks: Sequence[dict[str, Any]]) -> list[tuple[str, SafeString]]:
    """Titles and drawings of the weekly figures; none before the first week."""
    if not weeks:
        return []
    # The drawing library takes half a second to import: only this page needs it.
    from ml.validation import charts
    from ml.validation.charts import Axis, Chart, svg

    ends = range(len(weeks))
    shown = list(ends)[:: 1 + len(weeks) // _MOST_TICKS]
    names = [f"{weeks[i]['week']:%d %b}" for i in shown]

    def drawn(top: float, form: str, *lines: tuple[str, Read]) -> SafeString:
        top = charts.round_up(top)
        chart = Chart(
            Axis(-0.5, len(weeks) - 0.5, shown, names=names),
            Axis(0.0, top, charts.even(top), "", form),
            above=len(lines) > 1,
            **SIZE,
        )
        for number, (name, value) in enumerate(lines):
            points = [(i, found) for i in ends if (found := value(weeks[i])) is not None]
            chart.line(points, number, name if len(lines) > 1 else "")
            chart.dots(points, number)
        chart.key()
        return mark_safe(svg(chart.drawing))  # noqa: S308 - numbers and our own words

    def most(*values: float | None) -> float:
        return max((v for v in values if v is not None), default=0.0) or 0.01

    parts = sorted({part for week in weeks for part in week["score_drift"]})
    drifts = [week["score_drift"].get(part) for week in weeks for part in parts]
    return [
        (
            "Mean PD",
            drawn(most(*(w["mean_pd"] for w in weeks)), "{:.1%}", ("", lambda week: week["mean_pd"])),
        ),
        (
            "Share of categories",
            drawn(1.0, "{:.0%}", *((level.label, _share(level)) for level in RiskLevel)),
        ),
        (
            "Stability index of the score (watch from 0.10)",
            drawn(
                most(*drifts, 0.25),
                "{:.2f}",
                *((part.replace(":", ", ").replace("_", " "), _drift(part)) for part in parts[:3]),
            ),
        ),
        (
            "Missing variables, scores beyond the development range",
            drawn(
                most(*(w["missing"] for w in weeks), *(w["out_of_range"] for w in weeks)),
                "{:.0%}",
                ("Missing", lambda week: week["missing"]),
                ("Beyond", lambda week: week["out_of_range"]),
            ),
        ),
    ]


def _share(level: RiskLevel) -> Read:
    return lambda week: week["levels"][level] / week["scores"] if week["scores"] else None


def _drift(part: str) -> Read:
    return lambda week: week["score_drift"].get(part)

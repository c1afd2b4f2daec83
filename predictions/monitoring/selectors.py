"""Reads of monitoring for pages and the API's overview."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from django.db.models import Count

from predictions.models import RiskLevel
from predictions.monitoring.models import Alert, Observation, Outcome

WEEKS = 26


def overview() -> dict[str, Any]:
    """Weekly scores, mean PD, categories and drift of the score; open alerts; outcomes by year."""
    rows = list(Observation.objects.order_by("week", "kind", "shape"))
    weeks: dict[date, list[Observation]] = defaultdict(list)
    for row in rows:
        weeks[row.week].append(row)
    years = (
        Outcome.objects.values_list("occurred_on__year").annotate(n=Count("id")).order_by("occurred_on__year")
    )
    return {
        "weeks": [_week(week, weeks[week]) for week in sorted(weeks)[-WEEKS:]],
        "open_alerts": dict(
            Alert.objects.filter(closed_at__isnull=True)
            .values_list("level")
            .annotate(n=Count("id"))
            .order_by()
        ),
        "outcomes_by_year": {str(year): number for year, number in years},
    }


def _week(week: date, rows: list[Observation]) -> dict[str, Any]:
    scores = sum(row.scores for row in rows)
    looked = sum(row.looked_at for row in rows)
    return {
        "week": week,
        "scores": scores,
        "mean_pd": sum(row.mean_pd * row.scores for row in rows) / scores if scores else None,
        "levels": {level: sum(row.levels.get(level, 0) for row in rows) for level in RiskLevel.values},
        "missing": sum(row.missing * row.looked_at for row in rows) / looked if looked else None,
        "out_of_range": sum(row.out_of_range * row.looked_at for row in rows) / looked if looked else None,
        "score_drift": {f"{row.kind}:{row.shape}": _score_drift(row) for row in rows},
    }


def _score_drift(row: Observation) -> float | None:
    return next((entry["psi"] for entry in row.drift if entry["variable"] == "score"), None)

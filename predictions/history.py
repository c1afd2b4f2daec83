"""The PD of a company over time, by period or by day: direction, reason and trend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import numpy as np
from django.conf import settings

from predictions.changes import bridge_between
from predictions.models import Prediction, Score

By = Literal["period", "date"]
Direction = Literal["up", "down", "unchanged", ""]
MOST_STEPS = 60
MOST_REASONS = 8
"""Newest steps whose reason is worked out: each asks the model."""
PARTS = 3
LEAST_FOR_TREND = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A score and how it compares with the one before it."""

    prediction: Prediction
    score: Score
    change: float | None = None
    """Of the PD: 0.01 is one percentage point. None for the first."""
    relative: float | None = None
    """Of the PD, 0.5 is half as much again."""
    direction: Direction = ""
    reason: str = ""
    components: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trend:
    """Where the PD goes over the periods; by a straight line through its log-odds."""

    direction: Direction
    yearly_factor: float | None
    """By what the odds of default are multiplied each year."""
    periods: int
    text: str


def pd_history(*, company_id: UUID, kind: str, by: By = "period", reasons: bool = True) -> list[Step]:
    """The company's scores of a kind from old to new.

    By ``period`` the current score of each period, in the order of periods; by ``date`` every score ever made
    of it, in the order in which they were made. At most the 60 newest.
    """
    if by == "period":
        heads = Prediction.objects.filter(company_id=company_id, kind=kind, current__isnull=False)
        rows = heads.select_related("current").order_by("-fiscal_year", "-fiscal_quarter")[:MOST_STEPS]
        pairs = [(head, head.current) for head in reversed(rows)]
    else:
        scores = Score.objects.filter(prediction__company_id=company_id, prediction__kind=kind)
        made = scores.select_related("prediction").order_by("-id")[:MOST_STEPS]
        pairs = [(score.prediction, score) for score in reversed(made)]
    steps: list[Step] = []
    for place, (prediction, score) in enumerate(pairs):
        score.prediction = prediction
        if not place:
            steps.append(Step(prediction, score))
            continue
        asked = reasons and place >= len(pairs) - MOST_REASONS
        steps.append(_step(steps[-1].score, prediction, score, asked=asked))
    return steps


def direction_of(before: float, now: float) -> Direction:
    """Up or down, or unchanged within the band (PD_UNCHANGED_BAND, relative)."""
    if abs(now - before) <= settings.PD_UNCHANGED_BAND * before:
        return "unchanged"
    return "up" if now > before else "down"


def _step(old: Score, prediction: Prediction, score: Score, *, asked: bool) -> Step:
    reason, components = "", []
    if asked:
        found = bridge_between(prediction, old=old, new=score).change
        reason = found.text
        largest = sorted(found.components, key=lambda part: -abs(part.effect))[:PARTS]
        components = [
            {"label": part.label, "origin": part.origin, "points": part.points, "text": part.text}
            for part in largest
        ]
    return Step(
        prediction,
        score,
        change=score.pd - old.pd,
        relative=(score.pd - old.pd) / old.pd if old.pd > 0 else None,
        direction=direction_of(old.pd, score.pd),
        reason=reason,
        components=components,
    )


def trend_of(steps: Sequence[Step]) -> Trend:
    """The trend over the periods of steps in the order of periods."""
    if not steps:
        return Trend("", None, 0, "There is no score.")
    at = np.array([s.prediction.fiscal_year + ((s.prediction.fiscal_quarter or 4) / 4) for s in steps])
    first, last = steps[0], steps[-1]
    if len(steps) < LEAST_FOR_TREND or at[-1] == at[0]:
        text = f"Too few periods for a trend: the PD is {last.score.pd:.2%} in {_name(last)}."
        return Trend("", None, len(steps), text)
    pds = np.clip([s.score.pd for s in steps], 1e-9, 1 - 1e-9)
    slope = float(np.polyfit(at - at[0], np.log(pds) - np.log1p(-pds), 1)[0])
    factor = math.exp(slope)
    steady = abs(slope) <= math.log1p(settings.PD_UNCHANGED_BAND)
    direction: Direction = "unchanged" if steady else "up" if slope > 0 else "down"
    ends = f"from {first.score.pd:.2%} in {_name(first)} to {last.score.pd:.2%} in {_name(last)}"
    words = {
        "unchanged": f"Steady: {ends}.",
        "up": f"Rising: {ends}; the odds of default grow by {factor - 1:.0%} a year.",
        "down": f"Falling: {ends}; the odds of default shrink by {1 - factor:.0%} a year.",
    }
    return Trend(direction, factor, len(steps), words[direction])


def _name(step: Step) -> str:
    head = step.prediction
    return f"{head.fiscal_year} Q{head.fiscal_quarter}" if head.fiscal_quarter else str(head.fiscal_year)

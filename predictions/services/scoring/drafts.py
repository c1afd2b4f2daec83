"""From inputs to computed scores, row by row: what one company, a statement and a request take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import numpy as np
import pandas as pd
from django.utils import timezone

from companies.services import CompanyFacts
from ml.categories import Cutoffs, categorise
from ml.features import ANNUAL_RATIOS, QUARTERLY_RATIOS
from predictions.grading import master_scale, pd_floor
from predictions.models import PredictionKind
from predictions.registry.selectors import ActiveModel
from predictions.services.scoring.remembering import MOST, Outcome, remembered
from tenants.kernel.context import current_tenant

RATIOS = {PredictionKind.ANNUAL: ANNUAL_RATIOS, PredictionKind.QUARTERLY: QUARTERLY_RATIOS}
DRIVERS = 5


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a company is scored on: ratios in percent and multiples, line items in USD millions."""

    ratios: dict[str, float] = field(default_factory=dict)
    statement: dict[str, float] = field(default_factory=dict)
    prior: tuple[dict[str, float], ...] = ()
    """Earlier periods, the nearest first."""
    fx: dict[str, Any] | None = None
    """The rate that the amounts were converted with: currency, US dollars for one unit, day, source."""

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Inputs:
        """The inputs of a stored score."""
        prior = tuple(kept.get("prior", ()))
        statement = kept.get("statement", {})
        return cls(ratios=kept.get("ratios", {}), statement=statement, prior=prior, fx=kept.get("fx"))

    def as_json(self) -> dict[str, Any]:
        parts = {
            "ratios": self.ratios,
            "statement": self.statement,
            "prior": list(self.prior),
            "fx": self.fx,
        }
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One company and period to be scored."""

    company: CompanyFacts
    fiscal_year: int
    fiscal_quarter: int | None
    inputs: Inputs
    quarter_label: str = ""
    row_number: int | None = None
    warnings: tuple[dict[str, Any], ...] = ()
    statement_id: UUID | None = None
    """The version of a statement that the inputs are from, and those of its history."""
    history_ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScoreDraft:
    """A computed score, ready to be stored. ``pd`` is None where there was nothing to score on."""

    request: ScoreRequest
    shape: str
    pd: float | None
    pd_raw: float | None
    risk_level: str
    grade: str
    members: dict[str, float]
    low: float | None
    high: float | None
    confidence: float
    confidence_level: str
    reasons: list[str]
    drivers: list[dict[str, Any]] | None


def score_requests(
    kind: str, requests: Sequence[ScoreRequest], *, model: ActiveModel, drivers: int = DRIVERS
) -> list[ScoreDraft]:
    """Score the requests with one call of the engine, by the cut-offs of the current tenant.

    What was said of the same inputs before is taken from there where that pays: for a few with drivers.
    """
    if not requests:
        return []

    def compute(places: list[int]) -> list[Outcome]:
        return _outcomes(kind, [requests[place] for place in places], model, drivers)

    if drivers and len(requests) <= MOST:
        asked = [_asked(kind, request, drivers) for request in requests]
        outcomes = remembered(model_id=model.id, asked=asked, compute=compute)
    else:
        outcomes = compute(list(range(len(requests))))
    pd_ = np.maximum([outcome["pd_raw"] for outcome in outcomes], pd_floor() or 0.0)
    usable = ~np.isnan(pd_)
    levels = np.full(len(requests), "", dtype="<U8")
    levels[usable] = np.char.upper(categorise(pd_[usable], Cutoffs(*current_tenant().cutoffs)))
    columns = zip(
        requests,
        outcomes,
        pd_.tolist(),
        levels.tolist(),
        master_scale().assign(pd_).tolist(),
        usable.tolist(),
        strict=True,
    )
    return [
        ScoreDraft(
            request=request,
            shape=outcome["shape"],
            pd=value if scored else None,
            pd_raw=outcome["pd_raw"] if scored else None,
            risk_level=level,
            grade=grade,
            members=outcome["members"] if scored else {},
            low=outcome["low"] if scored else None,
            high=outcome["high"] if scored else None,
            confidence=outcome["confidence"] if scored else 0.0,
            confidence_level=outcome["confidence_level"],
            reasons=outcome["reasons"],
            drivers=outcome["drivers"] if drivers and scored else None,
        )
        for request, outcome, value, level, grade, scored in columns
    ]


def _age(request: ScoreRequest) -> int:
    return timezone.now().year - request.fiscal_year


def _asked(kind: str, request: ScoreRequest, drivers: int) -> dict[str, Any]:
    """All that the engine's outcome depends on."""
    given = request.inputs
    return {
        "kind": str(kind),
        "drivers": drivers,
        "age": _age(request),
        "ratios": given.ratios,
        "statement": given.statement,
        "prior": list(given.prior),
    }


def _outcomes(kind: str, requests: Sequence[ScoreRequest], model: ActiveModel, drivers: int) -> list[Outcome]:
    """What the engine says of each request, in plain values."""
    frame, history = frames([request.inputs for request in requests])
    scores = model.engine.score(
        frame,
        kind=engine_kind(kind),
        history=history,
        drivers=drivers,
        age=np.array([_age(request) for request in requests], dtype=np.float64),
    )
    members = {name: values.tolist() for name, values in scores.members.items()}
    columns = {
        "shape": scores.shape.tolist(),
        "pd_raw": scores.pd_raw.tolist(),
        "low": scores.low.tolist(),
        "high": scores.high.tolist(),
        "confidence": scores.confidence.tolist(),
        "confidence_level": scores.confidence_level.tolist(),
        "reasons": list(scores.reasons),
    }
    return [
        {
            **{name: values[place] for name, values in columns.items()},
            "members": {name: values[place] for name, values in members.items()},
            "drivers": [dict(driver) for driver in scores.drivers[place]] if drivers else [],
        }
        for place in range(len(requests))
    ]


def engine_kind(kind: str) -> Literal["annual", "quarterly"]:
    """The kind of a prediction as the engine names it."""
    return "quarterly" if kind == PredictionKind.QUARTERLY else "annual"


def frames(inputs: Sequence[Inputs]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Inputs and their earlier periods as the engine takes them."""
    rows = [{**given.statement, **given.ratios} for given in inputs]
    known = {name for row in rows for name in row}
    # Even a row without any input needs its place in the frame.
    frame = pd.DataFrame(rows, columns=sorted(known) or ["total_assets"], dtype=np.float64)
    earlier = [
        {"row": position, "periods_back": back, **period}
        for position, given in enumerate(inputs)
        for back, period in enumerate(given.prior, start=1)
        if period
    ]
    return frame, pd.DataFrame(earlier) if earlier else None


def level_counts(drafts: Sequence[ScoreDraft]) -> dict[str, int]:
    """How many scores fell into each risk level."""
    return dict(Counter(draft.risk_level for draft in drafts))

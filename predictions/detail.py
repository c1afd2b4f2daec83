"""What stands beside one PD: its term structure, the floor's part in it, and the classic scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from predictions.models import Prediction, Score
from predictions.registry.selectors import model_at
from predictions.services.scoring import Inputs, engine_kind, frames
from tenants.kernel.errors import Unavailable

if TYPE_CHECKING:
    from ml.assessment import Assessment

_FINANCIAL = ("financ", "bank", "insur")


def term_structure(score: Score) -> list[dict[str, Any]]:
    """PDs within one to five years; they begin with the score's. Empty where its model is gone."""
    try:
        model = model_at(score.model_version_id)
    except Unavailable:
        return []
    if model.sha256 != score.model_sha256:
        return []
    curve = model.engine.term_of(np.array([score.shape]), np.array([score.pd]))
    if np.isnan(curve.cumulative).any():
        return []
    columns = (curve.cumulative[0], curve.marginal[0], curve.annualised[0])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        {"years": years, "cumulative": whole, "marginal": part, "annualised": yearly}
        for years, (whole, part, yearly) in enumerate(rows, start=1)
    ]


def floor_effect(score: Score) -> float:
    """What the floor added to the PD, in log-odds; zero where it did not hold."""
    if score.pd == score.pd_raw or not 0.0 < score.pd_raw < 1.0:
        return 0.0
    return _log_odds(score.pd) - _log_odds(score.pd_raw)


def _log_odds(pd_: float) -> float:
    return math.log(pd_) - math.log1p(-pd_)


def classic_scores(prediction: Prediction) -> list[Assessment]:
    """The six classic scores from the current score's line items; empty where it rests on ratios alone."""
    score = prediction.current
    if score is None or not score.inputs.get("statement"):
        return []
    from ml.assessment import assess  # brings the optimiser: only who asks for one prediction waits for it

    frame, history = frames([Inputs.from_json(score.inputs)])
    financial = prediction.company.sector.strip().lower().startswith(_FINANCIAL)
    return assess(frame, kind=engine_kind(prediction.kind), history=history, financial=financial)

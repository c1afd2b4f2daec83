"""Drivers of a stored score: kept where they were computed, computed from its inputs where not."""

from __future__ import annotations

from typing import Any

from companies.services import CompanyFacts
from predictions.models import Prediction
from predictions.registry.selectors import active_model
from predictions.services.scoring import Inputs, ScoreRequest, score_requests


def drivers_of(prediction: Prediction) -> list[dict[str, Any]]:
    """The drivers of the current score.

    A score from a file has none stored; they follow from its inputs as long as the model that made it
    is the active one. Of an older model's score nothing is claimed.
    """
    score = prediction.current
    if score is None:
        return []
    if score.drivers is not None:
        found: list[dict[str, Any]] = score.drivers
        return found
    model = active_model()
    if model.sha256 != score.model_sha256:
        return []
    inputs = Inputs.from_json(score.inputs)
    facts = CompanyFacts(prediction.company.symbol)
    request = ScoreRequest(facts, prediction.fiscal_year, prediction.fiscal_quarter, inputs)
    return score_requests(prediction.kind, [request], model=model)[0].drivers or []

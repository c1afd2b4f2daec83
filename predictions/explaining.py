"""Drivers of a stored score: kept where they were computed, computed from its inputs where not."""

from __future__ import annotations

from typing import Any

from companies.services import CompanyFacts
from predictions.models import Prediction
from predictions.registry.selectors import model_at
from predictions.services.scoring import Inputs, ScoreRequest, score_requests
from tenants.kernel.errors import Unavailable


def drivers_of(prediction: Prediction) -> list[dict[str, Any]]:
    """The drivers of the current score.

    A score from a file has none stored; they follow from its inputs and the version that made it. Of a score
    whose version is gone nothing is claimed.
    """
    score = prediction.current
    if score is None:
        return []
    if score.drivers is not None:
        found: list[dict[str, Any]] = score.drivers
        return found
    try:
        model = model_at(score.model_version_id)
    except Unavailable:
        return []
    inputs = Inputs.from_json(score.inputs)
    facts = CompanyFacts(prediction.company.symbol)
    request = ScoreRequest(facts, prediction.fiscal_year, prediction.fiscal_quarter, inputs)
    return score_requests(prediction.kind, [request], model=model)[0].drivers or []

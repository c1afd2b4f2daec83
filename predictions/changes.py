"""The bridge between two scores of a company: what moved the PD, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from predictions.models import Prediction, Score
from predictions.registry.selectors import ActiveModel, active_model, model_at
from predictions.services.scoring import Inputs, engine_kind, frames
from tenants.kernel.errors import Conflict, InvalidInput, Unavailable

if TYPE_CHECKING:
    from ml.change import Change, Side


@dataclass(frozen=True, slots=True)
class Bridge:
    """Two scores and what lies between them."""

    old: Score
    new: Score
    change: Change


def bridge(prediction: Prediction, *, old_id: UUID | None = None, new_id: UUID | None = None) -> Bridge:
    """The bridge from one score to another of the same company and kind, by default to the current one.

    Without `old_id` it begins at the score before, or where there is none at the company's current score of
    the period before. Raises InvalidInput for a score that is none of theirs, Conflict where there is nothing
    to begin from.
    """
    new = _score(prediction, new_id, "/to") if new_id else prediction.current
    if new is None:
        raise Conflict("This prediction has no score.", code="nothing_to_compare")
    old = _score(prediction, old_id, "/from") if old_id else _before(prediction, new)
    if old is None:
        raise Conflict("There is no earlier score to compare with.", code="nothing_to_compare")
    return bridge_between(prediction, old=old, new=new)


def bridge_between(prediction: Prediction, *, old: Score, new: Score) -> Bridge:
    """The bridge between two scores of the company and kind of the prediction."""
    # The score library takes more than a second to import: only who asks for a bridge waits for it.
    from ml.change import change

    model = _model(new, old)
    kind = engine_kind(prediction.kind)
    found = change(model.engine, kind=kind, old=_side(old, model), new=_side(new, model))
    return Bridge(old, new, found)


def _model(*scores: Score) -> ActiveModel:
    """The version that made the first of the scores it can be had for, else the one that scores now."""
    for score in scores:
        try:
            model = model_at(score.model_version_id)
        except Unavailable:
            continue
        if model.sha256 == score.model_sha256:
            return model
    return active_model()


def _score(prediction: Prediction, score_id: UUID, pointer: str) -> Score:
    rows = Score.objects.filter(
        prediction__company_id=prediction.company_id, prediction__kind=prediction.kind
    ).select_related("prediction")
    found: Score | None = rows.filter(id=score_id).first()
    if found is None:
        detail = "There is no such score of this company."
        raise InvalidInput(errors=[{"pointer": pointer, "code": "unknown_score", "detail": detail}])
    return found


def _before(prediction: Prediction, new: Score) -> Score | None:
    found: Score | None = (
        Score.objects.filter(prediction_id=new.prediction_id, id__lt=new.id)
        .select_related("prediction")
        .order_by("-id")
        .first()
    )
    if found is not None:
        return found
    rows = Prediction.objects.filter(
        company_id=prediction.company_id, kind=prediction.kind, current__isnull=False
    )
    this = (prediction.fiscal_year, prediction.fiscal_quarter or 0)
    heads = rows.filter(fiscal_year__lte=this[0]).select_related("current").order_by(
        "-fiscal_year", "-fiscal_quarter"
    )  # fmt: skip
    for head in heads[:8]:
        if (head.fiscal_year, head.fiscal_quarter or 0) < this:
            earlier: Score | None = head.current
            if earlier is not None:
                earlier.prediction = head
            return earlier
    return None


def _side(score: Score, model: ActiveModel) -> Side:
    from ml.change import Side

    frame, history = frames([Inputs.from_json(score.inputs)])
    same = score.model_sha256 == model.sha256
    return Side(frame, history, score.shape, score.pd, score.pd_raw, same_model=same)

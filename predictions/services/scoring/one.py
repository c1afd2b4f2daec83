"""One company: its prediction made, scored again, and removed."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from companies.models import Company
from companies.services import companies_ensure
from predictions.models import Prediction
from predictions.registry.selectors import active_model
from predictions.services.scoring.drafts import ScoreDraft, ScoreRequest, score_requests
from predictions.services.scoring.storing import already_there, store
from tenants.kernel import audit
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.request import Actor


@transaction.atomic
def prediction_create(
    *, kind: str, request: ScoreRequest, organization_id: UUID, only_own: bool = False, actor: Actor
) -> Prediction:
    """Score one company for one period and keep it. Raises Conflict where the period is there already."""
    model = active_model()
    draft = _scorable(score_requests(kind, [request], model=model)[0])
    stored = store(
        kind,
        [draft],
        organization_id=organization_id,
        model=model,
        existing="refuse",
        only_own=only_own,
        actor=actor,
    )
    prediction = _fresh(stored.prediction_ids[0])
    changes = {"pd": draft.pd, "risk_level": draft.risk_level, "model": model.version}
    audit.record("predictions.prediction.created", on=prediction, changes=changes, actor=actor)
    return prediction


@transaction.atomic
def prediction_rescore(
    *,
    prediction: Prediction,
    request: ScoreRequest,
    only_own: bool = False,
    expected: Precondition = ANY_STATE,
    actor: Actor,
) -> Prediction:
    """Append a score with new inputs; company and period may change if nothing else stands there.

    Raises Conflict in the client's words where another prediction has that company and period, Stale where
    somebody has scored it since the caller read it.
    """
    model = active_model()
    organization_id = prediction.organization_id
    draft = _scorable(score_requests(prediction.kind, [request], model=model)[0])
    companies = companies_ensure(
        facts=[request.company], organization_id=organization_id, only_own=only_own, actor=actor
    )
    company = companies[request.company.symbol]
    rows = Prediction.objects.select_for_update(of=("self",)).select_related("company")
    locked = rows.filter(id=prediction.id).first()
    if locked is None:  # its company was deleted since the caller read it
        raise Absent()
    expected.check(locked)
    before = {"pd": locked.pd, "risk_level": locked.risk_level}
    moved = [_described(locked)]
    place = {"company": company, "fiscal_year": request.fiscal_year, "fiscal_quarter": request.fiscal_quarter}
    if Prediction.objects.filter(kind=locked.kind, **place).exclude(id=locked.id).exists():
        raise Conflict(already_there(locked.kind, request), code="duplicate_prediction")
    for name, value in place.items():
        setattr(locked, name, value)
    locked.quarter_label = request.quarter_label
    locked.save(update_fields=[*place, "quarter_label"])
    store(
        locked.kind,
        [draft],
        organization_id=organization_id,
        model=model,
        only_own=only_own,
        actor=actor,
    )
    changes = {name: [old, getattr(draft, name)] for name, old in before.items()}
    moved.append(_described(locked))
    if moved[0] != moved[1]:
        changes["about"] = moved
    audit.record("predictions.prediction.rescored", on=locked, changes=changes, actor=actor)
    return _fresh(locked.id)


def _described(prediction: Prediction) -> str:
    return f"{prediction.company.symbol} {prediction}"


@transaction.atomic
def prediction_delete(*, prediction: Prediction, expected: Precondition = ANY_STATE, actor: Actor) -> None:
    """Remove a prediction with its scores; the audit log keeps that it was there.

    Raises Stale where somebody has scored it since the caller read it, Absent where it is gone.
    """
    # Every writer of heads locks the company first: nobody appends a score while this goes.
    company = Company.objects.select_for_update(no_key=True).get(id=prediction.company_id)
    locked = Prediction.objects.select_for_update(of=("self",)).filter(id=prediction.id).first()
    if locked is None:
        raise Absent()
    expected.check(locked)
    changes = {"company": str(company), "pd": locked.pd, "risk_level": locked.risk_level}
    audit.record("predictions.prediction.deleted", on=locked, changes=changes, actor=actor)
    locked.delete()


def _scorable(draft: ScoreDraft) -> ScoreDraft:
    if draft.pd is None:
        raise Conflict("There is nothing to score on in these inputs.", code="no_inputs")
    return draft


def _fresh(prediction_id: UUID) -> Prediction:
    row: Prediction = Prediction.objects.select_related("company", "current").get(id=prediction_id)
    return row

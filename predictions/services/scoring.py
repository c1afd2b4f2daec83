"""Scoring: from inputs to stored heads and immutable scores, in sets of any size.

One company, a chunk of a file and a thousand statements take the same way:
``score_requests`` computes, ``store`` writes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils import timezone

from companies.models import Company
from companies.services import CompanyFacts, companies_ensure
from ml.categories import Cutoffs, categorise
from ml.features import ANNUAL_RATIOS, QUARTERLY_RATIOS
from ml.hashing import input_hash
from predictions.grading import master_scale, pd_floor
from predictions.models import Prediction, PredictionKind, Score
from predictions.registry.selectors import ActiveModel, active_model, in_use
from tenants.kernel import audit
from tenants.kernel.context import current_tenant
from tenants.kernel.copying import copy_rows, update_rows
from tenants.kernel.errors import Absent, Conflict
from tenants.kernel.etags import ANY_STATE, Precondition
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

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
    """Score the requests with one call of the engine, by the cut-offs of the current tenant."""
    if not requests:
        return []
    frame, history = frames([request.inputs for request in requests])
    age = timezone.now().year - np.array([request.fiscal_year for request in requests], dtype=np.float64)
    scores = model.engine.score(
        frame, kind=engine_kind(kind), history=history, drivers=drivers, floor=pd_floor(), age=age
    )
    cutoffs = Cutoffs(*current_tenant().cutoffs)
    usable = ~np.isnan(scores.pd)
    levels = np.full(len(requests), "", dtype="<U8")
    levels[usable] = np.char.upper(categorise(scores.pd[usable], cutoffs))
    members = {name: values.tolist() for name, values in scores.members.items()}
    columns = zip(
        requests,
        scores.shape.tolist(),
        scores.pd.tolist(),
        scores.pd_raw.tolist(),
        levels.tolist(),
        master_scale().assign(scores.pd).tolist(),
        scores.low.tolist(),
        scores.high.tolist(),
        scores.confidence.tolist(),
        scores.confidence_level.tolist(),
        scores.reasons,
        usable.tolist(),
        strict=True,
    )
    scored_drafts = []
    for position, row in enumerate(columns):
        request, shape, pd_, raw, level, grade, low, high, trust, trust_level, why, scored = row
        scored_drafts.append(
            ScoreDraft(
                request=request,
                shape=shape,
                pd=pd_ if scored else None,
                pd_raw=raw if scored else None,
                risk_level=level,
                grade=grade,
                members={name: values[position] for name, values in members.items()} if scored else {},
                low=low if scored else None,
                high=high if scored else None,
                confidence=trust if scored else 0.0,
                confidence_level=trust_level,
                reasons=why,
                drivers=[dict(d) for d in scores.drivers[position]] if drivers and scored else None,
            )
        )
    return scored_drafts


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


@dataclass(frozen=True, slots=True)
class Stored:
    """What a set of scores left in the database."""

    drafts: list[ScoreDraft]
    prediction_ids: list[UUID]
    refused: list[ScoreDraft]
    """Drafts that would have changed what somebody else created, with ``only_own``."""


Existing = Literal["append", "refuse"]


@transaction.atomic
def store(
    kind: str,
    drafts: Sequence[ScoreDraft],
    *,
    organization_id: UUID,
    model: ActiveModel,
    job_id: UUID | None = None,
    existing: Existing = "append",
    only_own: bool = False,
    actor: Actor,
) -> Stored:
    """Write scored drafts: companies where new, heads where new, and one score each.

    Locking the companies first makes every writer of their heads queue. With ``existing="refuse"`` a head
    that is there already raises Conflict in the client's words; with ``only_own`` nothing that somebody
    else created is changed. Drafts must have a PD.
    """
    companies = companies_ensure(
        facts=(d.request.company for d in drafts),
        organization_id=organization_id,
        only_own=only_own,
        actor=actor,
    )
    heads = _heads(kind, list(companies.values()))
    now = timezone.now()
    ids, new_ids = iter(uuid7_batch(len(drafts))), iter(uuid7_batch(len(drafts)))
    taken: list[ScoreDraft] = []
    score_ids, prediction_ids, fresh, moved, refused = [], [], [], [], []
    for draft in drafts:
        request = draft.request
        company = companies[request.company.symbol]
        key = (company.id, request.fiscal_year, request.fiscal_quarter)
        head, owner = heads.get(key, (None, None))
        if head is not None and existing == "append" and only_own and owner != actor.user_id:
            refused.append(draft)
            continue
        score_id = next(ids)
        if head is None:
            head = next(new_ids)
            heads[key] = (head, actor.user_id)
            place = (kind, request.fiscal_year, request.fiscal_quarter, request.quarter_label)
            result = (score_id, draft.pd, draft.risk_level, now, now, actor.user_id)
            fresh.append((head, company.id, *place, *result))
        elif existing == "refuse":
            raise Conflict(
                _already_there(kind, request), code="duplicate_prediction", prediction_id=str(head)
            )
        else:
            moved.append((head, score_id, draft.pd, draft.risk_level, now))
        taken.append(draft)
        score_ids.append(score_id)
        prediction_ids.append(head)
    copy_rows(Prediction, organization_id=organization_id, fields=_HEAD_FIELDS, rows=fresh)
    update_rows(
        Prediction,
        organization_id=organization_id,
        fields=("current", "pd", "risk_level", "updated_at"),
        rows=moved,
    )
    stamp = (model.id, model.sha256, job_id, now, actor.user_id)
    copy_rows(
        Score,
        organization_id=organization_id,
        fields=_SCORE_FIELDS,
        rows=(
            _score_row(draft, score_id, prediction_id, stamp)
            for draft, score_id, prediction_id in zip(taken, score_ids, prediction_ids, strict=True)
        ),
    )
    if score_ids:
        shadow_ask(first=score_ids[0], last=score_ids[-1], actor=actor)
    return Stored(taken, prediction_ids, refused)


def shadow_ask(*, first: UUID, last: UUID, actor: Actor) -> None:
    """Have the challenger, if there is one, score what was just stored: later, after everything urgent.

    Identifiers ascend, so the two ends name the set. A queue that cannot be reached takes nothing away from
    the champion's score.
    """
    if in_use().challenger is not None:
        enqueue(
            "predictions.score_shadow",
            actor=actor,
            queue="score",
            priority=9,
            robust=True,
            first=str(first),
            last=str(last),
        )


_HEAD_FIELDS = (
    *("id", "company", "kind", "fiscal_year", "fiscal_quarter", "quarter_label"),
    *("current", "pd", "risk_level", "created_at", "updated_at", "created_by_id"),
)
_SCORE_FIELDS = (
    *("id", "prediction", "model_version_id", "model_sha256", "job", "created_at", "created_by_id"),
    *("row_number", "input_hash", "shape", "inputs", "pd", "pd_raw", "risk_level", "grade"),
    *("members", "low", "high"),
    *("confidence", "confidence_level", "confidence_reasons", "drivers", "warnings"),
    *("statement", "history_ids"),
)


def _score_row(
    draft: ScoreDraft, score_id: UUID, prediction_id: UUID, stamp: tuple[Any, ...]
) -> tuple[Any, ...]:
    inputs = draft.request.inputs.as_json()
    return (
        score_id,
        prediction_id,
        *stamp,
        draft.request.row_number,
        input_hash(inputs),
        draft.shape,
        json.dumps(inputs),
        draft.pd,
        draft.pd_raw,
        draft.risk_level,
        draft.grade,
        json.dumps(draft.members),
        draft.low,
        draft.high,
        draft.confidence,
        draft.confidence_level,
        json.dumps(draft.reasons),
        json.dumps(draft.drivers) if draft.drivers is not None else None,
        json.dumps(list(draft.request.warnings)),
        draft.request.statement_id,
        list(draft.request.history_ids) if draft.request.history_ids is not None else None,
    )


def _heads(
    kind: str, companies: list[Company]
) -> dict[tuple[UUID, int, int | None], tuple[UUID | None, UUID | None]]:
    """Heads with their creators, by company and period."""
    rows = Prediction.objects.filter(company__in=[c.id for c in companies], kind=kind)
    values = rows.values_list("company_id", "fiscal_year", "fiscal_quarter", "id", "created_by_id")
    return {(company, year, quarter): (head, owner) for company, year, quarter, head, owner in values}


def _already_there(kind: str, request: ScoreRequest) -> str:
    quarter = f"Q{request.fiscal_quarter}" if request.fiscal_quarter else request.quarter_label
    period = f"{request.fiscal_year} {quarter}".strip()
    place = "system" if current_tenant().is_reference else "organization"
    return (
        f"{kind.capitalize()} prediction for {request.company.symbol} in {period} "
        f"already exists in your {place} scope"
    )


# -- one company ------------------------------------------------------------------------------


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
    locked = (
        Prediction.objects.select_for_update(of=("self",)).select_related("company").get(id=prediction.id)
    )
    expected.check(locked)
    before = {"pd": locked.pd, "risk_level": locked.risk_level}
    moved = [_described(locked)]
    place = {"company": company, "fiscal_year": request.fiscal_year, "fiscal_quarter": request.fiscal_quarter}
    if Prediction.objects.filter(kind=locked.kind, **place).exclude(id=locked.id).exists():
        raise Conflict(_already_there(locked.kind, request), code="duplicate_prediction")
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


def money(value: float | None) -> Decimal | None:
    """A float of a file or a request as the tables keep money; NaN is None."""
    if value is None or value != value:
        return None
    return Decimal(repr(float(value))).quantize(Decimal("0.000001"))


def level_counts(drafts: Sequence[ScoreDraft]) -> dict[str, int]:
    """How many scores fell into each risk level."""
    return dict(Counter(draft.risk_level for draft in drafts))

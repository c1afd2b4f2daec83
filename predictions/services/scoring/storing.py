"""Computed scores into the tables: companies and heads where new, and one immutable score each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.models import Company
from companies.services import companies_ensure
from ml.hashing import input_hash
from predictions.models import Prediction, Score
from predictions.registry.selectors import ActiveModel, in_use
from predictions.services.scoring.drafts import ScoreDraft, ScoreRequest
from tenants.kernel.context import current_tenant
from tenants.kernel.copying import copy_rows, update_rows
from tenants.kernel.errors import Conflict
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor


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
            raise Conflict(already_there(kind, request), code="duplicate_prediction", prediction_id=str(head))
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


def already_there(kind: str, request: ScoreRequest) -> str:
    quarter = f"Q{request.fiscal_quarter}" if request.fiscal_quarter else request.quarter_label
    period = f"{request.fiscal_year} {quarter}".strip()
    here = current_tenant()
    place = "system" if here.is_reference else "personal" if here.is_personal else "organization"
    return (
        f"{kind.capitalize()} prediction for {request.company.symbol} in {period} "
        f"already exists in your {place} scope"
    )

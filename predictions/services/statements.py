"""Scoring what stands in the books: each period from the very versions that hold now, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from companies.models import Company, SourceKind, Statement
from companies.services import CompanyFacts
from companies.services.statements import scores_ask
from predictions.models import Prediction, PredictionKind, Score
from predictions.registry.selectors import ActiveModel, active_model
from predictions.services.scoring import Inputs, ScoreRequest, score_requests, store
from predictions.services.statement_inputs import NO_RATE, Asked, asked_of
from tenants.kernel import scope
from tenants.kernel.request import Actor

# Companies that are locked, scored and written in one transaction.
SET_SIZE = 200
# Companies of an organization that one catching-up asks for.
CATCH_UP = 1000
NOTHING_TO_SCORE_ON = "no_inputs"
Trace = tuple[UUID, tuple[UUID, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What scoring a set of companies came to."""

    companies: int = 0
    scored: int = 0
    refused: int = 0
    """Periods that bear no score, each with its reason on the statement."""

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.companies + other.companies, self.scored + other.scored, self.refused + other.refused
        )


def statements_score(*, organization_id: UUID, actor: Actor) -> int:
    """Bring the scores of all companies of the organization up to date; tells how many scores were made."""
    symbols = Company.objects.filter(organization_id=organization_id).order_by("symbol")
    ids = list(symbols.values_list("id", flat=True))
    done = Outcome()
    for start in range(0, len(ids), SET_SIZE):
        done += companies_score(
            company_ids=ids[start : start + SET_SIZE], organization_id=organization_id, actor=actor
        )
    return done.scored


@transaction.atomic
def companies_score(
    *,
    company_ids: Sequence[UUID],
    organization_id: UUID,
    model: ActiveModel | None = None,
    anew: bool = False,
    actor: Actor,
) -> Outcome:
    """Score every period of the companies whose versions, or those of its history, bear no score yet.

    So a restated year is scored anew, and so are the years after it that look back at it; running it twice
    adds nothing. A score that somebody made from other inputs stays the current one until the books change.
    With ``anew`` a score by another version of the model does not count: earlier scores stay in the history.
    Companies are locked in the order of their symbols until the scores are written, so that two runs queue.
    """
    model = model or active_model()
    rows = Company.objects.filter(organization_id=organization_id, id__in=list(company_ids))
    companies = list(rows.order_by("symbol").select_for_update(no_key=True))
    statements = Statement.objects.filter(company__in=[c.id for c in companies], current=True)
    asked = asked_of(companies, statements)
    known = _scored_traces(companies, model.sha256 if anew else None)
    by_hand = {
        (head.company_id, head.kind, head.fiscal_year, head.fiscal_quarter): head
        for head in _by_hand(companies)
    }
    todo = [
        one
        for one in asked
        if one.trace not in known and not one.refusal and not _overruled(one, by_hand.get(_place(one)))
    ]
    taken = {_place(one) for one in todo}
    # What somebody scored from other inputs stays so: it is those inputs that are scored again.
    repeated = [
        head
        for place, head in by_hand.items()
        if anew and place not in taken and head.current.model_sha256 != model.sha256  # type: ignore[union-attr]
    ]
    refusals = {one.statement.id: one.refusal for one in asked if one.refusal}
    scored = 0
    for kind in PredictionKind.values:
        mine = [one for one in todo if one.kind == kind]
        drafts = score_requests(kind, [one.request() for one in mine], model=model, drivers=0)
        again = [_request_again(head) for head in repeated if head.kind == kind]
        scorable = [
            draft for draft in score_requests(kind, again, model=model, drivers=0) if draft.pd is not None
        ]
        for one, draft in zip(mine, drafts, strict=True):
            if draft.pd is None:
                refusals[one.statement.id] = NOTHING_TO_SCORE_ON
            else:
                scorable.append(draft)
        if scorable:
            store(kind, scorable, organization_id=organization_id, model=model, actor=actor)
            scored += len(scorable)
    _mark(asked, refusals)
    return Outcome(len(companies), scored, len(refusals))


def _scored_traces(companies: Sequence[Company], sha256: str | None) -> set[Trace]:
    """The versions that the latest score from the books of each prediction rests on."""
    scores = Score.objects.filter(
        prediction__company__in=[company.id for company in companies], statement__isnull=False
    )
    latest = scores.order_by("prediction_id", "-id").distinct("prediction_id")
    return {
        (statement, tuple(history or ()))
        for statement, history, sha in latest.values_list("statement_id", "history_ids", "model_sha256")
        if sha256 in {None, sha}
    }


def scores_catch_up(*, actor: Actor) -> int:
    """Have companies scored whose books say what no score rests on: a message was lost, or a rate has come.

    Over the organizations of the active scope; tells for how many companies it asked, a thousand at a time
    of each organization.
    """
    resting = Score.objects.filter(statement=OuterRef("pk"))
    rows = Statement.objects.filter(current=True, company__deleted_at=None).exclude(
        source_kind=SourceKind.DERIVED
    )
    # What has nothing to be scored on stays so until it is restated.
    open_ = rows.filter(unscored__in=["", NO_RATE]).filter(~Exists(resting))
    asked = 0
    organizations = open_.order_by().values_list("organization_id", flat=True).distinct()
    for organization_id in list(organizations):
        mine = open_.filter(organization_id=organization_id).order_by()
        ids = list(mine.values_list("company_id", flat=True).distinct()[:CATCH_UP])
        with scope.organizations({organization_id}, reason="scores that are missing"), transaction.atomic():
            scores_ask(ids, organization_id=organization_id, actor=actor)
        asked += len(ids)
    return asked


def _place(one: Asked) -> tuple[UUID, str, int, int | None]:
    return (one.company.id, one.kind, one.statement.fiscal_year, one.statement.fiscal_quarter)


def _overruled(one: Asked, head: Prediction | None) -> bool:
    """Whether somebody scored the period from other inputs after the books had last changed."""
    if head is None or head.current is None:
        return False
    changed = max(row.created_at for row in (one.statement, *one.history))
    return bool(head.current.created_at >= changed)


def _by_hand(companies: Sequence[Company]) -> list[Prediction]:
    """Predictions whose current score is from inputs in no statement."""
    heads = Prediction.objects.filter(
        company__in=[company.id for company in companies],
        current__isnull=False,
        current__statement__isnull=True,
    )
    return list(heads.select_related("company", "current"))


def _request_again(head: Prediction) -> ScoreRequest:
    """The inputs of a prediction's current score, to be scored again."""
    score = head.current
    assert score is not None  # noqa: S101 - chosen by it
    return ScoreRequest(
        company=CompanyFacts(head.company.symbol),
        fiscal_year=head.fiscal_year,
        fiscal_quarter=head.fiscal_quarter,
        inputs=Inputs.from_json(score.inputs),
        quarter_label=head.quarter_label,
        warnings=tuple(score.warnings),
    )


def _mark(asked: Sequence[Asked], refusals: dict[UUID, str]) -> None:
    """Say on each statement why it bears no score, and no longer where it bears one."""
    moved: dict[str, list[UUID]] = {}
    for one in asked:
        reason = refusals.get(one.statement.id, "")
        if one.statement.unscored != reason:
            moved.setdefault(reason, []).append(one.statement.id)
    for reason, ids in moved.items():
        Statement.objects.filter(id__in=ids).update(unscored=reason)

"""Scoring what stands in the books: statements that have no prediction yet."""

from __future__ import annotations

from uuid import UUID

from companies.models import Statement
from companies.services import CompanyFacts
from predictions.models import Prediction, PredictionKind
from predictions.registry.selectors import ActiveModel, active_model
from predictions.services.scoring import Inputs, ScoreRequest, score_requests, store
from tenants.kernel.request import Actor

# Scores that are written in one transaction.
SET_SIZE = 2_000


def statements_score(*, organization_id: UUID, actor: Actor) -> int:
    """Score every statement of the organization that has no prediction yet; tells how many.

    Earlier statements of the same company serve as its history.
    """
    model = active_model()
    return sum(_score_statements(kind, organization_id, model, actor) for kind in PredictionKind.values)


def _score_statements(kind: str, organization_id: UUID, model: ActiveModel, actor: Actor) -> int:
    rows = Statement.objects.filter(organization_id=organization_id, kind=kind, current=True).select_related(
        "company"
    )
    by_company: dict[UUID, list[Statement]] = {}
    for statement in rows.order_by("company_id", "-fiscal_year", "-fiscal_quarter"):
        by_company.setdefault(statement.company_id, []).append(statement)
    there = {
        key
        for key in Prediction.objects.filter(organization_id=organization_id, kind=kind).values_list(
            "company_id", "fiscal_year", "fiscal_quarter"
        )
    }
    requests = [
        _statement_request(statement, statements[position + 1 :])
        for statements in by_company.values()
        for position, statement in enumerate(statements)
        if (statement.company_id, statement.fiscal_year, statement.fiscal_quarter) not in there
    ]
    done = 0
    for start in range(0, len(requests), SET_SIZE):
        drafts = score_requests(kind, requests[start : start + SET_SIZE], model=model, drivers=0)
        scorable = [draft for draft in drafts if draft.pd is not None]
        store(kind, scorable, organization_id=organization_id, model=model, actor=actor)
        done += len(scorable)
    return done


def _statement_request(statement: Statement, earlier: list[Statement]) -> ScoreRequest:
    company = statement.company
    facts = CompanyFacts(company.symbol, company.name, company.sector, company.market_cap, company.currency)
    inputs = Inputs(statement=statement.amounts(), prior=_history(statement, earlier))
    return ScoreRequest(facts, statement.fiscal_year, statement.fiscal_quarter, inputs)


def _history(statement: Statement, earlier: list[Statement]) -> tuple[dict[str, float], ...]:
    """Earlier periods at their distance: a gap stays a gap."""

    def ordinal(row: Statement) -> int:
        return row.fiscal_year * 4 + row.fiscal_quarter - 1 if row.fiscal_quarter else row.fiscal_year

    at = {ordinal(statement) - ordinal(row): row.amounts() for row in earlier}
    return tuple(at.get(back, {}) for back in range(1, max(at, default=0) + 1))

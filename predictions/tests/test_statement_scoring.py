"""Scores follow the books: each rests on the very versions that hold, and moves when one of them does."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from companies.demo import demo_companies
from companies.fx.services import rates_load
from companies.models import Company, PeriodKind, SourceKind, Statement
from companies.services import StatementDraft, statement_delete, statements_record
from predictions.models import Prediction, Score
from predictions.services import statements
from predictions.services.scoring import prediction_rescore
from predictions.services.statements import companies_score
from tenants.kernel.request import Actor
from tests import factories

pytestmark = pytest.mark.django_db
ACTOR = Actor(None, "test")
MADE = next(iter(demo_companies(1, last_year=2024)))


@pytest.fixture
def company(world):
    with world.within("alpha", "one"):
        organization = Company.objects.first().organization
        yield factories.CompanyFactory(organization=organization, symbol="BOOKS")


def drafts(company, kind="annual", **changes):
    return [
        StatementDraft(
            company_id=company.id,
            kind=PeriodKind(s.kind),
            fiscal_year=s.fiscal_year,
            fiscal_quarter=s.fiscal_quarter,
            amounts=s.amounts,
            source="demo",
            **changes,
        )
        for s in MADE.statements
        if s.kind == kind
    ]


def record(company, rows):
    found = statements_record(drafts=rows, organization_id=company.organization_id, actor=ACTOR)
    assert not [r.errors for r in found if r.errors]
    return [r.statement for r in found]


def score(company, **options):
    return companies_score(
        company_ids=[company.id], organization_id=company.organization_id, actor=ACTOR, **options
    )


def head(company, year, quarter=None):
    return Prediction.objects.select_related("current").get(
        company=company, fiscal_year=year, fiscal_quarter=quarter
    )


def raised(draft, factor):
    return replace(
        draft,
        amounts={
            **draft.amounts,
            "net_sales": draft.amounts["net_sales"] * Decimal(factor),
            "inventory": draft.amounts.get("inventory", Decimal(1)) * Decimal(factor),
        },
    )


def test_every_year_is_scored_once_from_its_versions(company):
    rows = {row.fiscal_year: row for row in record(company, drafts(company))}
    assert score(company).scored == 5
    current = head(company, 2024).current
    assert current.statement_id == rows[2024].id
    assert current.history_ids == [rows[year].id for year in (2023, 2022, 2021, 2020)]
    assert score(company).scored == 0
    assert Score.objects.filter(prediction__company=company).count() == 5


def test_a_restated_year_moves_the_years_after_it_too(company):
    rows = drafts(company)
    record(company, rows)
    score(company)
    before = {year: head(company, year).current for year in range(2020, 2025)}
    amended = record(company, [raised(next(d for d in rows if d.fiscal_year == 2022), "0.8")])[0]
    assert amended.version == 2
    assert score(company).scored == 3
    now = {year: head(company, year).current for year in range(2020, 2025)}
    assert [year for year in now if now[year].id != before[year].id] == [2022, 2023, 2024]
    assert now[2022].statement_id == amended.id
    assert amended.id in now[2024].history_ids
    assert before[2022].statement.version == 1
    assert now[2022].pd != before[2022].pd


def test_a_deleted_mistake_brings_the_version_before_back(company):
    rows = drafts(company)
    first = {row.fiscal_year: row for row in record(company, rows)}
    score(company)
    pd_ = head(company, 2024).current.pd
    wrong = record(company, [raised(rows[-1], "0.8")])[0]
    score(company)
    left = statement_delete(statement=wrong, reason="typed twice", actor=ACTOR)
    assert left.id == first[2024].id
    score(company)
    current = head(company, 2024).current
    assert (current.statement_id, current.pd) == (first[2024].id, pd_)
    assert not Statement.objects.filter(id=wrong.id).exists()
    gone = Statement.all_objects.get(id=wrong.id)
    assert (gone.delete_reason, gone.current) == ("typed twice", False)


def test_another_currency_needs_a_rate_and_keeps_it(company):
    last = drafts(company, currency="EUR", period_end=None)[-1]
    row = record(company, [last])[0]
    found = score(company)
    assert (found.scored, found.refused) == (0, 1)
    row.refresh_from_db()
    assert row.unscored == "currency_not_convertible"
    text = "currency,date,usd_per_unit\nEUR,2024-12-30,1.25\n"
    rates_load(text=text, source="test bank", actor=ACTOR)
    assert score(company).scored == 1
    row.refresh_from_db()
    assert row.unscored == ""
    inputs = head(company, 2024).current.inputs
    assert inputs["fx"] == {
        "currency": "EUR", "usd_per_unit": 1.25, "on": "2024-12-30", "source": "test bank",
    }  # fmt: skip
    assert inputs["statement"]["total_assets"] == pytest.approx(float(row.total_assets) * 1.25)


def test_trailing_months_follow_their_quarters(company):
    rows = record(company, drafts(company, "quarterly"))
    trailing = Statement.objects.filter(company=company, kind=PeriodKind.TRAILING).order_by("fiscal_year")
    places = trailing.order_by("fiscal_year", "fiscal_quarter").values_list("fiscal_year", "fiscal_quarter")
    assert list(places) == [(2023, 4), (2024, 1), (2024, 2), (2024, 3), (2024, 4)]
    last = trailing.get(fiscal_year=2024, fiscal_quarter=4)
    year = next(s for s in MADE.statements if s.kind == "annual" and s.fiscal_year == 2024)
    assert last.source_kind == SourceKind.DERIVED
    assert last.net_sales == year.amounts["net_sales"]
    assert last.total_assets == year.amounts["total_assets"]
    assert last.source_ref["statements"] == [str(row.id) for row in reversed(rows[-4:])]
    third = next(d for d in drafts(company, "quarterly") if (d.fiscal_year, d.fiscal_quarter) == (2024, 3))
    amended = record(company, [raised(third, "0.9")])[0]
    again = trailing.get(fiscal_year=2024, fiscal_quarter=4, current=True)
    assert again.version == 2
    assert str(amended.id) in again.source_ref["statements"]
    assert again.net_sales < last.net_sales
    # Three periods look at the quarter, and a quarter gone takes what needs it along.
    statement_delete(statement=Statement.objects.get(id=rows[0].id), reason="mistake", actor=ACTOR)
    assert not trailing.filter(fiscal_year=2023, fiscal_quarter=4).exists()


def test_a_reported_trailing_year_scores_where_quarters_are_missing(company):
    year = drafts(company)[-1]
    ttm = replace(year, kind=PeriodKind.TRAILING, fiscal_quarter=4, months=12, period_end=date(2024, 12, 31))
    row = record(company, [ttm, year])[0]
    assert score(company).scored == 2
    quarter, annual_head = head(company, 2024, 4).current, head(company, 2024).current
    assert quarter.statement_id == row.id
    assert "single_quarter_annualised" not in quarter.confidence_reasons
    assert quarter.pd_raw == pytest.approx(annual_head.pd_raw, rel=1e-6)


def test_what_a_lost_message_left_is_caught_up(company, monkeypatch):
    asked = []
    monkeypatch.setattr(statements, "scores_ask", lambda ids, **_: asked.extend(ids))
    record(company, drafts(company)[-1:])
    statements.scores_catch_up(actor=ACTOR)
    assert company.id in asked
    asked.clear()
    score(company)
    statements.scores_catch_up(actor=ACTOR)
    assert company.id not in asked


def test_what_somebody_scored_by_hand_stays_until_the_books_change(company):
    from companies.services import CompanyFacts
    from predictions.services.scoring import Inputs, ScoreRequest

    rows = drafts(company)
    record(company, rows)
    score(company)
    request = ScoreRequest(
        CompanyFacts("BOOKS"), 2024, None, Inputs(ratios={"return_on_assets": 2.0, "net_income_margin": 3.0})
    )
    prediction_rescore(prediction=head(company, 2024), request=request, actor=ACTOR)
    assert head(company, 2024).current.statement_id is None
    assert score(company).scored == 0
    assert head(company, 2024).current.statement_id is None
    record(company, [raised(rows[-1], "0.9")])
    assert score(company).scored == 1
    assert head(company, 2024).current.statement_id is not None

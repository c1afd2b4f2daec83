"""Statements with committed rows: two who restate at once, and a worker that scores what was entered."""

import pytest

from companies.models import Company, Statement
from companies.services import companies_ensure
from companies.services.companies import CompanyFacts
from predictions.models import Prediction, Score
from tenants.kernel.request import SYSTEM
from tests.concurrency.test_refresh import in_parallel
from tests.fixtures import OwnTenant
from tests.worker import Worker, wait_until

ADDRESS = "/api/v1/statements"
BOOKS = {
    "total_assets": 1000, "current_assets": 400, "total_liabilities": 600, "total_current_liabilities": 250,
    "total_equity": 400, "net_sales": 900, "cost_of_goods_sold": 500, "gross_profit": 400, "ebit": 100,
    "net_income": 60,
}  # fmt: skip


@pytest.fixture
def company(own_tenant: OwnTenant) -> Company:
    with own_tenant.within():
        facts = [CompanyFacts("RACED", "Raced Inc.")]
        made = companies_ensure(facts=facts, organization_id=own_tenant.organization_id, actor=SYSTEM)
        return made["RACED"]


def enter(own_tenant: OwnTenant, year: int, **changes):
    body = {
        "company_symbol": "RACED",
        "fiscal_year": year,
        "unit": "millions",
        "amounts": {**BOOKS, **changes},
    }
    return own_tenant.client.post(ADDRESS, body, format="json")


def test_of_two_restatements_at_once_one_wins_and_nothing_is_lost(own_tenant: OwnTenant, company: Company):
    first = enter(own_tenant, 2024).json()

    def restate(number: int):
        amounts = {**BOOKS, "ebit": 100 + number}
        # Threads share no client.
        client = own_tenant.client.__class__(headers={"host": f"{own_tenant.mark}.test"})
        client.credentials(**own_tenant.client._credentials)
        answer = client.post(f"{ADDRESS}/{first['id']}/restate", {"amounts": amounts}, format="json")
        return answer.status_code, answer.json().get("code")

    answers = sorted(in_parallel(3, lambda n: restate(n + 1)), key=str)
    assert answers == [(201, None), (409, "not_the_current_version"), (409, "not_the_current_version")]
    with own_tenant.within():
        rows = Statement.objects.filter(company=company).order_by("version")
        assert [(r.version, r.current) for r in rows] == [(1, False), (2, True)]


@pytest.mark.worker
def test_a_statement_is_scored_by_itself_and_so_are_its_neighbours(
    own_tenant: OwnTenant, company: Company, worker: Worker
):
    made = {year: enter(own_tenant, year, net_sales=700 + year % 100 * 10, gross_profit=200 + year % 100 * 10)
            for year in (2022, 2023)}  # fmt: skip
    assert {answer.status_code for answer in made.values()} == {201}

    def scored() -> bool:
        with own_tenant.within():
            return Prediction.objects.filter(company=company, current__isnull=False).count() == 2

    wait_until(scored, "the scores of both years")

    def traced() -> bool:
        with own_tenant.within():
            head = Prediction.objects.select_related("current").get(company=company, fiscal_year=2023)
            return [str(i) for i in head.current.history_ids] == [made[2022].json()["id"]]

    wait_until(traced, "2023 to look back at 2022")
    amended = own_tenant.client.post(
        f"{ADDRESS}/{made[2022].json()['id']}/restate", {"amounts": {**BOOKS, "ebit": 20}}, format="json"
    )
    assert amended.status_code == 201, amended.json()

    def moved() -> bool:
        with own_tenant.within():
            heads = Prediction.objects.filter(company=company).select_related("current")
            now = {head.fiscal_year: head.current for head in heads}
        ids = [str(i) for i in now[2023].history_ids]
        return str(now[2022].statement_id) == amended.json()["id"] and ids == [amended.json()["id"]]

    wait_until(moved, "both years to follow the restatement")
    with own_tenant.within():
        assert Score.objects.filter(prediction__company=company).count() >= 4

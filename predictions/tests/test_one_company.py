"""Scoring one company over HTTP."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company
from organizations.models import AuditEvent, Organization
from predictions.models import Prediction, Score, ScoringJob
from predictions.registry.selectors import active_model
from tests.factories import PredictionFactory
from tests.fixtures import World

ANNUAL = {
    "company_symbol": "acme",
    "company_name": "Acme Inc.",
    "sector": "Technology",
    "market_cap": 1200.5,
    "reporting_year": "2024",
    "reporting_quarter": "Q1",
    "long_term_debt_to_total_capital": 31.2,
    "total_debt_to_ebitda": 2.1,
    "net_income_margin": 8.0,
    "ebit_to_interest_expense": 7.0,
    "return_on_assets": 5.0,
}
QUARTERLY = {
    "company_symbol": "ACME",
    "reporting_year": 2024,
    "reporting_quarter": "Q2",
    "long_term_debt_to_total_capital": 31.2,
    "total_debt_to_ebitda": 2.1,
    "sga_margin": 20.0,
    "return_on_capital": 9.0,
}
HEALTHY = {
    "current_assets": 500,
    "inventory": 100,
    "total_receivables": 120,
    "total_assets": 1000,
    "total_current_liabilities": 150,
    "total_long_term_debt": 50,
    "total_liabilities": 250,
    "retained_earnings": 500,
    "net_sales": 1200,
    "cost_of_goods_sold": 700,
    "total_operating_expenses": 950,
    "ebitda": 250,
    "depreciation_amortization": 40,
    "ebit": 210,
    "net_income": 140,
}
FAILING = HEALTHY | {
    "total_assets": 700,
    "current_assets": 100,
    "total_current_liabilities": 1000,
    "total_long_term_debt": 90,
    "total_liabilities": 1100,
    "retained_earnings": -900,
    "net_sales": 300,
    "cost_of_goods_sold": 310,
    "total_operating_expenses": 420,
    "ebitda": -120,
    "ebit": -160,
    "net_income": -260,
}


def post(client, kind, body, **extra):
    return client.post(f"/api/v1/predictions/{kind}", body, format="json", **extra)


def test_annual_answer_is_flat_complete_and_in_the_stated_units(people: World):
    answer = post(people.client(Role.ANALYST), "annual", ANNUAL)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["company_symbol"] == "ACME"
    assert (body["reporting_year"], body["reporting_quarter"], body["market_cap"]) == ("2024", "Q1", 1200.5)
    assert 0 < body["probability_low"] < body["probability"] < body["probability_high"] < 1
    assert body["risk_level"] == "LOW"
    for member in ("logistic_probability", "gbm_probability", "random_forest_probability"):
        assert 0 < body[member] < 1
    assert body["ensemble_probability"] == body["probability"]
    assert body["return_on_assets"] == 5.0
    assert body["confidence_level"] in {"low", "medium", "high"}
    assert "ratio_only" in body["confidence_reasons"]
    assert body["drivers"][0]["text"]
    assert body["model_sha256"] == active_model().sha256
    assert body["access_level"] == "organization"
    assert body["created_by_email"] == people.user(Role.ANALYST).email
    assert body["created_at"].endswith("Z")


def test_quarterly_is_scored_and_keyed_by_its_quarter(people: World):
    client = people.client(Role.ANALYST)
    assert post(client, "quarterly", QUARTERLY).status_code == 201
    assert post(client, "quarterly", {**QUARTERLY, "reporting_quarter": "Q3"}).status_code == 201
    again = post(client, "quarterly", QUARTERLY)
    assert again.status_code == 409
    assert again.json()["detail"] == (
        "Quarterly prediction for ACME in 2024 Q2 already exists in your organization scope"
    )


def test_the_annual_key_is_the_year_and_the_quarter_a_label(people: World):
    client = people.client(Role.ANALYST)
    post(client, "annual", ANNUAL)
    again = post(client, "annual", {**ANNUAL, "reporting_quarter": "Q3"})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_prediction")


def test_line_items_reach_every_category_and_rank_sensibly(people: World):
    client = people.client(Role.ANALYST)
    found = {}
    for name, statement in (("GOOD", HEALTHY), ("BAD", FAILING)):
        body = {"company_symbol": name, "reporting_year": 2024, "statement": statement, "prior": [HEALTHY]}
        found[name] = post(client, "annual", body).json()
    assert found["GOOD"]["risk_level"] == "LOW"
    assert found["BAD"]["risk_level"] in {"HIGH", "CRITICAL"}
    assert found["BAD"]["probability"] > 10 * found["GOOD"]["probability"]
    assert found["GOOD"]["input_shape"] == "statement"


def test_units_and_currency_change_nothing_but_the_size(people: World):
    client = people.client(Role.ANALYST)
    thousands = {name: value * 1000 for name, value in HEALTHY.items()}
    bodies = [
        {"company_symbol": "A1", "statement": HEALTHY},
        {"company_symbol": "A2", "statement": thousands, "unit": "thousands"},
        {"company_symbol": "A3", "statement": HEALTHY, "currency": "EUR", "fx_to_usd": 1.0},
    ]
    answers = [post(client, "annual", {**b, "reporting_year": 2024}).json()["probability"] for b in bodies]
    assert len(set(answers)) == 1
    refused = post(
        client,
        "annual",
        {"company_symbol": "A4", "reporting_year": 2024, "statement": HEALTHY, "currency": "EUR"},
    )
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/fx_to_usd"


def test_earlier_statements_serve_as_history(people: World):
    body = {"company_symbol": "HIST", "reporting_year": 2024, "statement": HEALTHY}
    alone = post(people.client(Role.ANALYST), "annual", body).json()
    known = post(
        people.client(Role.ANALYST), "annual", {**body, "company_symbol": "HIST2", "prior": [HEALTHY]}
    ).json()
    assert "no_prior_year" in alone["confidence_reasons"]
    assert "no_prior_year" not in known["confidence_reasons"]
    assert known["confidence"] > alone["confidence"]


def test_missing_is_missing(people: World):
    body = {k: v for k, v in ANNUAL.items() if k not in {"return_on_assets", "net_income_margin"}}
    answer = post(people.client(Role.ANALYST), "annual", {**body, "net_income_margin": None}).json()
    assert answer["return_on_assets"] is None
    assert set(answer["missing_inputs"]) == {"return_on_assets", "net_income_margin"}
    with people.within("alpha", "one"):
        assert "return_on_assets" not in Score.objects.latest("id").inputs["ratios"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"return_on_assets": 100_000_000}, "/return_on_assets"),
        ({"return_on_assets": "much"}, "/return_on_assets"),
        ({"reporting_year": "20244"}, "/reporting_year"),
        ({"reporting_quarter": "Q5"}, "/reporting_quarter"),
        ({"company_symbol": "=cmd()"}, "/company_symbol"),
        ({"company_symbol": ""}, "/company_symbol"),
        ({"market_cap": -1}, "/market_cap"),
        ({"currency": "dollars"}, "/currency"),
        ({"statement": {"total_assets": -5}}, "/statement/total_assets"),
        ({"statement": {"magic": 5}}, "/statement/magic"),
        ({"prior": [{"total_assets": 1e30}]}, "/prior/0/total_assets"),
    ],
)
def test_bad_input_names_its_field_and_stores_nothing(people: World, change, pointer):
    answer = post(people.client(Role.ANALYST), "annual", {**ANNUAL, **change})
    assert answer.status_code == 400, answer.content
    body = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert pointer in {e["pointer"] for e in body["errors"]}
    assert len(body["detail"]) <= 100
    with people.within("alpha", "one"):
        assert not Prediction.objects.filter(company__symbol="ACME").exists()


def test_nothing_to_score_is_said(people: World):
    answer = post(people.client(Role.ANALYST), "annual", {"company_symbol": "NIL", "reporting_year": 2024})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "no_inputs"


DEEP = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
HALF = b'{"company_name": "\\ud800", "company_symbol": "X", "reporting_year": 2024, "return_on_assets": 1}'


@pytest.mark.parametrize("body", [b"{", b"[1,2", b'{"a": NaN}', b"\xff\xfe", DEEP, HALF])
def test_unreadable_json_is_a_clear_400(people: World, body):
    answer = people.client(Role.ANALYST).post(
        "/api/v1/predictions/annual", body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["code"] in {"malformed_body", "invalid_input"}


def test_an_absurd_market_cap_is_taken_as_missing_with_a_warning(people: World):
    answer = post(people.client(Role.ANALYST), "annual", {**ANNUAL, "market_cap": 2e7}).json()
    assert answer["market_cap"] is None
    assert answer["warnings"][0]["column"] == "market_cap"


def test_put_appends_a_score_and_keeps_the_history(people: World):
    client = people.client(Role.ANALYST)
    first = post(client, "annual", ANNUAL).json()
    address = f"/api/v1/predictions/annual/{first['id']}"
    worse = client.put(address, {**ANNUAL, "net_income_margin": -60, "return_on_assets": -40}, format="json")
    assert worse.status_code == 200
    assert worse.json()["id"] == first["id"]
    assert worse.json()["probability"] > first["probability"]
    history = client.get(f"{address}/scores").json()
    assert [row["probability"] for row in history["items"]] == [
        worse.json()["probability"],
        first["probability"],
    ]
    with people.within("alpha", "one"):
        event = AuditEvent.objects.get(action="predictions.prediction.rescored")
        assert event.changes["pd"][0] < event.changes["pd"][1]


def test_put_may_move_the_period_but_not_onto_another(people: World):
    client = people.client(Role.ANALYST)
    first = post(client, "annual", ANNUAL).json()
    post(client, "annual", {**ANNUAL, "reporting_year": 2023})
    address = f"/api/v1/predictions/annual/{first['id']}"
    assert client.put(address, {**ANNUAL, "reporting_year": 2022}, format="json").status_code == 200
    collision = client.put(address, {**ANNUAL, "reporting_year": 2023}, format="json")
    assert (collision.status_code, collision.json()["code"]) == (409, "duplicate_prediction")


def test_scores_are_immutable(people: World):
    post(people.client(Role.ANALYST), "annual", ANNUAL)
    with people.within("alpha", "one"):
        score = Score.objects.latest("id")
        score.pd = 0.5
        with pytest.raises(RuntimeError, match="never changed"):
            score.save()


def test_an_idempotency_key_gives_the_same_answer_once(people: World):
    client = people.client(Role.ANALYST)
    key = {"headers": {"Idempotency-Key": "abc-1"}}
    first = post(client, "annual", ANNUAL, **key)
    again = post(client, "annual", ANNUAL, **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    assert json.loads(again.content) == json.loads(first.content)
    other = post(client, "annual", {**ANNUAL, "reporting_year": 2020}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    colleague = post(people.client(Role.OWNER), "annual", {**ANNUAL, "reporting_year": 2019}, **key)
    assert colleague.status_code == 201


def test_the_reference_data_are_read_and_not_mixed(people: World):
    """A super admin's own predictions on the platform's host are everybody's reference data."""
    root = people.client(Role.SUPER_ADMIN)
    organization = _reference_organization(people)
    people.organizations["reference", "one"] = organization
    try:
        platform = people.client(Role.SUPER_ADMIN)
    finally:
        del people.organizations["reference", "one"]
    assert root is not None
    login = platform.post(
        "/api/v1/auth/login",
        {"email": people.user(Role.SUPER_ADMIN).email, "password": "correct-horse-9"},
        headers={"host": "localhost"},
    ).json()
    platform.credentials(HTTP_AUTHORIZATION=f"Bearer {login['access_token']}")
    made = platform.post(
        "/api/v1/predictions/annual", {**ANNUAL, "company_symbol": "GLOB"}, headers={"host": "localhost"}
    )
    assert made.status_code == 201, made.content
    assert made.json()["access_level"] == "system"
    client = people.client(Role.VIEWER)
    system = client.get("/api/v1/predictions/annual/system").json()
    assert [row["company_symbol"] for row in system["items"]] == ["GLOB"]
    own = client.get("/api/v1/predictions/annual?size=1000").json()
    assert "GLOB" not in {row["company_symbol"] for row in own["items"]}
    assert people.client(Role.INDIVIDUAL).get("/api/v1/predictions/annual/system").json()["total"] == 1
    with people.within("alpha"):
        Organization.objects.filter(slug="one").update(allow_global_data_access=False)
    assert client.get("/api/v1/predictions/annual/system").json()["items"] == []


def _reference_organization(people: World):
    with people.within("reference"):
        return Organization.objects.get(is_default=True).id


def test_a_tenant_admins_row_goes_to_the_default_organization(people: World):
    made = post(people.client(Role.TENANT_ADMIN), "annual", ANNUAL).json()
    assert made["organization_id"] == str(people.organizations["alpha", "one"])


def test_list_filters_sorts_and_pages(people: World):
    client = people.client(Role.ANALYST)
    for year in (2020, 2021, 2022):
        post(client, "annual", {**ANNUAL, "reporting_year": year, "return_on_assets": year - 2030})
    page = client.get("/api/v1/predictions/annual?symbol=ACME&size=2&ordering=-probability").json()
    assert (page["total"], page["page"], page["size"], page["pages"]) == (3, 1, 2, 2)
    assert [row["reporting_year"] for row in page["items"]] == ["2020", "2021"]
    assert client.get("/api/v1/predictions/annual?year=2021").json()["total"] == 1
    assert client.get("/api/v1/predictions/annual?risk_level=CRITICAL").json()["total"] == 0
    assert client.get("/api/v1/predictions/annual?risk_level=NONSENSE").status_code == 400
    assert client.get("/api/v1/predictions/annual?page=x").status_code == 400
    assert client.get("/api/v1/predictions/annual?page=99").json()["items"] == []
    assert client.get("/api/v1/predictions/annual?size=5000").json()["size"] == 1000


def test_a_walk_by_cursor_meets_every_row_once(people: World):
    client = people.client(Role.ANALYST)
    for year in range(2010, 2017):
        post(client, "annual", {**ANNUAL, "reporting_year": year})
    seen, address = [], "/api/v1/predictions/annual?cursor=&size=3"
    while address:
        page = client.get(address).json()
        assert "total" not in page
        seen += [row["id"] for row in page["items"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 8


def test_a_walk_over_one_batch_ends(people: World):
    """Rows of one batch share their moment of creation: the walk must not depend on it."""
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        moment = timezone.now()
        for _ in range(12):
            PredictionFactory(organization=owner, created_at=moment)
    seen, address = [], "/api/v1/predictions/annual?cursor=&size=5"
    while address:
        page = client.get(address).json()
        seen += [row["id"] for row in page["items"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 13


@pytest.mark.parametrize("what", ["results", "errors"])
def test_lists_of_a_job_can_be_walked(people: World, what):
    with people.within("alpha", "one"):
        job = ScoringJob.objects.first()
    answer = people.client(Role.ANALYST).get(f"/api/v1/predictions/jobs/{job.id}/{what}?cursor=")
    assert answer.status_code == 200
    assert "next" in answer.json()


def test_a_body_beyond_the_limit_is_too_large(people: World, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = people.client(Role.ANALYST).post(
        "/api/v1/predictions/annual", b"{" + b" " * 2000 + b"}", content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_silent_currency_changes_nothing(people: World):
    client = people.client(Role.OWNER)
    euro = {**ANNUAL, "currency": "EUR", "market_cap": 4.5e7}
    assert post(client, "annual", euro).json()["market_cap"] == 4.5e7, "the limit is one in dollars"
    post(client, "annual", {**ANNUAL, "reporting_year": 2023, "market_cap": None})
    with people.within("alpha", "one"):
        assert Company.objects.get(symbol="ACME").currency == "EUR"


def test_an_analyst_fills_gaps_of_a_colleagues_company_and_changes_nothing_else(people: World):
    post(people.client(Role.OWNER), "annual", {**ANNUAL, "sector": ""})
    body = {**ANNUAL, "reporting_year": 2022, "company_name": "Other", "sector": "Energy"}
    post(people.client(Role.ANALYST), "annual", body)
    with people.within("alpha", "one"):
        company = Company.objects.get(symbol="ACME")
        assert (company.name, company.sector) == ("Acme Inc.", "Energy")
        assert AuditEvent.objects.get(action="companies.company.changed").changes == {
            "sector": ["", "Energy"]
        }


def test_options_of_a_row_is_no_way_in(people: World):
    answer = people.client(Role.OWNER).options(
        "/api/v1/predictions/annual/01990000-0000-7000-8000-0000deadbeef"
    )
    assert answer.status_code == 405


@pytest.mark.parametrize("tiny", ["total_assets", "net_sales", "ebitda", "total_current_liabilities"])
def test_a_vanishing_amount_is_no_fault_of_ours(people: World, tiny):
    statement = {**HEALTHY, tiny: 1e-300}
    body = {"company_symbol": "TINY", "reporting_year": 2024, "statement": statement, "market_cap": 10}
    assert post(people.client(Role.OWNER), "annual", body).status_code in {201, 409}


def test_a_body_with_endless_lists_is_refused_before_it_is_read_through(people: World):
    body = {"company_symbol": "LONG", "reporting_year": 2024, "prior": [{"x": "y"}] * 5000}
    answer = post(people.client(Role.OWNER), "annual", body)
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/prior"]
    body = {"company_symbol": "LONG", "reporting_year": 2024, "statement": {f"x{n}": 1 for n in range(5000)}}
    answer = post(people.client(Role.OWNER), "annual", body)
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1

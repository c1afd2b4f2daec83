"""What explains a PD over HTTP: the bridge between scores, years ahead, grades, floors, classic scores."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from django.core.cache import caches
from django.test import override_settings
from django.utils import timezone

from accounts.permissions import Role
from ml.masterscale import default_scale
from ml.score.__main__ import main
from organizations.models import Organization
from predictions.models import Prediction, Score
from predictions.tests.test_one_company import ANNUAL, FAILING, HEALTHY, QUARTERLY, post
from tenants.models import TenantSettings
from tests.console import console, text_of
from tests.factories import PredictionFactory, ScoreFactory
from tests.fixtures import World

STATEMENT = {"company_symbol": "ACME", "reporting_year": 2024, "statement": HEALTHY, "prior": [HEALTHY]}


@pytest.fixture
def client(people: World):
    return people.client(Role.ANALYST)


def change(client, row, **query):
    return client.get(f"/api/v1/predictions/annual/{row}/change", query)


def logit(pd_):
    return math.log(pd_ / (1 - pd_))


def test_the_bridge_goes_from_the_score_before_to_the_current_one(client, people: World):
    row = post(client, "annual", STATEMENT).json()["id"]
    worse = {**HEALTHY, "net_income": -40, "total_long_term_debt": 150, "total_liabilities": 350}
    client.put(f"/api/v1/predictions/annual/{row}", {**STATEMENT, "statement": worse}, format="json")
    answer = change(client, row)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    with people.within("alpha", "one"):
        old, new = Score.objects.filter(prediction=row).order_by("id")
    assert (body["from"]["id"], body["to"]["id"]) == (str(old.id), str(new.id))
    assert body["log_odds_change"] == pytest.approx(logit(new.pd) - logit(old.pd), abs=1e-9)
    parts = body["components"]
    assert sum(part["effect"] for part in parts) == pytest.approx(body["log_odds_change"], abs=1e-9)
    assert sum(part["points"] for part in parts) == pytest.approx(new.pd - old.pd, abs=1e-9)
    assert {part["origin"] for part in parts} == {"feature"}
    assert body["summary"].startswith("The PD rose from")
    debt = next(part for part in parts if part["name"] == "long_term_debt_to_assets")
    assert (debt["old"], debt["new"]) == (5.0, 15.0)
    assert debt["text"].startswith(
        "Long-term debt to assets rose from 5.0 % to 15.0 %; that raised the PD by"
    )


def test_two_scores_can_be_named_and_swapped(client):
    row = post(client, "annual", ANNUAL).json()["id"]
    client.put(f"/api/v1/predictions/annual/{row}", {**ANNUAL, "return_on_assets": -20}, format="json")
    new, old = (s["id"] for s in client.get(f"/api/v1/predictions/annual/{row}/scores").json()["items"])
    there, back = (
        change(client, row, **{"from": old, "to": new}),
        change(client, row, **{"from": new, "to": old}),
    )
    assert there.json()["log_odds_change"] == -back.json()["log_odds_change"] > 0


def test_without_an_earlier_score_it_begins_at_the_period_before(client):
    first = post(client, "annual", {**ANNUAL, "reporting_year": 2022}).json()
    row = post(client, "annual", {**ANNUAL, "return_on_assets": -20}).json()["id"]
    body = change(client, row).json()
    assert body["from"]["probability"] == first["probability"]
    assert change(client, first["id"]).status_code == 409


def test_quarters_are_bridged_too(client):
    post(client, "quarterly", QUARTERLY)
    second = post(
        client, "quarterly", {**QUARTERLY, "reporting_quarter": "Q3", "return_on_capital": -5}
    ).json()
    body = client.get(f"/api/v1/predictions/quarterly/{second['id']}/change").json()
    assert "Return on capital fell from 9.0 % to -5.0 %" in body["components"][0]["text"]


def test_a_score_of_another_company_or_none_is_refused(client):
    row = post(client, "annual", ANNUAL).json()["id"]
    other = post(client, "annual", {**ANNUAL, "company_symbol": "OTHER"}).json()["id"]
    foreign = client.get(f"/api/v1/predictions/annual/{other}/scores").json()["items"][0]["id"]
    for name in ("from", "to"):
        answer = change(client, row, **{name: foreign})
        assert answer.status_code in {400, 422}
        assert answer.json()["errors"][0]["pointer"] == f"/{name}"
        assert change(client, row, **{name: "nonsense"}).json()["errors"][0]["pointer"] == f"/{name}"
    answer = change(client, row)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_compare")


def test_another_model_version_stands_as_a_part_of_its_own(client, people: World):
    row = post(client, "annual", ANNUAL).json()["id"]
    with people.within("alpha", "one"):
        current = Score.objects.get(prediction=row)
        ScoreFactory(
            id="01000000-0000-7000-8000-000000000001", prediction=current.prediction,
            organization=current.organization, inputs=current.inputs, shape=current.shape,
            pd=0.5 * current.pd, created_at=timezone.now(),
        )  # fmt: skip
    parts = change(client, row).json()["components"]
    assert [part["origin"] for part in parts] == ["model"]
    assert parts[0]["effect"] > 0


def test_an_old_statement_is_trusted_less(client):
    now = timezone.now().year
    new = post(client, "annual", {**STATEMENT, "reporting_year": now - 1}).json()
    old = post(client, "annual", {**STATEMENT, "reporting_year": now - 2}).json()
    assert "old_statement" in set(old["confidence_reasons"]) - set(new["confidence_reasons"])
    assert old["confidence"] < new["confidence"]
    assert old["probability"] == new["probability"]


# --- Beside the PD


def test_one_prediction_shows_the_years_ahead(client):
    body = post(client, "annual", STATEMENT).json()
    years = body["term_structure"]
    assert [row["years"] for row in years] == [1, 2, 3, 4, 5]
    assert round(years[0]["cumulative"], 6) == body["probability"]
    rising = [row["cumulative"] for row in years]
    assert rising == sorted(rising)
    assert sum(row["marginal"] for row in years) == pytest.approx(rising[-1])


def test_an_elder_models_score_shows_no_years_ahead(client, people: World):
    with people.within("alpha", "one"):
        row = PredictionFactory(organization=Organization.objects.get())
    body = client.get(f"/api/v1/predictions/annual/{row.id}").json()
    assert body["term_structure"] == []


def test_classic_scores_stand_beside_a_statement(client):
    body = post(client, "annual", {**STATEMENT, "statement": FAILING, "market_cap": 60}).json()
    scores = {row["name"]: row for row in body["classic_scores"]}
    assert len(scores) == 6
    assert scores["altman_z"]["zone"] == "distress"
    assert scores["zmijewski_x"]["zone"] == "distress"
    assert scores["merton_dd"]["reason"] == "no_volatility"
    bank = post(
        client, "annual", {**STATEMENT, "company_symbol": "BANK", "sector": "Financial Services"}
    ).json()
    assert {row["reason"] for row in bank["classic_scores"]} == {"financial_sector"}
    assert post(client, "annual", {**ANNUAL, "company_symbol": "RATIO"}).json()["classic_scores"] == []


OWN_SCALE = [
    {"grade": f"G{place}", "upper": upper}
    for place, upper in enumerate((1e-9, 2e-9, 3e-9, 4e-9, 5e-9, 6e-9, 1.0))
]


@pytest.fixture
def own_settings(people: World):
    """Sets something for alpha; what is cached of it is forgotten before and after."""

    def put(**values):
        TenantSettings.objects.update_or_create(tenant_id=people.tenants["alpha"].id, defaults=values)
        caches["directory"].clear()

    yield put
    caches["directory"].clear()


def test_every_score_has_a_grade_in_rows_history_and_detail(client):
    body = post(client, "annual", ANNUAL).json()
    assert body["grade"] == default_scale().grade(body["probability"]).grade
    assert client.get("/api/v1/predictions/annual").json()["items"][0]["grade"]
    assert (
        client.get(f"/api/v1/predictions/annual/{body['id']}/scores").json()["items"][0]["grade"]
        == body["grade"]
    )


def test_a_tenants_own_scale_and_floor_hold(people: World, client, own_settings):
    own_settings(master_scale=OWN_SCALE, pd_floor="0.09")
    body = post(client, "annual", STATEMENT).json()
    assert body["grade"] == "G6"
    assert body["probability"] == 0.09 > body["probability_raw"]
    assert body["floor_effect"] > 0
    assert body["term_structure"][0]["cumulative"] == 0.09
    with people.within("alpha", "one"):
        score = Score.objects.get(prediction=body["id"])
        assert score.pd_raw < 0.09
        assert sum(d["contribution"] for d in score.drivers) != 0
    assert body["floor_effect"] == pytest.approx(logit(0.09) - logit(score.pd_raw), abs=1e-9)


@override_settings(PD_FLOOR=0.08)
def test_the_platforms_floor_holds_where_a_tenant_has_none(client):
    assert post(client, "annual", STATEMENT).json()["probability"] == 0.08


# --- The command and the platform agree


def test_the_file_command_gives_the_platforms_numbers(client, people: World, tmp_path):
    years = [
        {
            **HEALTHY,
            "market_cap": 900.0,
            "net_income": 140 - 31.7 * step,
            "total_long_term_debt": 50 + 17.3 * step,
        }
        for step in range(5)
    ]
    table = pd.DataFrame(years).assign(company_id="ACME", fiscal_year=range(2020, 2025))
    table.loc[table.fiscal_year == 2021, "market_cap"] = None
    table = table.rename(columns={"market_cap": "market_value"})
    table.sample(frac=1, random_state=2).to_csv(tmp_path / "in.csv", index=False)
    now = ["--as-of", str(timezone.now().year)]
    assert main([str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv"), *now]) == 0
    found = pd.read_csv(tmp_path / "out.csv").set_index("fiscal_year")
    for step, year in enumerate(range(2020, 2025)):
        rows = [{k: v for k, v in row.items() if not (k == "market_cap" and year_ == 2021)}
                for row, year_ in zip(years, range(2020, 2025), strict=True)]  # fmt: skip
        body = {"company_symbol": "ACME", "reporting_year": year, "statement": rows[step],
                "prior": rows[:step][::-1]}  # fmt: skip
        answer = post(client, "annual", body)
        assert answer.status_code == 201, answer.content
        with people.within("alpha", "one"):
            score = Prediction.objects.get(id=answer.json()["id"]).current
        assert found.pd[year] == pytest.approx(score.pd, abs=1e-9)
        assert found.pd_low[year] == pytest.approx(score.low, abs=1e-9)
        assert found.confidence[year] == pytest.approx(score.confidence, abs=1e-9)
        assert found.grade[year] == int(score.grade)
        assert found["shape"][year] == score.shape
        assert (found.reasons[year] if isinstance(found.reasons[year], str) else "") == ";".join(
            score.confidence_reasons
        )


# --- The console


def test_the_console_shows_what_moved_the_pd_and_the_years_ahead(client, people: World):
    row = post(client, "annual", STATEMENT).json()
    worse = {**HEALTHY, "net_income": -40, "total_long_term_debt": 150, "total_liabilities": 350}
    client.put(f"/api/v1/predictions/annual/{row['id']}", {**STATEMENT, "statement": worse}, format="json")
    page = text_of(console(people, Role.OWNER).get(f"/admin/predictions/prediction/{row['id']}/change/"))
    for words in (
        "The PD rose from",
        "that raised the PD by",
        "5 years",
        "Grade",
    ):
        assert words in page


def test_the_console_says_where_there_is_nothing_to_compare(client, people: World):
    row = post(client, "annual", STATEMENT).json()
    page = text_of(console(people, Role.OWNER).get(f"/admin/predictions/prediction/{row['id']}/change/"))
    assert "There is no earlier score to compare with." in page

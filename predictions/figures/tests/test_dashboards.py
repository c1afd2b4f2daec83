"""Dashboards of each role, and the JSON client's."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from accounts.permissions import Role
from organizations.models import Organization
from predictions.models import Prediction
from tenants import metering
from tests.factories import InvitationFactory, PredictionFactory, ScoreFactory
from tests.fixtures import World
from tests.queries import asked

BOARDS = {
    "platform": Role.SUPER_ADMIN,
    "tenant": Role.TENANT_ADMIN,
    "organization": Role.ADMIN,
    "analyst": Role.ANALYST,
    "personal": Role.INDIVIDUAL,
}


@contextmanager
def fewer_than(number):
    with asked() as found:
        yield
    assert len(found) < number, "\n".join(found)


@pytest.mark.parametrize(("board", "role"), BOARDS.items())
def test_a_role_begins_with_its_dashboard_in_fewer_than_ten_queries(people: World, settings, board, role):
    settings.DIRECTORY_SECONDS = 600
    client = people.client(role)
    assert client.get("/api/v1/dashboards/mine").json()["dashboard"] == board
    address = f"/api/v1/dashboards/{board}"
    assert client.get(address).status_code == 200
    with fewer_than(10):
        assert client.get(address).status_code == 200


def test_an_organizations_figures_are_right_and_follow_every_change(people: World):
    client = people.client(Role.ADMIN)
    address = "/api/v1/dashboards/organization"
    before = client.get(address).json()
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        row = PredictionFactory(organization=owner, pd=0.2, risk_level="CRITICAL", fiscal_year=2020)
        InvitationFactory(organization=owner)
    now = client.get(address).json()
    assert now["companies_tracked"] == before["companies_tracked"] + 1
    assert now["high_risk"] == before["high_risk"] + 1
    assert now["levels"]["CRITICAL"] == before["levels"]["CRITICAL"] + 1
    assert now["stale"] == before["stale"] + 1
    assert now["team"]["pending_invitations"] == before["team"]["pending_invitations"] + 1
    assert now["team"]["members"] == 4
    assert now["team"]["by_role"]["analyst"] == 1
    assert now["recent_analyses"][0]["company_symbol"] == row.company.symbol
    assert now["recent_analyses"][0]["probability_before"] is None
    with people.within("alpha", "one"):
        score = ScoreFactory(organization=owner, prediction=row, pd=0.05, risk_level="MEDIUM")
        Prediction.objects.filter(pk=row.pk).update(current=score, pd=0.05, risk_level="MEDIUM")
    first = client.get(address).json()
    assert first["recent_analyses"][0]["probability_change"] == pytest.approx(-0.15)
    assert first["levels"]["CRITICAL"] == before["levels"]["CRITICAL"]
    # Somebody else's rows change nothing here.
    with people.within("alpha", "two"):
        PredictionFactory(organization=Organization.objects.get())
    assert client.get(address).json()["companies_tracked"] == now["companies_tracked"]


def test_a_tenants_organizations_stand_with_people_risk_and_actions(people: World):
    client = people.client(Role.TENANT_ADMIN)
    shocks = [{"kind": "sales", "mode": "relative", "value": -0.1}]
    body = {"name": "Mine", "shocks": shocks}
    people.client(Role.ANALYST).post("/api/v1/scenarios", body, format="json")
    found = client.get("/api/v1/dashboards/tenant").json()
    rows = {row["name"]: row for row in found["organizations"]}
    assert rows.keys() == {"One", "Two"}
    assert rows["One"]["users"] == 4
    assert rows["One"]["state"] == "active"
    assert rows["One"]["companies"] > 0
    assert rows["One"]["actions_30_days"] >= 1
    assert found["actions_30_days"] == sum(row["actions_30_days"] for row in rows.values())
    assert "scenarios.scenario.created" in {entry["action"] for entry in found["recent_activity"]}
    assert found["holdings"]["companies"] == sum(row["companies"] for row in rows.values())


def test_an_analysts_portfolio_has_a_trend_and_the_worst_first(people: World):
    with people.within("alpha", "one"):
        row = PredictionFactory(organization=Organization.objects.get(), pd=0.99, risk_level="CRITICAL")
    found = people.client(Role.ANALYST).get("/api/v1/dashboards/analyst").json()
    assert found["worst"][0]["company_symbol"] == row.company.symbol
    assert len(found["trend"]) == 8
    assert found["trend"][-1]["names"] == found["companies_rated"]
    quarterly = people.client(Role.ANALYST).get("/api/v1/dashboards/analyst?kind=quarterly").json()
    assert quarterly["kind"] == "quarterly"


def test_an_individual_sees_his_own_beside_the_reference(people: World):
    found = people.client(Role.INDIVIDUAL).get("/api/v1/dashboards/personal").json()
    assert found["own"]["companies"] > 0
    assert found["reference"]["companies"] >= 0


def test_answers_are_counted_by_their_time(people: World, monkeypatch):
    monkeypatch.setattr(metering, "PREFIX", "test-metering-answers")
    key = f"test-metering-answers:answers:{metering._today()}"
    metering._client().delete(key)
    for _ in range(98):
        metering.count_answer(0.020, 200)
    metering.count_answer(0.4, 500)
    metering.count_answer(60, 200)
    found = metering.performance()
    metering._client().delete(key)
    assert found == {
        "calls": 100, "failed": 1, "failed_share": 0.01, "p50_ms": 25.0, "p95_ms": 25.0, "p99_ms": 500.0
    }  # fmt: skip


# -- the JSON client's ----------------------------------------------------------------------------

FIGURES = {
    "total_companies", "total_predictions", "annual_predictions", "quarterly_predictions",
    "average_default_rate", "high_risk_companies", "sectors_covered",
}  # fmt: skip


@pytest.mark.parametrize(
    ("role", "scope"),
    [(Role.ANALYST, "organization"), (Role.TENANT_ADMIN, "tenant"), (Role.INDIVIDUAL, "personal"),
     (Role.SUPER_ADMIN, "system")],
)  # fmt: skip
def test_the_clients_dashboard_keeps_its_shape(people: World, role, scope):
    client = people.client(role)
    body = {"include_platform_stats": True}
    answer = client.post("/api/v1/predictions/dashboard", body, format="json")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["scope"] == found["user_dashboard"]["scope"] == scope
    assert found["user_dashboard"].keys() >= FIGURES | {"user_name", "data_scope", "last_updated_times"}
    assert found["platform_statistics"].keys() >= FIGURES
    assert ("organizations_breakdown" in found) == (scope == "tenant")
    assert ("tenants_breakdown" in found) == (scope == "system")
    assert ("total_users" in found["platform_statistics"]) == (scope == "system")
    if scope == "tenant":
        assert {row["org_name"] for row in found["organizations_breakdown"]} == {"One", "Two"}
        parts = sum(row["companies"] for row in found["organizations_breakdown"])
        assert parts == found["user_dashboard"]["total_companies"]
    if scope == "system":
        assert {"tenant_name", "organizations_count"} <= found["tenants_breakdown"][0].keys()


def test_the_clients_counts_are_those_of_its_lists(people: World):
    client = people.client(Role.VIEWER)
    figures = client.post("/api/v1/predictions/dashboard", {}, format="json").json()["user_dashboard"]
    for kind in ("annual", "quarterly"):
        listed = client.get(f"/api/v1/predictions/{kind}").json()["total"]
        assert figures[f"{kind}_predictions"] == listed
    assert figures["organization_name"] == "One"


def test_an_operator_on_the_platforms_host_has_figures_too(people: World):
    client = people.client(Role.SUPER_ADMIN, host="localhost")
    assert client.post("/api/v1/predictions/dashboard", {}, format="json").status_code == 200

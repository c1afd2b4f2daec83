"""What-if over HTTP: kept scenarios, one company, the way to a better category, and portfolios."""

from __future__ import annotations

import pytest

from accounts.permissions import Role
from companies.models import Company
from organizations.models import AuditEvent, Organization
from predictions.models import Prediction
from predictions.scenarios import services
from predictions.scenarios.definitions import shipped
from predictions.scenarios.models import RunResult, Scenario, ScenarioRun
from tests.fixtures import World
from tests.worker import wait_until

SALES_DOWN = [{"kind": "sales", "mode": "relative", "value": -0.2}]
FIRM = {
    "cash": 20, "inventory": 100, "total_receivables": 120, "current_assets": 260, "net_fixed_assets": 300,
    "total_assets": 640, "accounts_payable": 90, "short_term_debt": 60, "total_current_liabilities": 200,
    "total_long_term_debt": 250, "total_debt": 310, "total_liabilities": 470, "retained_earnings": 40,
    "total_equity": 170, "net_sales": 800, "cost_of_goods_sold": 560, "gross_profit": 240,
    "total_operating_expenses": 720, "ebitda": 80, "depreciation_amortization": 35, "ebit": 45,
    "interest_expense": 25, "pretax_income": 20, "income_tax": 5, "net_income": 15,
}  # fmt: skip


def scored(client, symbol="WHATIF", sector="Industrials", scale=1.0, **items):
    statement = {name: value * scale for name, value in {**FIRM, **items}.items()}
    body = {"company_symbol": symbol, "sector": sector, "reporting_year": 2024, "statement": statement}
    answer = client.post("/api/v1/predictions/annual", body, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_one_company_stands_beside_its_base(people: World):
    client = people.client(Role.ANALYST)
    row = scored(client)
    body = {"company_id": row["company_id"], "shocks": SALES_DOWN}
    answer = client.post("/api/v1/scenarios/apply", body, format="json")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["base"]["probability"] == pytest.approx(row["probability"], abs=1e-6)
    assert found["shocked"]["probability"] > found["base"]["probability"]
    assert found["imbalance"] == 0
    by_item = {line["item"]: line for line in found["lines"]}
    assert by_item["net_sales"]["moved"] == -160
    assert by_item["total_assets"]["shocked"] == pytest.approx(
        by_item["total_liabilities"]["shocked"] + by_item["total_equity"]["shocked"]
    )
    # The drivers are the bridge: their shares add up to the difference.
    points = sum(part["points"] for part in found["drivers"])
    assert points == pytest.approx(found["probability_change"], abs=1e-9)
    assert {row["ratio"] for row in found["ratios"]} >= {"net_income_margin", "return_on_assets"}
    # Nothing is stored.
    with people.within("alpha", "one"):
        assert Prediction.objects.get(id=row["id"]).scores.count() == 1


@pytest.mark.parametrize("key", sorted(shipped()))
def test_shipped_scenarios_hit_and_balance(people: World, key):
    client = people.client(Role.ANALYST)
    row = scored(client)
    body = {"company_id": row["company_id"], "shipped": key}
    found = client.post("/api/v1/scenarios/apply", body, format="json").json()
    assert found["probability_change"] > 0
    assert found["imbalance"] == 0
    assert found["scenario"] == shipped()[key].name


def test_a_sectors_factor_leaves_it_out(people: World):
    client = people.client(Role.ANALYST)
    row = scored(client, symbol="OIL", sector="Energy")
    body = {"company_id": row["company_id"], "shipped": "cost_shock"}
    found = client.post("/api/v1/scenarios/apply", body, format="json").json()
    assert found["probability_change"] == 0
    assert not any(line["moved"] for line in found["lines"])


def test_what_cannot_be_shocked_is_told(people: World):
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        ratios = Prediction.objects.filter(kind="annual").first().company_id
        bare = Company.objects.exclude(predictions__kind="annual").first().id
    for company, code in ((ratios, "ratios_only"), (bare, "not_scored")):
        body = {"company_id": str(company), "shocks": SALES_DOWN}
        answer = client.post("/api/v1/scenarios/apply", body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    row = scored(client)
    for wrong, code in (
        ({}, "one_scenario"),
        ({"shocks": SALES_DOWN, "shipped": "rate_shock"}, "one_scenario"),
        ({"shipped": "no_such"}, "invalid_input"),
        ({"shocks": [{"kind": "sales", "mode": "relative", "value": -3}]}, "invalid_input"),
        ({"shocks": SALES_DOWN, "assumptions": {"tax_rate": 2}}, "invalid_input"),
    ):
        answer = client.post(
            "/api/v1/scenarios/apply", {"company_id": row["company_id"], **wrong}, format="json"
        )
        assert (answer.status_code, answer.json()["code"]) == (400, code), wrong


def test_the_way_to_the_next_category_is_scored_once_more(people: World):
    client = people.client(Role.ANALYST)
    row = scored(client, symbol="WEAK", net_income=-30, pretax_income=-30, income_tax=0, ebit=-5, ebitda=30)
    assert row["risk_level"] != "LOW", row["probability"]
    levers = [
        {"kind": "equity", "limit": 0.6},
        {"kind": "long_term_debt", "limit": -1.0},
        {"kind": "operating_costs", "limit": -0.5},
        {"kind": "sales", "limit": 0.5},
    ]
    body = {"company_id": row["company_id"], "levers": levers}
    answer = client.post("/api/v1/scenarios/reach", body, format="json")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["reached"], found["text"]
    assert 1 <= len(found["alternatives"]) <= 3
    order = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    for way in found["alternatives"]:
        assert way["imbalance"] == 0
        assert order.index(way["result"]["risk_level"]) <= order.index(found["target"])
        assert way["result"]["probability"] < found["target_probability"]
        # What the answer says can be asked of the platform again.
        again = {"company_id": row["company_id"], "shocks": way["shocks"]}
        said = client.post("/api/v1/scenarios/apply", again, format="json").json()["shocked"]
        assert said["probability"] == pytest.approx(way["result"]["probability"], abs=1e-9)


def test_out_of_reach_is_said_and_so_is_being_there(people: World):
    client = people.client(Role.ANALYST)
    row = scored(client, symbol="WEAK", net_income=-30, pretax_income=-30, income_tax=0, ebit=-5, ebitda=30)
    body = {
        "company_id": row["company_id"],
        "target": "LOW",
        "levers": [{"kind": "receivable_days", "limit": -0.01}],
    }
    found = client.post("/api/v1/scenarios/reach", body, format="json").json()
    assert found["reached"] is False
    assert found["alternatives"] == []
    assert found["nearest"]["result"]["probability"] > found["target_probability"]
    assert found["text"].startswith("Not within these bounds")
    answer = client.post("/api/v1/scenarios/reach", {**body, "target": "CRITICAL"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_there")


def test_a_scenario_is_kept_changed_and_shared(people: World):
    client = people.client(Role.ANALYST)
    given = {"name": "Our winter", "shocks": SALES_DOWN, "assumptions": {"tax_rate": 0.3}}
    made = client.post("/api/v1/scenarios", given, format="json")
    assert made.status_code == 201, made.content
    address = f"/api/v1/scenarios/{made.json()['id']}"
    again = client.post("/api/v1/scenarios", given, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_scenario")
    viewer = people.client(Role.VIEWER)
    assert viewer.get(address).json()["assumptions"] == {"tax_rate": 0.3}
    # Not shared, it exists for its maker alone.
    stale = client.patch(address, {"shared": False}, format="json", headers={"if-match": '"x"'})
    assert stale.status_code == 412
    assert client.patch(address, {"shared": False}, format="json").json()["shared"] is False
    assert viewer.get(address).status_code == 404
    owner = people.client(Role.OWNER)
    body = {"company_id": scored(client)["company_id"], "scenario_id": made.json()["id"]}
    assert owner.post("/api/v1/scenarios/apply", body, format="json").status_code == 404
    assert client.post("/api/v1/scenarios/apply", body, format="json").status_code == 200
    assert client.delete(address).status_code == 204
    with people.within("alpha"):
        seen = set(AuditEvent.objects.values_list("action", flat=True))
    assert {f"scenarios.scenario.{verb}" for verb in ("created", "changed", "deleted")} <= seen


def test_a_portfolio_is_run_at_once_and_summed_up(people: World):
    client = people.client(Role.ANALYST)
    rows = [scored(client, symbol=f"PF{n}", scale=n) for n in (1, 2, 3)]
    answer = client.post("/api/v1/scenario-runs", {"shipped": "severe_recession"}, format="json")
    assert answer.status_code == 201, answer.content
    run = answer.json()
    summary = run["summary"]
    assert (run["state"], run["done"], run["names"]) == ("done", 4, 4)
    assert summary["outcomes"] == {"scored": 3, "ratios_only": 1}
    assert summary["mean_pd"] > summary["base_mean_pd"]
    assert sum(summary["levels"].values()) == 3
    assert sum(sum(row.values()) for row in summary["migration"].values()) == 3
    loss = summary["expected_loss"]
    assert loss["exposure"] == pytest.approx(310 * 6)
    expected = 0.45 * sum(310 * n * row["probability"] for n, row in zip((1, 2, 3), rows, strict=True))
    assert loss["base"] == pytest.approx(expected, rel=1e-4)
    assert loss["shocked"] > loss["base"]
    assert summary["most_affected"][0]["drivers"]
    results = client.get(f"/api/v1/scenario-runs/{run['id']}/results?size=2").json()
    assert results["total"] == 4
    one = client.post(
        "/api/v1/scenarios/apply",
        {"company_id": rows[0]["company_id"], "shipped": "severe_recession"},
        format="json",
    ).json()
    with people.within("alpha", "one"):
        kept = RunResult.objects.get(run_id=run["id"], company_id=rows[0]["company_id"])
    assert kept.pd == pytest.approx(one["shocked"]["probability"], abs=1e-12)


def test_a_list_and_a_sector_narrow_a_run(people: World):
    client = people.client(Role.ANALYST)
    rows = [scored(client, symbol=f"NR{n}", sector=s) for n, s in enumerate(("Energy", "Utilities"))]
    only = client.post(
        "/api/v1/scenario-runs", {"shocks": SALES_DOWN, "sector": "utilities"}, format="json"
    ).json()
    assert only["names"] == 1
    listed = {"shocks": SALES_DOWN, "company_ids": [rows[0]["company_id"]]}
    assert client.post("/api/v1/scenario-runs", listed, format="json").json()["names"] == 1
    with people.within("alpha", "two"):
        foreign = str(Company.objects.first().id)
    listed["company_ids"].append(foreign)
    answer = client.post("/api/v1/scenario-runs", listed, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_company")
    nothing = client.post("/api/v1/scenario-runs", {"shocks": SALES_DOWN, "sector": "x"}, format="json")
    assert nothing.json()["code"] == "nothing_selected"


def test_parts_take_every_company_once(people: World, monkeypatch):
    client = people.client(Role.ANALYST)
    for n in range(5):
        scored(client, symbol=f"PT{n}", scale=n + 1)
    monkeypatch.setattr(services, "PART", 2)
    run = client.post("/api/v1/scenario-runs", {"shocks": SALES_DOWN}, format="json")
    assert run.status_code == 202
    actor = services.Actor(None, "test")
    with people.within("alpha", "one"):
        row = ScenarioRun.objects.get(id=run.json()["id"])
        taken = [services.run_part(run_id=row.id, actor=actor) for _ in range(5)]
        row.refresh_from_db()
        assert row.state == "done"
        assert taken == [2, 2, 2, 0, 0]
        assert row.results.values("company").distinct().count() == row.done == 6


@pytest.mark.worker
def test_a_large_run_goes_on_in_the_background(own_tenant, worker, monkeypatch):
    for n in range(3):
        scored(own_tenant.client, symbol=f"BG{n}")
    monkeypatch.setattr(services, "PART", 2)  # in this process: the request takes it for a large one
    run = own_tenant.client.post("/api/v1/scenario-runs", {"shocks": SALES_DOWN}, format="json")
    assert run.status_code == 202
    address = f"/api/v1/scenario-runs/{run.json()['id']}"
    wait_until(lambda: own_tenant.client.get(address).json()["state"] == "done", "the run")
    assert own_tenant.client.get(address).json()["summary"]["scored"] == 3


def test_another_organizations_scenario_is_not_found(people: World):
    with people.within("alpha", "two"):
        foreign = Scenario.objects.first().id
        owner = Organization.objects.get()
    assert owner.slug == "two"
    client = people.client(Role.ANALYST)
    body = {"company_id": scored(client)["company_id"], "scenario_id": str(foreign)}
    assert client.post("/api/v1/scenarios/apply", body, format="json").status_code == 404
    assert client.post("/api/v1/scenario-runs", body, format="json").status_code == 404

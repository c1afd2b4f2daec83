"""Statements over HTTP: entered, checked, restated, compared, deleted, rated."""

import pytest

from accounts.permissions import Role
from companies.models import Company, Statement
from organizations.models import AuditEvent
from tests import factories
from tests.console import console

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/statements"
BOOKS = {
    "total_assets": 1000.5,
    "current_assets": 400,
    "total_liabilities": 600,
    "total_current_liabilities": 250,
    "total_equity": 400.5,
    "net_sales": 900,
    "cost_of_goods_sold": 500,
    "gross_profit": 400,
    "ebit": 100,
    "net_income": 60,
}


@pytest.fixture
def company(world):
    with world.within("alpha", "one"):
        organization = Company.objects.first().organization
        return factories.CompanyFactory(organization=organization, symbol="TYPED", currency="EUR")


@pytest.fixture
def client(world):
    return world.client(Role.ANALYST)


def body(year=2024, amounts=None, **changes):
    said = {"company_symbol": "typed", "fiscal_year": year, "unit": "millions", "amounts": amounts or BOOKS}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def enter(client, *args, **changes):
    answer = client.post(ADDRESS, body(*args, **changes), format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    return answer.json()


def test_a_statement_is_entered_in_its_unit_and_kept_in_millions(client, company):
    amounts = {name: value * 1000 for name, value in BOOKS.items()}
    made = enter(client, amounts=amounts, unit="thousands", source="Annual report, page 41")
    assert made["amounts"]["total_assets"] == 1000.5
    assert (made["unit"], made["currency"], made["version"], made["basis"]) == (
        "thousands", "EUR", 1, "reported",
    )  # fmt: skip
    assert "currency_assumed" in {f["code"] for f in made["findings"]}
    assert client.get(f"{ADDRESS}/{made['id']}").json()["source"] == "Annual report, page 41"
    listed = client.get(ADDRESS, {"symbol": "typed"}).json()
    assert [row["id"] for row in listed["items"]] == [made["id"]]


def test_errors_name_the_field_with_a_hint(client, company):
    answer = client.post(ADDRESS, body(amounts={**BOOKS, "net_sales": -5}), format="json")
    fault = refused(answer, 400, "invalid_input")["errors"][0]
    assert fault["pointer"] == "/amounts/net_sales"
    assert fault["code"] == "impossible_sign"
    unbalanced = client.post(ADDRESS, body(amounts={**BOOKS, "total_equity": 100}), format="json")
    fault = refused(unbalanced, 400, "invalid_input")["errors"][0]
    assert (fault["code"], fault["confirmable"]) == ("balance_off", True)
    assert "minority interests" in fault["detail"]
    unknown = client.post(ADDRESS, body(amounts={"goodwill": 1}), format="json")
    assert refused(unknown, 400, "invalid_input")["errors"][0]["code"] == "unknown_item"
    nobody = client.post(ADDRESS, body(company_symbol="NOBODY"), format="json")
    assert refused(nobody, 400, "invalid_input")["errors"][0]["pointer"] == "/company_symbol"


def test_a_dry_run_tells_and_stores_nothing(client, company, world):
    answer = client.post(f"{ADDRESS}?check", body(amounts={**BOOKS, "total_equity": 380}), format="json")
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    assert told["outcome"] == "created"
    assert "balance_off" in {f["code"] for f in told["findings"]}
    margin = next(r for r in told["ratios"] if r["name"] == "gross_margin" and r["group"] == "classic")
    assert margin["value"] == pytest.approx(100 * 400 / 900)
    assert margin["inputs"] == {"gross_profit": 400, "net_sales": 900}
    with world.within("alpha", "one"):
        assert not Statement.objects.filter(company=company).exists()


def test_a_slip_of_a_thousand_asks_for_confirmation(client, company):
    enter(client, 2023)
    leap = {name: value * 1000 for name, value in BOOKS.items()}
    told = client.post(f"{ADDRESS}?check=true", body(amounts=leap), format="json").json()
    assert (told["outcome"], told["confirmable"]) == ("refused", ["unit_jump"])
    made = enter(client, amounts=leap, confirm=["unit_jump"])
    assert [f["code"] for f in made["findings"] if f["confirmed"]] == ["unit_jump"]
    nonsense = client.post(ADDRESS, body(confirm=["impossible_sign"]), format="json")
    refused(nonsense, 400, "invalid_input")


def test_a_unit_left_out_is_detected_or_asked_for(client, company):
    first = client.post(ADDRESS, body(2023, unit=None), format="json")
    fault = refused(first, 400, "invalid_input")["errors"][0]
    assert (fault["pointer"], fault["code"]) == ("/unit", "unit_unclear")
    assert "sure" in fault["detail"]
    enter(client, 2023)
    whole = {name: value * 1_050_000 for name, value in BOOKS.items()}
    made = enter(client, 2024, whole, unit=None)
    assert made["unit"] == "units"
    assert made["amounts"]["net_sales"] == 945
    assert "unit_detected" in {f["code"] for f in made["findings"]}


def test_a_period_is_entered_once_and_then_restated(client, company, world):
    made = enter(client)
    twice = refused(client.post(ADDRESS, body(), format="json"), 409, "duplicate_statement")
    assert twice["statement_id"] == made["id"]
    change = {"amounts": {**BOOKS, "net_sales": 880, "gross_profit": 380}, "source": "Amended report"}
    again = client.post(f"{ADDRESS}/{made['id']}/restate", change, format="json")
    assert again.status_code == 201, again.json()
    new = again.json()
    assert (new["version"], new["basis"], new["current"], new["unit"]) == (2, "restated", True, "millions")
    # Somebody who still looks at the first version is told so.
    late = client.post(f"{ADDRESS}/{made['id']}/restate", change, format="json")
    assert refused(late, 409, "not_the_current_version")["statement_id"] == new["id"]
    same = client.post(f"{ADDRESS}/{new['id']}/restate", change, format="json")
    refused(same, 409, "unchanged_statement")
    versions = client.get(f"{ADDRESS}/{made['id']}/versions").json()
    assert [v["statement"]["version"] for v in versions] == [1, 2]
    moved = {d["item"]: (d["before"], d["after"], d["percent"]) for d in versions[1]["differences"]}
    assert moved["net_sales"] == (900, 880, pytest.approx(-100 * 20 / 900))
    assert set(moved) == {"net_sales", "gross_profit", "source"}
    assert [r["version"] for r in client.get(ADDRESS, {"symbol": "typed"}).json()["items"]] == [2]
    both = client.get(ADDRESS, {"symbol": "typed", "superseded": "true"}).json()["items"]
    assert {r["version"] for r in both} == {1, 2}
    with world.within("alpha", "one"):
        actions = AuditEvent.objects.filter(object_type="companies.Statement").values_list(
            "action", flat=True
        )
        assert {"companies.statement.created", "companies.statement.restated"} <= set(actions)


def test_a_mistake_is_deleted_with_a_reason(client, company, world):
    made = enter(client)
    new = client.post(
        f"{ADDRESS}/{made['id']}/restate", {"amounts": {**BOOKS, "ebit": 90}}, format="json"
    ).json()
    refused(client.delete(f"{ADDRESS}/{new['id']}"), 400, "invalid_input")
    assert client.delete(f"{ADDRESS}/{new['id']}?reason=Wrong+column").status_code == 204
    assert client.get(f"{ADDRESS}/{new['id']}").status_code == 404
    assert client.get(f"{ADDRESS}/{made['id']}").json()["current"] is True
    with world.within("alpha", "one"):
        event = AuditEvent.objects.get(action="companies.statement.deleted")
        assert event.changes["reason"] == "Wrong column"


def test_others_restate_only_what_is_theirs(client, company, world):
    made = enter(client)
    colleague = world.client(Role.OWNER).post(
        f"{ADDRESS}/{made['id']}/restate", {"amounts": {**BOOKS, "ebit": 90}}, format="json"
    )
    assert colleague.status_code == 201
    mine = client.post(f"{ADDRESS}/{colleague.json()['id']}/restate", {"amounts": BOOKS}, format="json")
    refused(mine, 403, "not_yours")
    for tenant, organization in (("alpha", "two"), ("beta", "one")):
        stranger = world.client(Role.OWNER, tenant, organization)
        for path in ("", "/versions", "/ratios"):
            assert stranger.get(f"{ADDRESS}/{made['id']}{path}").status_code == 404
        assert stranger.get(f"{ADDRESS}/ratio-history", {"company": company.id}).status_code == 404
        foreign = stranger.post(ADDRESS, {**body(), "company": str(company.id)}, format="json")
        assert refused(foreign, 400, "invalid_input")["errors"][0]["code"] == "unknown_company"


def test_ratios_tell_their_formula_inputs_and_why_there_is_none(client, company):
    made = enter(client)
    told = client.get(f"{ADDRESS}/{made['id']}/ratios").json()
    classic = {r["name"]: r for r in told["ratios"] if r["group"] == "classic"}
    features = {r["name"]: r for r in told["ratios"] if r["group"] == "feature"}
    assert len(classic) == 38
    assert classic["return_on_assets"]["value"] == pytest.approx(100 * 60 / 1000.5)
    assert classic["return_on_assets"]["formula"] == "net income / total assets"
    quick = classic["quick_ratio"]
    assert (quick["value"], quick["reason"], quick["missing"]) == (None, "missing_inputs", ["inventory"])
    assert features["asset_growth"]["reason"] == "no_earlier_year"
    assert told["basis"] == "year"


def test_ratios_over_the_years(client, company):
    enter(client, 2022)
    enter(client, 2023, {**BOOKS, "net_sales": 1000, "gross_profit": 500})
    enter(client, 2024, {**BOOKS, "net_sales": 1100, "gross_profit": 600})
    wanted = {"company": company.id, "ratio": "gross_margin,asset_growth"}
    told = client.get(f"{ADDRESS}/ratio-history", wanted).json()
    series = {(line["group"], line["name"]): line["points"] for line in told}
    margin = series["classic", "gross_margin"]
    assert [p["fiscal_year"] for p in margin] == [2022, 2023, 2024]
    assert [round(p["value"], 1) for p in margin] == [44.4, 50.0, 54.5]
    growth = series["feature", "asset_growth"]
    assert [p["value"] is None for p in growth] == [True, False, False]


def test_the_boundaries_are_there_to_be_read(client):
    checks = {row["code"]: row for row in client.get(f"{ADDRESS}/checks").json()}
    assert checks["balance_off"]["error"] == 5.0
    assert checks["unit_jump"]["confirmable"] is True


def test_the_console_shows_what_was_found_and_where_it_came_from(world):
    browser = console(world, Role.OWNER)
    with world.within("alpha", "one"):
        row = Statement.objects.first()
        row.findings = [
            {
                "code": "balance_off",
                "level": "warning",
                "items": ["total_assets"],
                "message": "They differ by 3 m.",
                "hint": "Minority interests?",
                "confirmed": False,
            }
        ]
        row.quality, row.unscored, row.currency = "warning", "currency_not_convertible", "EUR"
        row.source_ref = {"file": "books.xlsx", "cells": {"total_assets": "D12"}}
        row.save()
    listed = browser.get("/admin/companies/statement/")
    assert listed.status_code == 200
    page = browser.get(f"/admin/companies/statement/{row.id}/change/").content.decode()
    for text in ("They differ by 3 m.", "no exchange rate of EUR", "D12", "books.xlsx", "Return on assets"):
        assert text in page, text
    assert browser.get("/admin/companies/statement/add/").status_code in {302, 403}

"""Companies over HTTP: made, changed, found; and the institution's own fields."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.permissions import Role
from companies.models import Company
from companies.services.lifecycle import master_grades
from organizations.models import AuditEvent, Organization
from predictions import outlook
from tests.factories import CompanyFactory, PredictionFactory
from tests.fixtures import World
from tests.queries import asked

ALL = {
    "symbol": "acme",
    "name": "Acme  Inc.",
    "legal_form": "corporation",
    "country": "United States",
    "industry": "SIC 3674",
    "ticker": "acm",
    "exchange": "nasdaq",
    "cik": "0000000042",
    "lei": "hwupkr0mpou8fgxbt394",
    "national_id": "12-3456789",
    "currency": "usd",
    "fiscal_year_end": 12,
    "market_cap": 1200.5,
    "market_cap_on": "2026-06-30",
    "tags": ["core", "core", " watch "],
}


def make(client, **values):
    answer = client.post("/api/v1/companies", {"symbol": "NEWCO", **values}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def found(client, query):
    answer = client.get(f"/api/v1/companies?{query}")
    assert answer.status_code == 200, answer.content
    return [item["symbol"] for item in answer.json()["items"]]


def test_a_company_is_made_with_what_registers_would_write(people: World):
    client = people.client(Role.ANALYST)
    answer = client.post("/api/v1/companies", ALL, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert {name: body[name] for name in ("symbol", "name", "country", "sector", "industry", "exchange")} == {
        "symbol": "ACME",
        "name": "Acme Inc.",
        "country": "US",
        "sector": "Technology",
        "industry": "Semiconductors",
        "exchange": "XNAS",
    }
    assert (body["cik"], body["lei"], body["tags"]) == ("42", "HWUPKR0MPOU8FGXBT394", ["core", "watch"])
    assert (body["state"], body["market_cap"], body["latest"]) == ("alive", 1200.5, None)
    assert client.get(f"/api/v1/companies/{body['id']}").json() == body
    with people.within("alpha", "one"):
        event = AuditEvent.objects.get(object_id=body["id"])
        assert event.action == "companies.company.created"
    again = client.post("/api/v1/companies", {"symbol": "other", "lei": ALL["lei"]}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_company")
    assert again.json()["company_id"] == body["id"]
    # The same symbol in another organization is another company.
    assert (
        people.client(Role.ANALYST, organization="two")
        .post("/api/v1/companies", ALL, format="json")
        .status_code
        == 201
    )


def test_every_faulty_field_is_named(people: World):
    client = people.client(Role.OWNER)
    said = {"symbol": "a b", "lei": "X", "country": "Nowhere", "fiscal_year_end": 13, "market_cap": -1}
    answer = client.post("/api/v1/companies", said, format="json")
    assert answer.status_code == 400
    faults = {(e["pointer"], e["code"]) for e in answer.json()["errors"]}
    assert faults == {
        ("/symbol", "symbol_invalid"),
        ("/lei", "lei_format"),
        ("/country", "country_unknown"),
        ("/fiscal_year_end", "month_invalid"),
        ("/market_cap", "impossible_value"),
    }


def test_changes_mind_the_state_that_was_read(people: World):
    client = people.client(Role.OWNER)
    body = make(client, name="First", sector="Energy")
    address = f"/api/v1/companies/{body['id']}"
    tag = client.get(address)["ETag"]
    answer = client.patch(address, {"name": "Second"}, format="json", headers={"if-match": tag})
    assert (answer.status_code, answer.json()["name"], answer.json()["sector"]) == (200, "Second", "Energy")
    stale = client.patch(address, {"name": "Third"}, format="json", headers={"if-match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    whole = client.put(address, {"symbol": "RENAMED", "name": "Whole"}, format="json")
    assert (whole.json()["symbol"], whole.json()["sector"]) == ("RENAMED", "")
    assert client.delete(address, headers={"if-match": tag}).status_code == 412
    with people.within("alpha", "one"):
        changes = AuditEvent.objects.filter(object_id=body["id"], action="companies.company.changed")
        assert changes.order_by("id").first().changes == {"name": ["First", "Second"]}


def test_an_analyst_changes_his_own_and_rates_everybodys(people: World):
    his = make(people.client(Role.OWNER), symbol="HIS")
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        grade = master_grades()[4]
    address = f"/api/v1/companies/{his['id']}"
    answer = client.patch(address, {"name": "Mine"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
    rated = client.post(f"{address}/rating", {"rating": grade, "reason": "Strong cash"}, format="json")
    assert (rated.status_code, rated.json()["internal_rating"]) == (200, grade)
    client.post(f"{address}/rating", {"rating": "watch it", "reason": "Weak quarter"}, format="json")
    history = client.get(f"{address}/ratings").json()["items"]
    assert [(r["rating"], r["before"], r["scheme"], r["reason"]) for r in history] == [
        ("watch it", grade, "free", "Weak quarter"),
        (grade, "", "master_scale", "Strong cash"),
    ]
    assert history[0]["created_by"] == people.user(Role.ANALYST).email
    again = client.post(f"{address}/rating", {"rating": "watch it", "reason": "x"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "same_state")
    assert found(client, "rating=watch it") == ["HIS"]
    assert people.client(Role.VIEWER).post(f"{address}/rating", {}, format="json").status_code == 403


@pytest.fixture
def some(people: World):
    with people.within("alpha", "one"):
        owner = Organization.objects.get()
        rows = {
            "AAPL": {"name": "Apple Inc.", "country": "US", "sector": "Technology", "cik": "320193"},
            "SAP": {"name": "SAP SE", "country": "DE", "sector": "Technology", "tags": ["core", "eu"]},
            "TTE": {"name": "TotalEnergies SE", "country": "FR", "sector": "Energy", "tags": ["eu"]},
        }
        companies = {s: CompanyFactory(organization=owner, symbol=s, **v) for s, v in rows.items()}
        old = {"organization": owner, "company": companies["AAPL"], "fiscal_year": 2023, "pd": 0.10}
        PredictionFactory(**old, risk_level="HIGH")
        PredictionFactory(**old | {"fiscal_year": 2024, "pd": 0.02, "risk_level": "LOW"})
        PredictionFactory(organization=owner, company=companies["TTE"], pd=0.2, risk_level="CRITICAL")
    return companies


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ("search=apple", ["AAPL"]),
        ("search=energies se", ["TTE"]),
        ("search=320193", ["AAPL"]),
        ("search=sap", ["SAP"]),
        ("sector=information technology&country=US&country=DE&ordering=symbol", ["AAPL", "SAP"]),
        ("country=germany", ["SAP"]),
        ("country=DE&country=FR&ordering=-symbol", ["TTE", "SAP"]),
        ("tag=eu&tag=core", ["SAP"]),
        ("risk_level=LOW&search=AAPL", ["AAPL"]),
        ("risk_level=HIGH&search=AAPL", []),
        ("min_probability=0.15", ["TTE"]),
        ("max_probability=0.019&search=AAPL", []),
        ("min_probability=0.01&max_probability=0.05&search=AAPL", ["AAPL"]),
        ("min_probability=0.05&max_probability=0.25&sector=Energy", ["TTE"]),
        ("risk_level=CRITICAL&min_probability=0.15&max_probability=0.25", ["TTE"]),
        ("risk_level=LOW&min_probability=0.15", []),
        ("has_prediction=false&sector=Technology&search=SAP", ["SAP"]),
        ("has_prediction=true&search=SAP", []),
        ("cik=0000320193", ["AAPL"]),
        ("tracked=true", []),
        ("state=defaulted", []),
    ],
)
def test_filters(people: World, some, query, symbols):
    assert found(people.client(Role.VIEWER), query) == symbols


def test_a_level_and_a_range_are_one_question(people: World, some):
    client = people.client(Role.VIEWER)
    query = "risk_level=LOW&min_probability=0.01&max_probability=0.05&search=apple"
    with asked() as statements:
        assert found(client, query) == ["AAPL"]
    narrowed = [sql for sql in statements if "risk_level" in sql and 'FROM "companies_company"' in sql]
    assert len(narrowed) == 2  # how many there are, and a page of them
    for sql in narrowed:
        assert sql.count('."risk_level" IN') == sql.count('."pd" >= ') == sql.count('."pd" <= ') == 1


def test_the_planner_knows_sectors_and_industries_in_any_letters(people: World):
    """By the very expression that the filters ask with; else it takes a sector for one company in 200."""
    with people.within("alpha", "one"), connection.cursor() as cursor:
        for column in ("sector", "industry"):
            sql = str(Company.objects.filter(**{f"{column}__iexact": "Energy"}).query)
            assert f'UPPER("companies_company"."{column}"::text)' in sql
        cursor.execute(
            "SELECT unnest(pg_get_statisticsobjdef_expressions(oid)) FROM pg_statistic_ext"
            " WHERE stxnamespace = %s::regnamespace",
            [connection.schema_name],
        )
        known = {expression for (expression,) in cursor.fetchall()}
    assert {"upper((sector)::text)", "upper((industry)::text)"} <= known


@pytest.mark.parametrize("few", [0, 1000])
def test_companies_without_a_pd_are_known_at_once_however_many(people: World, some, monkeypatch, few: int):
    monkeypatch.setattr(outlook, "FEW", few)
    client = people.client(Role.VIEWER)
    assert found(client, "has_prediction=false&search=SAP") == ["SAP"]
    with people.within("alpha", "one"):
        company = Company.objects.get(symbol="SAP")
        PredictionFactory(organization=company.organization, company=company)
    assert found(client, "has_prediction=false&search=SAP") == []


def test_the_latest_pd_stands_in_the_list_and_a_bad_filter_is_named(people: World, some):
    client = people.client(Role.VIEWER)
    item = client.get("/api/v1/companies?symbol=aapl").json()["items"][0]
    latest = item["latest"]
    assert (latest["probability"], latest["risk_level"], latest["reporting_year"]) == (0.02, "LOW", "2024")
    assert (latest["previous_probability"], latest["change"]) == (0.1, -0.08)
    for query in ("country=Atlantis", "custom.none=1", "risk_level=AWFUL", "has_prediction=perhaps"):
        assert client.get(f"/api/v1/companies?{query}").status_code == 400


def test_a_walk_by_cursor_meets_each_company_once(people: World, some):
    client, seen = people.client(Role.OWNER), []
    address = "/api/v1/companies?size=2&cursor="
    while address:
        body = client.get(address).json()
        seen += [item["id"] for item in body["items"]]
        address = body["next"]
    with people.within("alpha", "one"):
        assert sorted(seen) == sorted(str(i) for i in Company.objects.values_list("id", flat=True))


def test_own_fields_are_defined_asked_for_and_found_by(people: World):
    admin, client = people.client(Role.TENANT_ADMIN), people.client(Role.OWNER)
    field = {
        "name": "desk",
        "label": "Desk",
        "kind": "choice",
        "choices": ["North", "South"],
        "required": True,
    }
    answer = admin.post("/api/v1/custom-fields", field, format="json")
    assert answer.status_code == 201, answer.content
    admin.post("/api/v1/custom-fields", {"name": "rank", "label": "Rank", "kind": "number"}, format="json")
    assert admin.post("/api/v1/custom-fields", field, format="json").json()["code"] == "duplicate_field"
    bad = {"name": "x", "label": "X", "kind": "text", "choices": ["a"]}
    assert admin.post("/api/v1/custom-fields", bad, format="json").status_code == 400
    assert client.post("/api/v1/custom-fields", field, format="json").status_code == 403
    assert [f["name"] for f in client.get("/api/v1/custom-fields").json()["items"]] == ["desk", "rank"]

    refused = client.post("/api/v1/companies", {"symbol": "NODESK"}, format="json")
    assert refused.json()["errors"][0]["pointer"] == "/custom/desk"
    row = make(client, symbol="DESK", custom={"desk": "north", "rank": 7})
    assert row["custom"] == {"desk": "North", "rank": 7}
    make(client, symbol="SOUTH", custom={"desk": "South", "rank": 12})
    assert found(client, "custom.desk=North") == ["DESK"]
    assert found(client, "custom.rank.min=10") == ["SOUTH"]
    assert found(client, "custom.rank=7") == ["DESK"]
    changed = client.patch(f"/api/v1/companies/{row['id']}", {"custom": {"rank": None}}, format="json").json()
    assert changed["custom"] == {"desk": "North"}

    address = f"/api/v1/custom-fields/{answer.json()['id']}"
    assert admin.post(f"{address}/archive").status_code == 200
    assert [f["name"] for f in client.get("/api/v1/custom-fields").json()["items"]] == ["rank"]
    assert make(client, symbol="FREE")["custom"] == {}
    # Another institution knows nothing of it.
    other = people.client(Role.OWNER, "beta").get("/api/v1/custom-fields").json()
    assert other["items"] == []


def test_sectors_and_how_codes_lead_to_them(people: World):
    client = people.client(Role.VIEWER)
    assert len(client.get("/api/v1/sectors").json()) == 11
    body = client.get("/api/v1/sectors/classify?nace=C26.11").json()
    assert body == {"sector": "Technology", "industry": "Semiconductors"}


def test_tags_of_several(people: World):
    client = people.client(Role.OWNER)
    ids = [make(client, symbol=f"T{n}", tags=["old"])["id"] for n in range(3)]
    said = {"companies": ids, "add": ["new"], "remove": ["old"]}
    assert client.post("/api/v1/companies/tags", said, format="json").json() == {"changed": 3}
    assert len(found(client, "tag=new")) == 3
    with people.within("alpha", "two"):
        foreign = str(Company.objects.first().id)
    said["companies"] = [ids[0], foreign]
    assert client.post("/api/v1/companies/tags", said, format="json").status_code == 404

"""Companies go with everything of them and come back; two become one and two again."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.permissions import Role
from companies import services
from companies.models import Company, CompanyMerge, RatingChange, Statement, following_models
from companies.services import duplicates
from companies.tasks import purge_deleted
from organizations.models import AuditEvent, Organization
from predictions.models import Prediction, Score
from predictions.monitoring import defaults
from predictions.monitoring.defaults import default_note
from predictions.monitoring.models import Outcome
from tenants.kernel import scope
from tenants.kernel.context import in_public, in_tenant
from tenants.kernel.errors import DomainError
from tenants.kernel.request import SYSTEM
from tests.factories import (
    CompanyFactory,
    JobFactory,
    OutcomeFactory,
    PredictionFactory,
    ScoreFactory,
    StatementFactory,
)
from tests.fixtures import OwnTenant, World
from tests.queries import asked, difference


def whole(place, symbol, *, years=(2024,), **values):
    """A company with a statement, a prediction and an outcome."""
    company = CompanyFactory(organization_id=place, symbol=symbol, **values)
    for year in years:
        StatementFactory(organization_id=place, company=company, fiscal_year=year)
        PredictionFactory(organization_id=place, company=company, fiscal_year=year)
    return company


def place_of(people: World):
    return people.organizations["alpha", "one"]


def test_every_table_with_a_company_follows_it():
    labels = {model._meta.label for model in following_models()}
    assert {"companies.Statement", "predictions.Prediction", "monitoring.Outcome"} <= labels


def test_a_deleted_company_is_nowhere_and_comes_back_whole(people: World):
    with people.within("alpha", "one"):
        place = place_of(people)
        company = whole(place, "GONE")
        OutcomeFactory(organization_id=place, company=company)
        job = JobFactory(organization_id=place)
        prediction = Prediction.objects.get(company=company)
        ScoreFactory(organization_id=place, prediction=prediction, job=job, row_number=2)
    client = people.client(Role.OWNER)
    address = f"/api/v1/companies/{company.id}"
    before = {
        path: client.get(f"/api/v1/{path}").json()["total"]
        for path in (
            "companies",
            "predictions/annual",
            "monitoring/outcomes",
            f"predictions/jobs/{job.id}/results",
        )
    }
    assert client.delete(address).status_code == 204
    for path, total in before.items():
        assert client.get(f"/api/v1/{path}").json()["total"] == total - 1, path
    for path in (address, f"/api/v1/predictions/annual/{prediction.id}"):
        assert client.get(path).status_code == 404
    assert client.delete(address).status_code == 404
    with people.within("alpha", "one"):
        assert not Statement.objects.filter(company_id=company.id).exists()
        assert Prediction.all_objects.filter(company_id=company.id).exists()
    listed = client.get("/api/v1/companies/deleted").json()["items"]
    assert [(row["symbol"], bool(row["deleted_at"])) for row in listed] == [("GONE", True)]
    assert people.client(Role.OWNER, organization="two").get("/api/v1/companies/deleted").json()["total"] == 0

    assert client.post(f"{address}/restore", {}, format="json").status_code == 200
    for path, total in before.items():
        assert client.get(f"/api/v1/{path}").json()["total"] == total, path
    with people.within("alpha", "one"):
        assert Statement.objects.filter(company_id=company.id).count() == 1
        actions = AuditEvent.objects.filter(object_id=str(company.id)).order_by("id")
        assert list(actions.values_list("action", flat=True)) == [
            "companies.company.deleted",
            "companies.company.restored",
        ]


def test_a_symbol_that_was_given_away_meanwhile(people: World):
    client = people.client(Role.OWNER)
    with people.within("alpha", "one"):
        company = whole(place_of(people), "TWICE")
    address = f"/api/v1/companies/{company.id}"
    client.delete(address)
    made = client.post("/api/v1/companies", {"symbol": "TWICE"}, format="json")
    assert made.status_code == 201
    refused = client.post(f"{address}/restore", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "duplicate_company")
    assert refused.json()["company_id"] == made.json()["id"]
    back = client.post(f"{address}/restore", {"symbol": "twice.old"}, format="json")
    assert (back.status_code, back.json()["symbol"]) == (200, "TWICE.OLD")


def test_what_was_deleted_long_ago_goes_for_good(people: World, settings):
    with people.within("alpha", "one"):
        old, fresh = whole(place_of(people), "LONGAGO"), whole(place_of(people), "JUSTNOW")
        for company in (old, fresh):
            services.company_delete(company=company, actor=SYSTEM)
        past = timezone.now() - timedelta(days=settings.COMPANY_RETENTION_DAYS + 1)
        Company.all_objects.filter(id=old.id).update(deleted_at=past)
    with in_public():
        assert purge_deleted() == 1
    with people.within("alpha", "one"):
        left = Company.all_objects.exclude(deleted_at=None).values_list("symbol", flat=True)
        assert list(left) == ["JUSTNOW"]
        assert not Score.objects.filter(prediction__company_id=old.id).exists()
    client = people.client(Role.OWNER)
    assert client.post(f"/api/v1/companies/{fresh.id}/purge").status_code == 204
    with people.within("alpha", "one"):
        assert not Company.all_objects.filter(id=fresh.id).exists()
        assert AuditEvent.objects.filter(object_id=str(fresh.id), action="companies.company.purged").exists()


def test_twins_are_found_by_their_surest_reason_and_the_oldest_are_named(people: World):
    client = people.client(Role.OWNER)

    def groups() -> list[tuple[str, list[str]]]:
        found = client.get("/api/v1/companies/duplicates").json()
        return [(group["reason"], [c["symbol"] for c in group["companies"]]) for group in found]

    with people.within("alpha", "one"):
        place = place_of(people)
        for number in (1, 2):
            CompanyFactory(organization_id=place, symbol=f"T{number}", name="Twin Inc.")
    assert groups() == [("name", ["T1", "T2"])]
    with people.within("alpha", "one"):
        for number in (1, 2, 3):
            CompanyFactory(
                organization_id=place, symbol=f"A{number}", ticker="AAA", exchange="XNAS", name="Same"
            )
        for number in range(12):
            CompanyFactory(organization_id=place, symbol=f"MANY{number}", name="n/a")
        Company.objects.filter(symbol="T2").update(name="Another")
    assert groups() == [
        ("ticker", ["A1", "A2", "A3"]),
        ("name", [f"MANY{number}" for number in range(duplicates.MOST_MEMBERS)]),
    ]


def test_many_groups_of_twins_take_no_more_queries_than_one(people: World):
    client = people.client(Role.OWNER)

    def statements() -> list[str]:
        with asked() as found:
            client.get("/api/v1/companies/duplicates")
        return found

    def twins(*names: str) -> None:
        with people.within("alpha", "one"):
            for name in names:
                for number in (1, 2):
                    CompanyFactory(organization_id=place_of(people), symbol=f"{name}{number}", name=name)

    def looked_for() -> list[str]:
        with people.within("alpha", "one"), asked() as found:
            duplicates._groups()
        return found

    twins("First")
    statements()  # fills what is cached for a moment
    one, few = looked_for(), statements()
    twins("Second", "Third", "Fourth")
    statements()
    four, many = looked_for(), statements()
    assert len(four) == len(one), difference(one, four)
    assert len(many) == len(few), difference(few, many)


def test_two_entries_become_one_and_two_again(people: World):
    client = people.client(Role.OWNER)
    with people.within("alpha", "one"):
        place = place_of(people)
        stays = whole(place, "STAYS", years=(2023, 2024), name="Twin Inc.", tags=["a"], country="")
        goes = whole(place, "GOES", years=(2022, 2023), name="TWIN, Incorporated", tags=["b"], country="US")
        OutcomeFactory(organization_id=place, company=goes)
        services.company_rate(company=goes, rating="B", reason="before", actor=SYSTEM)
    pairs = client.get("/api/v1/companies/duplicates").json()
    assert [{c["symbol"] for c in pair["companies"]} for pair in pairs] == [{"STAYS", "GOES"}]

    address = f"/api/v1/companies/{stays.id}"
    merged = client.post(f"{address}/merge", {"merged": str(goes.id), "reason": "typed twice"}, format="json")
    assert merged.status_code == 200, merged.content
    body = merged.json()
    assert body["moved"] == {
        "companies.Statement": 1,
        "companies.RatingChange": 1,
        "predictions.Prediction": 1,
        "monitoring.Outcome": 1,
    }
    assert body["kept"] == {"companies.Statement": 1, "predictions.Prediction": 1}
    one = client.get(address).json()
    assert (one["country"], one["tags"], one["internal_rating"]) == ("US", ["a", "b"], "B")
    assert client.get(f"/api/v1/companies/{goes.id}").status_code == 404
    assert client.get(f"/api/v1/predictions/annual?company={stays.id}").json()["total"] == 3
    assert client.post(f"/api/v1/companies/{goes.id}/restore", {}, format="json").json()["code"] == "merged"

    undone = client.post(f"{address}/undo-merge", {"merge": body["id"]}, format="json")
    assert (undone.status_code, undone.json()["symbol"], undone.json()["state"]) == (200, "GOES", "alive")
    again = client.post(f"{address}/undo-merge", {"merge": body["id"]}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "undone")
    one = client.get(address).json()
    assert (one["country"], one["tags"], one["internal_rating"]) == ("", ["a"], "")
    with people.within("alpha", "one"):
        assert set(Prediction.objects.filter(company=goes).values_list("fiscal_year", flat=True)) == {
            2022,
            2023,
        }
        assert set(Prediction.objects.filter(company=stays).values_list("fiscal_year", flat=True)) == {
            2023,
            2024,
        }
        assert RatingChange.objects.get().company_id == goes.id
        assert Outcome.objects.filter(company=goes).count() == 1


def test_who_may_not_be_merged(people: World):
    client = people.client(Role.OWNER)
    with people.within("alpha", "one"):
        company = whole(place_of(people), "ALONE")
    with people.within("alpha", "two"):
        foreign = Company.objects.first()
    address = f"/api/v1/companies/{company.id}/merge"
    assert client.post(address, {"merged": str(foreign.id)}, format="json").status_code == 404
    assert client.post(address, {"merged": str(company.id)}, format="json").status_code == 400
    admin = people.client(Role.TENANT_ADMIN)
    answer = admin.post(address, {"merged": str(foreign.id)}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


def test_merge_delete_and_restore_at_once_leave_one_truth(own_tenant: OwnTenant, django_db_blocker):
    with django_db_blocker.unblock(), own_tenant.within():
        place = Organization.objects.get(id=own_tenant.organization_id).id
        one, two = (whole(place, s, years=(2023 + n,)) for n, s in enumerate(("ONE", "TWO")))
    outcomes: list[str] = []

    def run(work, **kwargs):
        try:
            with in_tenant(own_tenant.ref), scope.every_organization(reason="test"):
                work(**kwargs, actor=SYSTEM)
            outcomes.append("done")
        except DomainError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    with django_db_blocker.unblock():
        jobs = [
            (services.companies_merge, {"survivor": one, "merged": two}),
            (services.companies_merge, {"survivor": two, "merged": one}),
            (services.company_delete, {"company": one}),
            (services.company_delete, {"company": two}),
        ]
        threads = [threading.Thread(target=run, args=(work,), kwargs=kwargs) for work, kwargs in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 4
        assert set(outcomes) <= {"done", "absent"}
        with own_tenant.within():
            assert CompanyMerge.objects.count() <= 1
            # Nothing is lost, and every row is exactly as visible as its company.
            assert Prediction.all_objects.count() == Statement.all_objects.count() == 2
            for model in (Prediction, Statement):
                for row in model.all_objects.select_related("company"):
                    assert (row.company_deleted_at is None) == (row.company.deleted_at is None)


def test_a_default_is_an_outcome_and_a_mistake_takes_it_away(people: World):
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        company = whole(place_of(people), "BUST")
    address = f"/api/v1/companies/{company.id}"
    future = (timezone.now() + timedelta(days=2)).date().isoformat()
    assert client.post(f"{address}/default", {"occurred_on": future}, format="json").status_code == 400
    said = {"occurred_on": "2025-06-30", "kind": "chapter_11"}
    body = client.post(f"{address}/default", said, format="json").json()
    assert (body["state"], body["defaulted_on"], body["default_kind"]) == (
        "defaulted",
        "2025-06-30",
        "chapter_11",
    )
    version = client.post(f"{address}/default", said, format="json").json()["version"]
    assert version == body["version"]
    with people.within("alpha", "one"):
        outcome = Outcome.objects.get(company=company)
        assert (outcome.kind, outcome.occurred_on.isoformat()) == ("bankruptcy", "2025-06-30")
        assert not default_note(company_id=company.id, actor=SYSTEM)
    body = client.post(f"{address}/revive", {"reason": "wrong name", "mistaken": True}, format="json").json()
    assert (body["state"], body["defaulted_on"]) == ("alive", None)
    assert client.post(f"{address}/revive", {"reason": "x"}, format="json").status_code == 409
    with people.within("alpha", "one"):
        assert not Outcome.objects.filter(company=company).exists()


def test_what_somebody_recorded_of_a_default_stays_when_its_mark_goes(people: World):
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        company = CompanyFactory(organization_id=place_of(people))
        of = {"organization_id": company.organization_id, "company": company}
        Outcome.objects.create(**of, occurred_on="2025-06-30", kind="bankruptcy")
    address = f"/api/v1/companies/{company.id}"
    said, mistake = {"occurred_on": "2025-06-30", "kind": "payment"}, {"reason": "x", "mistaken": True}
    assert client.post(f"{address}/default", said, format="json").status_code == 200
    assert client.post(f"{address}/revive", mistake, format="json").status_code == 200
    with people.within("alpha", "one"):
        assert Outcome.objects.get(company=company).kind == "bankruptcy"


def test_no_default_stands_without_its_outcome(people: World, monkeypatch):
    client = people.client(Role.ANALYST)
    with people.within("alpha", "one"):
        company = CompanyFactory(organization_id=place_of(people))

    def fails(**_):
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(defaults, "default_note", fails)
    said = {"occurred_on": "2025-06-30", "kind": "chapter_11"}
    with pytest.raises(OperationalError):
        client.post(f"/api/v1/companies/{company.id}/default", said, format="json")
    with people.within("alpha", "one"):
        assert Company.objects.get(id=company.id).state == "alive"

"""Companies in sets: a bad row is told of and stops no other, and the same set twice changes nothing."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from companies.models import Company, CustomField
from companies.services import companies_upsert
from organizations.models import AuditEvent, Organization
from tenants.kernel import scope
from tenants.kernel.context import in_tenant
from tenants.kernel.ids import uuid7
from tenants.kernel.request import SYSTEM, Actor
from tests.factories import CompanyFactory
from tests.fixtures import OwnTenant, World

LEI, OTHER_LEI = "HWUPKR0MPOU8FGXBT394", "INR2EJN1ERAN0W5ZP974"


@pytest.fixture
def place(people: World):
    with people.within("alpha", "one"):
        yield Organization.objects.get().id


def upsert(place, *rows, **options):
    return companies_upsert(rows=rows, organization_id=place, actor=SYSTEM, **options)


def test_new_known_and_bad_rows_in_one_set(place):
    known = CompanyFactory(organization_id=place, symbol="OLD", name="Old", country="US", lei=LEI)
    done = upsert(
        place,
        {"symbol": "new", "name": "New", "sector": "Tech", "country": "Germany"},
        {"symbol": "OLD", "name": "Older"},
        {"lei": LEI, "currency": "EUR"},
        {"symbol": "BAD", "lei": "123"},
        {"name": "No symbol"},
        {"symbol": "new", "name": "New"},
        {"symbol": "NEW", "name": "Newer", "market_cap": 12},
    )
    assert [d.outcome for d in done] == [
        *("created", "updated", "updated", "refused", "refused", "unchanged", "updated")
    ]
    assert [d.faults[0].code for d in done if d.faults] == ["lei_format", "required"]
    made = Company.objects.get(symbol="NEW")
    assert (made.name, made.sector, made.country, made.market_cap) == ("Newer", "Technology", "DE", 12)
    known.refresh_from_db()
    assert (known.name, known.currency) == ("Older", "EUR")
    assert known.version > 1
    events = AuditEvent.objects.filter(object_id__in=[str(made.id), str(known.id)])
    assert set(events.values_list("action", flat=True)) == {
        "companies.company.created",
        "companies.company.changed",
    }


def test_the_same_set_again_changes_nothing(place):
    rows = [{"symbol": f"S{n}", "name": f"Name {n}", "sector": "Energy", "tags": ["a"]} for n in range(5)]
    assert {d.outcome for d in upsert(place, *rows)} == {"created"}
    before = list(Company.objects.filter(symbol__startswith="S").values_list("id", "version", "updated_at"))
    events = AuditEvent.objects.count()
    assert {d.outcome for d in upsert(place, *rows)} == {"unchanged"}
    again = list(Company.objects.filter(symbol__startswith="S").values_list("id", "version", "updated_at"))
    assert again == before
    assert AuditEvent.objects.count() == events


def test_a_trial_writes_nothing(place):
    before = Company.objects.count()
    done = upsert(place, {"symbol": "TRIAL"}, {"symbol": "?"}, dry_run=True)
    assert [d.outcome for d in done] == ["created", "refused"]
    assert Company.objects.count() == before


def test_identifiers_that_disagree_and_identifiers_that_are_taken(place):
    CompanyFactory(organization_id=place, symbol="AAA", lei=LEI)
    CompanyFactory(organization_id=place, symbol="BBB")
    done = upsert(
        place,
        {"symbol": "BBB", "lei": LEI},
        {"symbol": "CCC", "lei": OTHER_LEI},
        {"symbol": "DDD", "lei": OTHER_LEI},
        {"lei": LEI, "symbol": "ZZZ", "name": "Named"},
    )
    assert [d.outcome for d in done] == ["refused", "created", "refused", "updated"]
    assert [d.faults[0].code for d in done if d.faults] == ["identifiers_disagree", "identifier_taken"]
    assert done[3].notes[0].code == "known_by_other_symbol"
    assert not Company.objects.filter(symbol="ZZZ").exists()


def test_without_symbol_a_number_or_a_ticker_finds_the_company(place):
    CompanyFactory(organization_id=place, symbol="FRA", country="FR", national_id="552008443")
    CompanyFactory(organization_id=place, symbol="TIC", ticker="TICK", exchange="XNAS")
    done = upsert(
        place,
        {"country": "France", "national_id": "552 008 443", "name": "By number"},
        {"ticker": "tick", "exchange": "Nasdaq", "name": "By ticker"},
        {"ticker": "fresh", "name": "Ticker as symbol"},
    )
    assert [d.company.symbol for d in done] == ["FRA", "TIC", "FRESH"]
    assert [d.outcome for d in done] == ["updated", "updated", "created"]


def test_somebody_elses_company_only_learns_what_it_lacks(place):
    CompanyFactory(organization_id=place, symbol="HIS", name="His", sector="", created_by_id=uuid7())
    done = companies_upsert(
        rows=[{"symbol": "HIS", "name": "Mine", "sector": "Energy"}],
        organization_id=place,
        only_own=True,
        actor=Actor(uuid7(), "analyst"),
    )
    assert done[0].outcome == "updated"
    assert [(n.field, n.code) for n in done[0].notes] == [("name", "not_yours")]
    row = Company.objects.get(symbol="HIS")
    assert (row.name, row.sector) == ("His", "Energy")


def test_own_fields_are_checked_and_required_of_new_companies(place):
    CustomField.objects.create(name="desk", label="Desk", kind="choice", choices=["A", "B"], required=True)
    done = upsert(
        place,
        {"symbol": "ONE", "custom.desk": "a"},
        {"symbol": "TWO"},
        {"symbol": "THREE", "custom": {"desk": "C"}},
    )
    assert [d.outcome for d in done] == ["created", "refused", "refused"]
    assert [d.faults[0].code for d in done[1:]] == ["required", "custom_choice"]
    assert done[0].company.custom == {"desk": "A"}
    assert upsert(place, {"symbol": "ONE", "name": "Known"})[0].outcome == "updated"


def test_the_number_of_queries_does_not_grow_with_known_rows(place, django_assert_max_num_queries):
    rows = [{"symbol": f"Q{n}", "name": "Same"} for n in range(200)]
    upsert(place, *rows)
    with django_assert_max_num_queries(12):
        upsert(place, *rows)


def test_two_sets_at_once_make_each_company_once(own_tenant: OwnTenant, django_db_blocker):
    rows = [{"symbol": f"RACE{n}", "name": "Racer"} for n in range(50)]
    outcomes: list[str] = []

    def run(order):
        try:
            with in_tenant(own_tenant.ref), scope.every_organization(reason="test"):
                done = companies_upsert(rows=order, organization_id=own_tenant.organization_id, actor=SYSTEM)
            outcomes.extend(d.outcome for d in done)
        finally:
            connection.close()

    with django_db_blocker.unblock():
        threads = [threading.Thread(target=run, args=(order,)) for order in (rows, rows[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with own_tenant.within():
            assert Company.objects.filter(symbol__startswith="RACE").count() == 50
    assert sorted(outcomes) == ["created"] * 50 + ["unchanged"] * 50

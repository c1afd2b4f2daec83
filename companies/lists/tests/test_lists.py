"""Watchlists, notes with mentions, and what people looked at."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.permissions import Role
from companies.lists.models import Note, RecentView, WatchlistEntry
from companies.lists.personal import collect, erase
from companies.models import Company
from organizations.models import AuditEvent
from organizations.notices.models import Notice
from tests.factories import CompanyFactory, PredictionFactory
from tests.fixtures import World
from tests.queries import asked


@pytest.fixture
def two(people: World):
    place = people.organizations["alpha", "one"]
    with people.within("alpha", "one"):
        rows = [CompanyFactory(organization_id=place, symbol=f"W{n}") for n in (1, 2)]
        PredictionFactory(organization_id=place, company=rows[0], fiscal_year=2023, pd=0.02)
        PredictionFactory(
            organization_id=place, company=rows[0], fiscal_year=2024, pd=0.08, risk_level="HIGH"
        )
    return rows


def begin(client, **values):
    answer = client.post("/api/v1/watchlists", {"name": "Core", **values}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def ids(companies):
    return {"companies": [str(company.id) for company in companies]}


def test_a_list_shows_what_has_changed(people: World, two):
    client = people.client(Role.ANALYST)
    row = begin(client)
    address = f"/api/v1/watchlists/{row['id']}"
    assert client.post(f"{address}/add", ids(two), format="json").json() == {"changed": 2}
    assert client.post(f"{address}/add", ids(two), format="json").json() == {"changed": 0}
    items = client.get(f"{address}/companies").json()["items"]
    assert [item["symbol"] for item in items] == ["W1", "W2"]
    latest = items[0]["latest"]
    assert (latest["probability"], latest["change"], latest["risk_level"]) == (0.08, 0.06, "HIGH")
    assert client.get(f"{address}/companies?risk_level=HIGH").json()["total"] == 1
    second = begin(client, name="Second")
    assert client.post(f"/api/v1/watchlists/{second['id']}/add", ids(two), format="json").status_code == 200
    assert client.get(f"/api/v1/watchlists?company={two[0].id}").json()["total"] == 2
    assert client.post(f"{address}/remove", ids(two[:1]), format="json").json() == {"changed": 1}
    assert client.get(address).json()["companies"] == 1
    mine = client.get("/api/v1/companies?mine=watched&ordering=symbol").json()["items"]
    assert [item["symbol"] for item in mine] == ["W1", "W2"]
    duplicate = client.post("/api/v1/watchlists", {"name": "Core"}, format="json")
    assert (duplicate.status_code, duplicate.json()["code"]) == (409, "duplicate_list")


def test_how_many_are_mine_follows_lists_and_companies(people: World, two):
    client = people.client(Role.ANALYST)
    address = f"/api/v1/watchlists/{begin(client)['id']}"

    def mine(of=client):
        found = of.get("/api/v1/companies?mine=any").json()
        assert len(found["items"]) == found["total"]
        return found["total"]

    before, others = mine(), mine(people.client(Role.VIEWER))
    client.post(f"{address}/add", ids(two), format="json")
    assert mine() == before + 2
    assert mine(people.client(Role.VIEWER)) == others
    with people.within("alpha", "one"):
        Company.objects.filter(id=two[0].id).update(deleted_at=timezone.now())
    assert mine() == before + 1
    client.delete(address, headers={"if-match": client.get(address)["ETag"]})
    assert mine() == before
    with asked() as statements:
        assert mine() == before
    assert not [sql for sql in statements if "COUNT(*)" in sql and 'FROM "companies_company"' in sql]


def test_a_private_list_is_its_makers_alone_and_a_shared_one_is_read_by_all(people: World, two):
    client = people.client(Role.ANALYST)
    private, shared = begin(client, name="Private"), begin(client, name="Shared", shared=True)
    owner, viewer = people.client(Role.OWNER), people.client(Role.VIEWER)
    assert owner.get(f"/api/v1/watchlists/{private['id']}").status_code == 404
    assert viewer.get(f"/api/v1/watchlists/{shared['id']}").json()["mine"] is False
    assert viewer.post(f"/api/v1/watchlists/{shared['id']}/add", ids(two), format="json").status_code == 403
    assert owner.post(f"/api/v1/watchlists/{shared['id']}/add", ids(two), format="json").status_code == 200
    other = people.client(Role.OWNER, organization="two")
    assert other.get(f"/api/v1/watchlists/{shared['id']}").status_code == 404
    with people.within("alpha", "two"):
        foreign = Company.objects.first()
    answer = client.post(f"/api/v1/watchlists/{shared['id']}/add", ids([foreign]), format="json")
    assert answer.status_code == 404


def test_lists_follow_their_companies(people: World, two):
    client = people.client(Role.OWNER)
    row = begin(client)
    address = f"/api/v1/watchlists/{row['id']}"
    client.post(f"{address}/add", ids(two), format="json")
    client.post("/api/v1/notes", {"company": str(two[1].id), "text": "Hm."}, format="json")
    said = {"merged": str(two[1].id)}
    body = client.post(f"/api/v1/companies/{two[0].id}/merge", said, format="json").json()
    assert (body["moved"], body["kept"]) == ({"lists.Note": 1}, {"lists.WatchlistEntry": 1})
    assert client.get(address).json()["companies"] == 1
    assert client.get(f"/api/v1/notes?company={two[0].id}").json()["total"] == 1
    client.delete(f"/api/v1/companies/{two[0].id}")
    assert client.get(address).json()["companies"] == 0
    assert client.get(f"/api/v1/notes?company={two[0].id}").json()["total"] == 0
    with people.within("alpha", "one"):
        assert WatchlistEntry.all_objects.filter(watchlist_id=row["id"]).count() == 2


def test_who_is_named_is_told_if_he_may_see_it(people: World, two):
    client, viewer = people.client(Role.ANALYST), people.user(Role.VIEWER)
    stranger = people.user(Role.VIEWER, organization="two")
    text = f"Look at the cash, @{viewer.email} and @{stranger.email}."
    answer = client.post("/api/v1/notes", {"company": str(two[0].id), "text": text}, format="json")
    assert answer.status_code == 201, answer.content
    note = answer.json()
    assert [person["email"] for person in note["mentions"]] == [viewer.email]
    with people.within("alpha", "one"):
        found = Notice.objects.filter(kind="mentions")
        assert [(row.user_id, two[0].symbol in row.title) for row in found] == [(viewer.id, True)]
    named = people.client(Role.VIEWER).get("/api/v1/notes?naming_me=true").json()["items"]
    assert [row["id"] for row in named] == [note["id"]]

    reply = {"company": str(two[0].id), "text": "I did.", "in_reply_to": note["id"]}
    owner = people.client(Role.OWNER)
    assert owner.post("/api/v1/notes", reply, format="json").json()["in_reply_to_id"] == note["id"]
    address = f"/api/v1/notes/{note['id']}"
    refused = owner.patch(address, {"text": "Other words"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    owner_user = people.user(Role.OWNER)
    said = {"text": "Better words", "mentions": [str(viewer.id), str(owner_user.id)]}
    edited = client.patch(address, said, format="json").json()
    assert edited["edited_at"] is not None
    with people.within("alpha", "one"):
        told = Notice.objects.filter(kind="mentions").order_by("id").values_list("user_id", flat=True)
        assert list(told) == [viewer.id, owner_user.id]  # the first is not told again
        change = AuditEvent.objects.get(object_id=note["id"], action="lists.note.changed")
        assert change.changes["text"][1] == "Better words"
    assert owner.delete(address).status_code == 204
    with people.within("alpha", "one"):
        assert not Note.objects.filter(company=two[0]).exists()


def test_what_was_looked_at_last_is_remembered_for_each(people: World, two, monkeypatch):
    monkeypatch.setattr("companies.lists.services.MOST_RECENT", 2)
    client = people.client(Role.VIEWER)
    with people.within("alpha", "one"):
        third = CompanyFactory(organization_id=people.organizations["alpha", "one"], symbol="W3")
    for company in (*two, third, two[1]):
        client.get(f"/api/v1/companies/{company.id}")
    recent = client.get("/api/v1/companies/recent").json()["items"]
    assert [item["symbol"] for item in recent] == ["W2", "W3"]
    assert people.client(Role.OWNER).get("/api/v1/companies/recent").json()["total"] == 0


def test_what_is_a_persons_own_is_exported_and_goes_with_him(people: World, two):
    client, user = people.client(Role.ANALYST), people.user(Role.ANALYST)
    begin(client, name="Mine")
    begin(client, name="Ours", shared=True)
    client.post("/api/v1/notes", {"company": str(two[0].id), "text": "Hm."}, format="json")
    client.get(f"/api/v1/companies/{two[0].id}")
    parts = {name.partition("_")[0]: len(rows) for name, rows in collect(user)}
    assert parts == {"notes": 1, "watchlists": 2, "views": 1}
    erase(user, user.email)
    assert {name.partition("_")[0] for name, _ in collect(user)} == {"notes", "watchlists"}
    with people.within("alpha", "one"):
        assert not RecentView.objects.filter(user_id=user.id).exists()

"""Companies of the platform, and those of them that an organization follows."""

from __future__ import annotations

import pytest

from accounts.permissions import Role
from companies.models import Company
from companies.services import tracked_refresh
from organizations.models import Organization
from tenants.kernel.request import SYSTEM
from tests.factories import CompanyFactory, PredictionFactory
from tests.fixtures import World


@pytest.fixture
def apple(people: World):
    with people.within("reference"):
        owner = Organization.objects.get(is_default=True)
        row = CompanyFactory(
            organization=owner,
            symbol="AAPL",
            name="Apple Inc.",
            cik="320193",
            country="US",
            sector="Technology",
        )
        PredictionFactory(organization=owner, company=row, pd=0.01)
    return row


def track(client, apple, **values):
    return client.post("/api/v1/companies/track", {"reference_id": str(apple.id), **values}, format="json")


@pytest.mark.parametrize("role", [Role.ANALYST, Role.INDIVIDUAL])
def test_a_company_of_the_platform_is_found_and_tracked(people: World, apple, role):
    client = people.client(role)
    item = client.get("/api/v1/companies/global?search=apple").json()["items"][0]
    assert (item["symbol"], item["tracked_as"], item["latest"]["probability"]) == ("AAPL", None, 0.01)
    answer = track(client, apple)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["symbol"], body["cik"], body["reference_id"]) == ("AAPL", "320193", str(apple.id))
    assert body["latest"] is None  # scores are the organization's own
    assert client.get("/api/v1/companies/global?search=apple").json()["items"][0]["tracked_as"] == body["id"]
    assert track(client, apple).json()["code"] == "duplicate_company"
    # Another organization sees nothing of it.
    other = people.client(role, organization="two")
    assert other.get(f"/api/v1/companies/{body['id']}").status_code == 404
    assert other.get("/api/v1/companies/global?search=apple").json()["items"][0]["tracked_as"] is None


def test_what_is_tracked_follows_and_keeps_what_is_ones_own(people: World, apple):
    client = people.client(Role.OWNER)
    body = track(client, apple).json()
    address = f"/api/v1/companies/{body['id']}"
    refused = client.patch(address, {"name": "Pear"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "follows_global")
    assert client.patch(address, {"tags": ["core"]}, format="json").status_code == 200
    with people.within("reference"):
        Company.objects.filter(id=apple.id).update(name="Apple Incorporated", state="alive")
    with people.within("alpha"):
        assert tracked_refresh(actor=SYSTEM) == 1
        assert tracked_refresh(actor=SYSTEM) == 0
    shown = client.post(f"{address}/refresh").json()
    assert (shown["name"], shown["tags"]) == ("Apple Incorporated", ["core"])
    assert client.post(f"{address}/untrack").json()["reference_id"] is None
    assert client.patch(address, {"name": "Pear"}, format="json").json()["name"] == "Pear"


def test_a_company_that_is_there_already_learns_to_follow(people: World, apple):
    client = people.client(Role.OWNER)
    mine = client.post("/api/v1/companies", {"symbol": "AAPL", "name": "apple"}, format="json").json()
    refused = track(client, apple)
    assert (refused.status_code, refused.json()["company_id"]) == (409, mine["id"])
    body = track(client, apple, company=mine["id"]).json()
    assert (body["id"], body["name"]) == (mine["id"], "Apple Inc.")


def test_without_entitlement_there_is_nothing_to_track(people: World, apple):
    with people.within("alpha", "one"):
        Organization.objects.update(allow_global_data_access=False)
    client = people.client(Role.ANALYST)
    assert client.get("/api/v1/companies/global").json()["total"] == 0
    answer = track(client, apple)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_global_data")

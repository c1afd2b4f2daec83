"""A page of a thousand rows takes as many queries as a page of two: at most six."""

from __future__ import annotations

import pytest

from accounts.permissions import Role
from organizations.models import Organization
from predictions.models import Prediction
from tenants.kernel.caching import DirectoryCache
from tests.factories import PredictionFactory
from tests.fixtures import World
from tests.queries import asked, difference

MOST = 6


def asked_for(client, address: str) -> list[str]:
    with asked() as found:
        answer = client.get(f"{address}?page=1&size=1000", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    return found


@pytest.mark.parametrize("role", [Role.ANALYST, Role.ADMIN, Role.TENANT_ADMIN])
@pytest.mark.parametrize("kind", ["annual", "quarterly"])
def test_the_four_lists_take_six_queries_at_most(people: World, settings, role: Role, kind: str):
    settings.DIRECTORY_SECONDS = 600  # on a slow machine the cache would forget in the middle
    client = people.client(role, host="localhost")
    quarter = {"fiscal_quarter": 2} if kind == "quarterly" else {}
    with people.within("alpha", "one"):
        owner = Organization.objects.get(id=people.organizations["alpha", "one"])
        PredictionFactory(organization=owner, kind=kind, **quarter)
    for address in (f"/api/v1/predictions/{kind}", f"/api/v1/predictions/{kind}/system"):
        asked_for(client, address)  # fills what is cached for a moment
        few = asked_for(client, address)
        assert len(few) <= MOST, few
        with people.within("alpha", "one"):
            for _ in range(30):
                PredictionFactory(organization=owner, kind=kind, **quarter)
        asked_for(client, address)  # counts anew what has changed
        many = asked_for(client, address)
        assert len(many) == len(few), difference(few, many)


def test_a_page_asks_the_cache_no_more_for_many_rows_than_for_one(people: World, monkeypatch):
    asked: list[str] = []
    get = DirectoryCache.get
    monkeypatch.setattr(
        DirectoryCache, "get", lambda self, key, *more: asked.append(key) or get(self, key, *more)
    )
    client = people.client(Role.ANALYST, host="localhost")

    def askings() -> int:
        asked.clear()
        answer = client.get("/api/v1/predictions/annual?size=1000")
        assert len(answer.json()["items"]) == rows
        return len(asked)

    with people.within("alpha", "one"):
        owner = Organization.objects.get(id=people.organizations["alpha", "one"])
        rows = Prediction.objects.filter(kind="annual").count()
    askings()  # fills what is cached for a moment
    few = askings()
    with people.within("alpha", "one"):
        for _ in range(30):
            PredictionFactory(organization=owner)
    rows += 30
    assert askings() <= few


def test_the_dashboard_and_the_user_are_few_queries_too(people: World):
    client = people.client(Role.ANALYST, host="localhost")
    client.post("/api/v1/predictions/dashboard", {}, format="json")
    with asked() as found:
        assert client.post("/api/v1/predictions/dashboard", {}, format="json").status_code == 200
        assert client.get("/api/v1/users/me").status_code == 200
    assert len(found) <= 20, found

"""The directory's cache: a moment of memory, dropped by whoever changes something; no fault of its own."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from redis.exceptions import ConnectionError as Unreachable

from accounts.permissions import Role
from tenants import selectors
from tests.fixtures import World
from tests.queries import asked_by


@pytest.fixture
def remembering(settings):
    settings.DIRECTORY_LOCAL_SECONDS = 600
    caches["directory"].memory.clear()
    yield
    caches["directory"].memory.clear()


def test_a_tenant_is_asked_of_redis_once(people: World, remembering, monkeypatch):
    found = selectors.tenant_by_host("alpha.test")
    assert selectors.tenant_by_host("alpha.test") == found
    monkeypatch.setattr(caches["directory"]._cache, "get", lambda *a, **k: pytest.fail("asked again"))
    assert selectors.tenant_by_host("alpha.test") == found


def test_whoever_changes_a_tenant_drops_it(people: World, remembering):
    cache = caches["directory"]
    for change in (lambda: cache.delete("host:x"), lambda: cache.delete_many(["host:x"]), cache.clear):
        cache.set("host:x", "there")
        assert cache.get("host:x") == "there"
        change()
        assert cache.get("host:x") is None


def test_rights_are_never_remembered(people: World, remembering):
    people.client(Role.OWNER).get("/api/v1/companies")
    assert not [key for key in caches["directory"].memory if "grants" in key]
    client = people.client(Role.OWNER)
    assert client.get("/api/v1/companies").status_code == 200
    caches["directory"].delete_many([f"grants:{client.session_row.id}:{people.tenants['alpha'].id}"])
    type(client.session_row).objects.filter(id=client.session_row.id).delete()
    assert client.get("/api/v1/companies").status_code == 401


def test_without_redis_the_database_answers(people: World, monkeypatch):
    def gone(*args, **kwargs):
        raise Unreachable

    client = people.client(Role.OWNER)
    for name in ("get", "set"):
        monkeypatch.setattr(type(caches["directory"]._cache), name, gone)
    assert client.get("/api/v1/companies").status_code == 200


def test_a_bearer_request_reads_no_user(people: World):
    client = people.client(Role.OWNER)
    client.get("/api/v1/companies")
    found = asked_by(lambda: client.get("/api/v1/companies"))
    assert not [sql for sql in found if "accounts_user" in sql]

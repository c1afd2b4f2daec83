"""What every address does: health, slashes, problems, preflights, documentation, rendering in scope."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import override_settings

from accounts.permissions import Role
from tests.fixtures import World, anonymous


@pytest.mark.parametrize("host", ["localhost", "alpha.test", "unknown.example"])
def test_health_answers_on_any_host(people: World, host):
    client = anonymous()
    assert client.get("/health/live", headers={"host": host}).json() == {"status": "live"}
    for _ in range(3):
        assert client.get("/health/ready", headers={"host": host}).status_code == 200
    answer = client.get("/health/ready", headers={"host": host})
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "database": "ok", "redis": "ok"})


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_forms_of_an_address_answer_without_redirect(people: World, slash):
    client = people.client(Role.OWNER)
    for address in ("/api/v1/companies", "/api/v1/predictions/annual", "/api/organizations"):
        assert client.get(address + slash).status_code == 200


@pytest.mark.parametrize("address", ["/api/v1/nonsense", "/nonsense", "/api/v1/companies/not-a-uuid"])
def test_unknown_addresses_are_problems_with_a_request_id(people: World, address):
    answer = people.client(Role.OWNER).get(address, headers={"X-Request-ID": "given-by-the-caller"})
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["X-Request-ID"] == "given-by-the-caller"
    body = json.loads(answer.content)
    assert body["request_id"] == "given-by-the-caller"
    assert set(body) >= {"type", "title", "status", "detail", "instance", "code", "request_id"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("predictions/annual?year=2023.5", "year"),
        ("statements?fiscal_year=last", "fiscal_year"),
        ("custom-fields?archived=maybe", "archived"),
        ("organizations?state=nonsense", "state"),
        ("users/organization-members?is_active=perhaps", "is_active"),
        ("imports/template?layout=sideways", "layout"),
        ("imports/template?type=doc", "type"),
        ("exports/company?type=doc", "type"),
    ],
)
def test_a_filter_that_is_not_understood_is_named(people: World, query: str, name: str):
    client = people.client(Role.OWNER)
    answer = client.get(f"/api/v1/{query}")
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]
    address = query.partition("?")[0]
    if address != "exports/company":  # which needs a company
        assert client.get(f"/api/v1/{address}?{name}=").status_code == 200


def test_a_request_id_that_could_harm_a_log_is_replaced(people: World):
    answer = anonymous().get("/health/live", headers={"X-Request-ID": "x" * 500})
    assert len(answer["X-Request-ID"]) == 36


def test_wrong_method_and_media_type(people: World):
    client = people.client(Role.OWNER)
    answer = client.delete("/api/v1/companies")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    answer = client.post("/api/v1/predictions/annual", "a=b", content_type="text/plain")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_anonymous_is_401_with_a_challenge(people: World):
    answer = anonymous().get("/api/v1/companies")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.json()["code"] == "not_signed_in"


def test_a_bug_says_nothing_but_its_request_id(people: World, monkeypatch):
    from predictions.api import client as shapes

    def fail(rows):
        raise RuntimeError("SELECT password FROM secrets")

    monkeypatch.setattr(shapes, "prediction_rows", fail)
    client = people.client(Role.OWNER)
    client.raise_request_exception = False
    answer = client.get("/api/v1/predictions/annual")
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert "secrets" not in answer.content.decode()
    assert json.loads(answer.content)["code"] == "internal"


@override_settings(CORS_ALLOW_ALL_ORIGINS=False, CORS_ALLOWED_ORIGINS=["https://app.example"])
def test_preflights_answer_everywhere_without_a_token(people: World):
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for address in ("/api/v1/predictions/annual", "/api/v1/organizations/", "/api/v1/auth/login"):
        answer = anonymous().options(address, headers=asked)
        assert answer.status_code == 200
        assert answer["Access-Control-Allow-Origin"] == "https://app.example"
        assert "authorization" in answer["Access-Control-Allow-Headers"]
        assert answer["Access-Control-Max-Age"] == "7200"
    foreign = anonymous().options("/api/v1/companies", headers={**asked, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign


@pytest.mark.parametrize("address", ["/api/docs/", "/api/redoc", "/docs", "/redoc/", "/api/schema/"])
@pytest.mark.parametrize("host", ["localhost", "alpha.test"])
def test_documentation_is_served_with_local_assets(people: World, address, host):
    answer = anonymous().get(address, headers={"host": host})
    assert answer.status_code == 200
    if "schema" not in address:
        text = answer.content.decode()
        assert 'src="http' not in text
        assert 'href="http' not in text


def test_the_browsable_api_renders_inside_the_scope(people: World):
    client = people.client(Role.OWNER)
    answer = client.get("/api/v1/predictions/annual", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/html")
    absent = client.get(
        "/api/v1/companies/01990000-0000-7000-8000-0000deadbeef", headers={"accept": "text/html"}
    )
    assert absent.status_code == 404


def test_large_lists_are_compressed(people: World):
    answer = people.client(Role.OWNER).get("/api/v1/predictions/annual", headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"


@override_settings(SHOW_API_DOCS=False)
def test_documentation_can_be_hidden():
    from config.urls_common import documentation

    assert documentation() == []


def test_tokens_are_never_kept_for_a_repeat(people: World):
    from tenants.models import PlatformIdempotencyRecord

    body = {"email": people.user(Role.OWNER).email, "password": "correct-horse-9"}
    for _ in range(2):
        answer = anonymous().post("/api/v1/auth/login", body, headers={"Idempotency-Key": "login"})
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer
    assert not PlatformIdempotencyRecord.objects.exists()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "1.2.3.4", "127.0.0.1"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (1, "nonsense", None),
    ],
)
def test_only_our_own_proxies_are_believed(rf, settings, proxies, forwarded, address):
    from tenants.kernel.middleware import client_address

    settings.TRUSTED_PROXY_COUNT = proxies
    assert client_address(rf.get("/", headers={"X-Forwarded-For": forwarded})) == address


def test_ready_opens_a_connection_where_there_is_none(own_tenant):
    """Each request of a real server begins without one."""
    for _ in range(3):
        connection.close()
        assert anonymous().get("/health/ready", headers={"host": "localhost"}).status_code == 200


def test_a_body_without_a_length_is_refused_in_words(people: World):
    answer = anonymous().post(
        "/api/v1/auth/login", b"", content_type="application/json", headers={"Transfer-Encoding": "chunked"}
    )
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_details_are_short_whatever_was_sent(people: World):
    body = {"company_symbol": "X", "reporting_year": 2024, "return_on_assets": 1, "unit": "x" * 5000}
    answer = people.client(Role.OWNER).post("/api/v1/predictions/annual", body, format="json")
    assert answer.status_code == 400
    assert len(answer.json()["detail"]) <= 100
    assert len(answer.content) < 2000

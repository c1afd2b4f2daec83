"""Headers of every answer, sizes of every request, and refusals in the words of who asks."""

from __future__ import annotations

import importlib

import pytest
from django.test import Client, override_settings

from accounts.permissions import Role
from tests.fixtures import World, anonymous

PAGE = {"accept": "text/html,application/xhtml+xml"}


def directives(answer) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize(
    "address",
    ["/admin/login/", "/api/docs/", "/api/redoc/", "/api/v1/companies", "/nonsense", "/health/live"],
)
def test_every_answer_has_its_headers(people: World, address):
    for headers in (PAGE, {}):
        answer = people.client(Role.OWNER).get(address, headers=headers)
        policy = directives(answer)
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe-inline" not in policy.get("script-src", "")
        assert "*" not in answer["Content-Security-Policy"]
        assert "http" not in answer["Content-Security-Policy"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]


def test_data_runs_nothing_even_if_a_browser_opens_it(people: World):
    policy = directives(people.client(Role.OWNER).get("/api/v1/companies"))
    assert policy == {"default-src": "'none'", "frame-ancestors": "'none'", "sandbox": ""}


@pytest.mark.parametrize("address", ["/nonsense", "/admin/nonsense/"])
def test_people_get_a_page_and_programs_a_problem(people: World, address):
    page = anonymous().get("/nonsense", headers=PAGE)
    assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert page["X-Request-ID"] in page.content.decode()
    told = anonymous().get("/nonsense")
    assert (told["Content-Type"], told.json()["code"]) == ("application/problem+json", "absent")


@pytest.mark.parametrize("accept", [PAGE, {}])
def test_the_api_answers_problems_whoever_asks(people: World, accept):
    answer = anonymous().get("/api/v1/nonsense", headers=accept)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_missing_csrf_token_is_told_in_the_right_words(people: World):
    client = Client(enforce_csrf_checks=True, headers={"host": "alpha.test"})
    page = client.post("/admin/login/", {"username": "a@b.c", "password": "x"}, headers=PAGE)
    assert (page.status_code, page["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "load it again" in page.content.decode()
    told = client.post("/admin/login/", {"username": "a@b.c", "password": "x"})
    assert told.json()["code"] == "csrf_failed"


def test_sizes(people: World, settings):
    client = people.client(Role.OWNER)
    answer = client.get("/api/v1/companies", headers={"X-Much": "x" * 40_000})
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")
    answer = client.get("/api/v1/companies?search=" + "x" * 10_000)
    assert (answer.status_code, answer.json()["code"]) == (414, "address_too_long")
    body = '{"company_name": "' + "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + '"}'
    answer = client.post("/api/v1/predictions/annual", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    many = {f"field{n}": "x" for n in range(600)}
    answer = Client(headers={"host": "alpha.test"}).post("/admin/login/", many)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@override_settings(CORS_ALLOW_ALL_ORIGINS=False, CORS_ALLOWED_ORIGINS=["https://app.example"])
def test_a_preflight_is_never_redirected(people: World, settings):
    settings.SECURE_SSL_REDIRECT = True
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = anonymous().options("/api/v1/auth/login", headers=asked)
    assert (answer.status_code, answer["Access-Control-Max-Age"]) == (200, "7200")
    assert anonymous().get("/api/v1/companies").status_code == 301


def test_production_sends_hsts_and_secure_cookies(monkeypatch):
    monkeypatch.setenv("PLATFORM_HOSTS", "app.example")
    production = importlib.import_module("config.settings.production")
    assert production.SECURE_HSTS_SECONDS >= 31_536_000
    assert production.SESSION_COOKIE_SECURE
    assert production.CSRF_COOKIE_SECURE
    assert not production.CORS_ALLOW_ALL_ORIGINS

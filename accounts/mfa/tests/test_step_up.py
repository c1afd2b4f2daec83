"""A fresh proof before a dangerous action: who gives it, how long it holds, and who never can."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.mfa.models import Guard
from accounts.models import AuthSession
from accounts.permissions import Role
from accounts.principals import principal_for
from tenants.kernel.viewsets import ANYONE, SIGNED_IN, DeclaredViewSet
from tenants.models import PlatformAuditEvent
from tests.console import console, text_of
from tests.fixtures import PASSWORD, World, anonymous

STEP_UP = "/api/v1/auth/step-up"


class Dangerous(DeclaredViewSet):
    """An endpoint as other areas make them."""

    permissions: ClassVar[dict[str, str]] = {"act": SIGNED_IN}
    step_up: ClassVar[frozenset[str]] = frozenset({"act"})

    @action(detail=False, methods=["post"])
    def act(self, request):
        return Response({"done": True})


def act(client):
    """The answer of the dangerous endpoint to this client's session."""
    session = AuthSession.objects.get(id=client.session_row.id)
    request = RequestFactory().post("/dangerous", "{}", content_type="application/json")
    request.user, request._dont_enforce_csrf_checks = session.user, True
    request.principal = principal_for(session.id, session.tenant_id, session.organization_id)
    return Dangerous.as_view({"post": "act"})(request)


def test_without_a_proof_the_answer_says_how_to_give_one(people: World):
    answer = act(people.client(Role.OWNER, proved=False))
    assert (answer.status_code, answer.data["code"]) == (403, "step_up_required")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.data["step_up"] == {"endpoint": STEP_UP, "methods": ["password"], "valid_for": 300}


def test_the_password_proves_and_the_proof_grows_old(people: World):
    client = people.client(Role.OWNER, proved=False)
    answer = client.post(STEP_UP, {"password": PASSWORD})
    assert answer.status_code == 200, answer.content
    assert answer.json()["method"] == "password"
    assert act(client).data == {"done": True}
    AuthSession.objects.filter(id=client.session_row.id).update(
        proved_at=timezone.now() - timedelta(seconds=301)
    )
    assert act(client).status_code == 403


def test_a_proof_is_of_one_session_only(people: World):
    first, second = (people.client(Role.OWNER, proved=False) for _ in range(2))
    assert first.post(STEP_UP, {"password": PASSWORD}).status_code == 200
    assert (act(first).status_code, act(second).status_code) == (200, 403)


def test_signing_in_is_no_proof(people: World):
    body = {"email": people.user(Role.OWNER).email, "password": PASSWORD}
    assert anonymous().post("/api/v1/auth/login", body).status_code == 200
    assert AuthSession.objects.order_by("-id").first().proved_at is None


def test_wrong_passwords_are_counted_and_then_not_heard(people: World):
    client = people.client(Role.OWNER, proved=False)
    for _ in range(5):
        answer = client.post(STEP_UP, {"password": "wrong-horse-1"})
        assert (answer.status_code, answer.json()["code"]) == (403, "proof_refused")
    locked = client.post(STEP_UP, {"password": PASSWORD})
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many")
    assert 1 <= int(locked["Retry-After"]) <= 61
    assert PlatformAuditEvent.objects.filter(action="accounts.proof.refused").count() == 5
    Guard.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    # The next failure waits longer; a right one starts afresh.
    assert client.post(STEP_UP, {"password": "wrong-horse-1"}).status_code == 403
    assert Guard.objects.get().locked_until > timezone.now() + timedelta(seconds=100)
    Guard.objects.update(locked_until=None)
    assert client.post(STEP_UP, {"password": PASSWORD}).status_code == 200
    assert Guard.objects.get().failures == 0


def test_an_empty_body_and_a_stranger(people: World):
    answer = people.client(Role.OWNER).post(STEP_UP, {})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert anonymous().post(STEP_UP, {"password": PASSWORD}).status_code == 401


def test_stale_names_fail_at_import():
    with pytest.raises(TypeError, match="asks for a proof of no action"):
        type("Bad", (DeclaredViewSet,), {"step_up": frozenset({"gone"})})
    with pytest.raises(TypeError, match="asks nobody for a proof"):

        class Open(DeclaredViewSet):
            permissions: ClassVar[dict[str, str]] = {"act": ANYONE}
            step_up: ClassVar[frozenset[str]] = frozenset({"act"})

            @action(detail=False)
            def act(self, request):
                return Response()


def test_the_console_asks_on_a_page_and_goes_back(people: World):
    client = console(people, Role.TENANT_ADMIN)
    page = client.get("/admin/prove/?next=/admin/accounts/membership/")
    assert "Prove that it is you" in text_of(page)
    wrong = client.post("/admin/prove/", {"password": "wrong-horse-1", "next": "/admin/accounts/membership/"})
    assert "That is not right" in text_of(wrong)
    right = client.post("/admin/prove/", {"password": PASSWORD, "next": "/admin/accounts/membership/"})
    assert (right.status_code, right["Location"]) == (302, "/admin/accounts/membership/")
    away = client.post("/admin/prove/", {"password": PASSWORD, "next": "https://elsewhere.test/"})
    assert away["Location"] == "/admin/"

"""Passkeys in the consoles: made, named, used for signing in and for a proof."""

from __future__ import annotations

import json
import re
from html import unescape

from accounts.mfa.models import Passkey, RecoveryCode
from accounts.models import AuthSession
from accounts.permissions import Role
from tests.authenticator import Authenticator
from tests.console import browser, console, links_in, sign_in, text_of
from tests.fixtures import PASSWORD, World


def asked_on(page) -> dict:
    """The options that a page's form holds for the browser."""
    return json.loads(unescape(re.search(r'data-options="([^"]+)"', page.content.decode())[1]))


def made(people: World, role: str = Role.TENANT_ADMIN):
    """A browser whose owner has just made a passkey, and the device."""
    client, device = console(people, role), Authenticator()
    client.post("/admin/prove/", {"password": PASSWORD})
    page = client.get("/admin/security/passkey/")
    answer = client.post(
        "/admin/security/passkey/",
        {"name": "Key at work", "credential": json.dumps(device.create(asked_on(page)))},
    )
    assert "The passkey is in force" in text_of(answer), text_of(answer)
    return client, device, answer


def test_a_passkey_is_made_named_and_removed(people: World):
    client = console(people, Role.TENANT_ADMIN)
    assert "You have none yet." in text_of(client.get("/admin/security/"))
    assert client.get("/admin/security/passkey/")["Location"].startswith("/admin/prove/?next=")
    client, device, answer = made(people)
    assert len(re.findall(r"<code>[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}</code>", text_of(answer))) == 10
    key = Passkey.objects.get(user=people.user(Role.TENANT_ADMIN))
    page = text_of(client.get("/admin/security/"))
    assert "Key at work" in page
    assert "alpha.test, made" in page
    client.post("/admin/security/", {"do": "rename", "passkey": key.pk, "name": "Red key"})
    assert "Red key" in text_of(client.get("/admin/security/"))
    told = client.post("/admin/security/", {"do": "rename", "passkey": key.pk, "name": " "}, follow=True)
    assert "Give it a name" in text_of(told)
    assert "is removed" in text_of(
        client.post("/admin/security/", {"do": "remove-passkey", "passkey": key.pk})
    )
    assert not Passkey.objects.filter(pk=key.pk).exists()


def test_somebody_elses_passkey_is_not_found(people: World):
    made(people)
    key = Passkey.objects.get()
    client = console(people, Role.OWNER)
    client.post("/admin/prove/", {"password": PASSWORD})
    for do in ("rename", "remove-passkey"):
        answer = client.post("/admin/security/", {"do": do, "passkey": key.pk, "name": "Mine"})
        assert answer.status_code == 404
    assert Passkey.objects.get().name == "Key at work"


def test_a_wrong_answer_is_told_and_asks_anew(people: World):
    client = console(people, Role.TENANT_ADMIN)
    client.post("/admin/prove/", {"password": PASSWORD})
    first = asked_on(client.get("/admin/security/passkey/"))
    for sent in ("", "no json", "[]", json.dumps(Authenticator(origin="http://evil.test").create(first))):
        page = client.post("/admin/security/passkey/", {"name": "x", "credential": sent})
        assert "Begin anew" in text_of(page)
        assert asked_on(page)["challenge"] != first["challenge"]
    assert not Passkey.objects.exists()


def test_signing_in_with_a_passkey(people: World):
    _, device, _ = made(people)
    user, client = people.user(Role.TENANT_ADMIN), browser("alpha.test")
    half = sign_in(client, user.email)
    page = client.get(half["Location"])
    assert "Use a passkey" in text_of(page)
    assert "Six digits" in text_of(page)  # the recovery codes
    assert any(link.endswith("console/passkeys.js") for link in links_in(page))
    thief = Authenticator(origin="http://evil.test", keys=device.twin().keys)
    wrong = client.post("/admin/second-factor/", {"credential": json.dumps(thief.get(asked_on(page)))})
    assert "The code is not right" in text_of(wrong)
    right = client.post(
        "/admin/second-factor/",
        {"credential": json.dumps(device.get(asked_on(wrong))), "next": "/admin/accounts/membership/"},
    )
    assert (right.status_code, right["Location"]) == (302, "/admin/accounts/membership/")
    assert client.get("/admin/").status_code == 200
    assert AuthSession.objects.filter(user=user).order_by("-id").first().second_factor


def test_a_sign_in_that_has_waited_too_long_leads_back(people: World):
    made(people)
    client = browser("alpha.test")
    page = client.get(sign_in(client, people.user(Role.TENANT_ADMIN).email)["Location"])
    assert "Begin again" not in text_of(page)
    for _ in range(5):
        last = client.post("/admin/second-factor/", {"code": "000000"})
    assert "Begin again with your password" in text_of(last)


def test_with_keys_of_another_host_only_the_page_says_so(people: World):
    made(people)
    RecoveryCode.objects.all().delete()
    Passkey.objects.update(host="elsewhere.test")
    client = browser("alpha.test")
    page = client.get(sign_in(client, people.user(Role.TENANT_ADMIN).email)["Location"])
    assert "belong to another address" in text_of(page)


def test_a_passkey_is_a_proof(people: World):
    client, device, _ = made(people)
    AuthSession.objects.update(proved_at=None)
    page = client.get("/admin/prove/?next=/admin/security/")
    answer = client.post(
        "/admin/prove/",
        {"credential": json.dumps(device.get(asked_on(page))), "next": "/admin/security/"},
    )
    assert answer["Location"] == "/admin/security/"
    session = AuthSession.objects.exclude(proved_at=None).get()
    assert session.proved_by == "passkey"
    # Not by a password any more.
    assert "Use a passkey" in text_of(client.post("/admin/prove/", {"password": PASSWORD}))


def test_a_doubted_key_is_shown_as_such(people: World):
    client, _, _ = made(people)
    Passkey.objects.update(doubted_at="2026-01-01T00:00Z")
    assert "It may have been copied" in text_of(client.get("/admin/security/"))

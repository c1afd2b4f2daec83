"""Keys on their page of an institution's console."""

from __future__ import annotations

import re

from accounts.api_keys.models import ApiKey
from accounts.permissions import Role
from tests.console import browser, console, text_of
from tests.factories import ApiKeyFactory
from tests.fixtures import PASSWORD, World

PAGE = "/admin/api-keys/"
FORM = {"do": "make", "name": "Nightly", "scopes": ["companies.read"], "days": 30}


def proved(people: World, role: str):
    client = console(people, role)
    client.post("/admin/prove/", {"password": PASSWORD})
    return client


def test_a_key_is_made_shown_once_rotated_and_revoked(people: World):
    client = proved(people, Role.OWNER)
    made = client.post(PAGE, FORM)
    secret = re.search(r"drp_live_\w{46}", text_of(made))[0]
    key = ApiKey.objects.get()
    assert (key.scopes, key.organization_id) == (["companies.read"], people.organizations["alpha", "one"])
    listed = text_of(client.get(PAGE))
    assert key.hint in listed
    assert secret not in listed
    assert secret not in str(client.cookies) + str(dict(client.session))
    rotated = text_of(client.post(PAGE, {"do": "rotate", "key": key.pk}))
    assert secret not in rotated
    assert re.search(r"drp_live_\w{46}", rotated)
    assert "is revoked" in text_of(client.post(PAGE, {"do": "revoke", "key": key.pk}))
    assert ApiKey.objects.get(pk=key.pk).state == "revoked"


def test_making_asks_for_a_proof(people: World):
    answer = console(people, Role.OWNER).post(PAGE, FORM)
    assert answer["Location"] == "/admin/prove/?next=%2Fadmin%2Fapi-keys%2F"
    assert not ApiKey.objects.exists()


def test_what_is_refused_is_said_in_the_form(people: World):
    client = proved(people, Role.OWNER)
    assert "A key lives for 1 to 365 days" in text_of(client.post(PAGE, {**FORM, "days": 9999}))
    beyond = text_of(client.post(PAGE, {**FORM, "scopes": ["platform.change"]}))
    assert "platform.change is not one of the available choices" in beyond
    whole = client.post(PAGE, {**FORM, "whole_tenant": "on"})
    # The field is not there for him, so it says nothing.
    assert whole.status_code == 200
    assert {k.organization_id for k in ApiKey.objects.all()} == {people.organizations["alpha", "one"]}


def test_keys_of_strangers_are_absent(people: World):
    other = ApiKeyFactory(
        user=people.user(Role.OWNER, "alpha", "two"),
        tenant_id=people.tenants["alpha"].id,
        organization_id=people.organizations["alpha", "two"],
    )
    client = proved(people, Role.OWNER)
    assert other.name not in text_of(client.get(PAGE))
    for do in ("revoke", "rotate"):
        assert client.post(PAGE, {"do": do, "key": other.pk}).status_code == 404
    assert client.post(PAGE, {"do": "revoke", "key": "nonsense"}).status_code == 404
    assert browser("alpha.test").get(PAGE).status_code == 302

"""A secret that gives a role is for those who could give it themselves: whoever sees it can pass it on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.permissions import Role
from organizations.joining.models import JoinLink
from organizations.joining.tests.test_joining import address, link_of, set_organization
from tests.console import console, text_of
from tests.fixtures import World

LINKS = "/api/v1/join-links"


@pytest.fixture
def for_admins(people: World) -> dict:
    """A link of the owner's that makes admins, and has run out."""
    body = link_of(people, role="admin", max_uses=1)
    with people.within("alpha", "one"):
        JoinLink.objects.filter(id=body["id"]).update(expires_at=timezone.now() - timedelta(days=1))
    return body


def where(link: dict) -> str:
    return f"{LINKS}/{link['id']}"


def test_an_admin_does_not_see_the_secret_of_a_link_that_makes_admins(people: World, for_admins):
    owner, admin = people.client(Role.OWNER), people.client(Role.ADMIN)
    shown = owner.get(where(for_admins)).json()
    assert shown["join_token"] == for_admins["join_token"]
    assert shown["join_address"].endswith(f"/join/{for_admins['join_token']}")
    assert shown["join_address"].startswith("http")
    lists = [*admin.get(LINKS).json()["items"], *admin.get(address(people, "/links")).json()["items"]]
    seen = [row for row in lists if row["id"] == for_admins["id"]]
    assert len(seen) == 2
    for body in (*seen, admin.get(where(for_admins)).json()):
        assert (body["join_token"], body["join_url"], body["join_address"]) == (None, None, None)
    assert people.client(Role.TENANT_ADMIN).get(where(for_admins)).json()["join_token"]


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": None},
        {"max_uses": 50},
        {"role": ""},
        {"role": "analyst"},
        {"is_on": True, "max_uses": 7},
    ],
    ids=str,
)
def test_an_admin_does_not_open_it_wider(people: World, for_admins, change):
    answer = people.client(Role.ADMIN).patch(where(for_admins), change, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")
    assert people.client(Role.OWNER).patch(where(for_admins), change, format="json").status_code == 200


def test_an_admin_does_not_rotate_it_into_his_hands_but_may_close_it(people: World, for_admins):
    admin = people.client(Role.ADMIN)
    answer = admin.post(f"{where(for_admins)}/rotate")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")
    assert admin.patch(where(for_admins), {"is_on": False}, format="json").status_code == 200
    assert admin.patch(where(for_admins), {"is_on": True}, format="json").status_code == 403
    assert admin.delete(where(for_admins)).status_code == 204


def test_what_gives_the_default_role_follows_it(people: World):
    owner, admin = people.client(Role.OWNER), people.client(Role.ADMIN)
    assert owner.post(address(people, "/regenerate-token")).status_code == 200
    assert owner.post(address(people, "/code")).status_code == 200
    assert admin.get(address(people)).json()["join_token"]
    assert admin.get(address(people)).json()["code"]
    set_organization(people, default_role="admin")
    seen = admin.get(address(people)).json()
    assert (seen["join_token"], seen["code"]) == (None, None)
    for end in ("/regenerate-token", "/code"):
        answer = admin.post(address(people, end))
        assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high"), end
    assert owner.get(address(people)).json()["join_token"]


def test_the_console_shows_an_address_to_copy_to_who_may_give_the_role(people: World, for_admins):
    page = f"/admin/joining/joinlink/{for_admins['id']}/change/"
    shown = text_of(console(people, Role.OWNER).get(page))
    assert f"/join/{for_admins['join_token']}" in shown
    hidden = text_of(console(people, Role.ADMIN).get(page))
    assert for_admins["join_token"] not in hidden
    assert "Only those who may give its role see it" in hidden

"""Accounts made by administrators: nobody gives what he does not have, and nobody vouches for strangers."""

from __future__ import annotations

import pytest

from accounts.models import Membership, User
from accounts.permissions import Role
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters, token_in

NEW = "made@alpha.test"


def make(client, **more):
    body = {"email": NEW, "password": PASSWORD, "first_name": "Ada", "last_name": "Made", **more}
    return client.post("/api/v1/auth/admin/create-user", body)


@pytest.mark.parametrize(
    ("caller", "role", "status"),
    [
        (Role.ADMIN, "org_member", 201),
        (Role.ADMIN, "viewer", 201),
        (Role.ADMIN, "org_admin", 403),
        (Role.ADMIN, "tenant_admin", 403),
        (Role.ADMIN, "super_admin", 403),
        (Role.ADMIN, "user", 403),
        (Role.OWNER, "org_admin", 201),
        (Role.OWNER, "tenant_admin", 403),
        (Role.TENANT_ADMIN, "org_admin", 201),
        (Role.TENANT_ADMIN, "tenant_admin", 201),
        (Role.TENANT_ADMIN, "super_admin", 403),
        (Role.SUPER_ADMIN, "tenant_admin", 201),
        (Role.SUPER_ADMIN, "user", 201),
        (Role.ANALYST, "org_member", 403),
        (Role.VIEWER, "org_member", 403),
        (Role.INDIVIDUAL, "user", 403),
    ],
)
def test_nobody_gives_a_role_above_his_own(people: World, caller, role, status):
    answer = make(people.client(caller), role=role)
    assert answer.status_code == status, answer.content
    assert User.objects.filter(email=NEW).exists() is (status == 201)
    if status == 201:
        assert answer.json()["full_name"] == "Ada Made"


def test_a_new_member_works_where_he_was_put_and_nowhere_else(people: World):
    answer = make(people.client(Role.OWNER), role="org_member")
    assert answer.json()["role"] == "org_member"
    assert answer.json()["organization_id"] == str(people.organizations["alpha", "one"])
    assert answer.json()["email_verified"] is False
    assert [m.role for m in Membership.objects.filter(user__email=NEW)] == [Role.ANALYST]
    signed_in = anonymous().post("/api/v1/auth/login", {"email": NEW, "password": PASSWORD})
    assert signed_in.status_code == 200
    assert [letter.subject for letter in letters(NEW)] == ["Please confirm your e-mail address"]


def test_a_tenant_admins_new_member_goes_to_the_default_organization(people: World):
    assert make(people.client(Role.TENANT_ADMIN)).status_code == 201
    [membership] = Membership.objects.filter(user__email=NEW)
    assert membership.organization_id == people.organizations["alpha", "one"]
    other = str(people.organizations["alpha", "two"])
    answer = make(people.client(Role.TENANT_ADMIN), email="b@alpha.test", organization_id=other)
    assert answer.json()["organization_id"] == other


@pytest.mark.parametrize("place", [("alpha", "two"), ("beta", "one")])
def test_an_organization_of_others_does_not_exist(people: World, place):
    answer = make(people.client(Role.OWNER), organization_id=str(people.organizations[place]))
    assert answer.status_code == 404
    foreign = make(people.client(Role.TENANT_ADMIN), tenant_id=str(people.tenants["beta"].id))
    assert foreign.status_code == 404
    assert not User.objects.filter(email=NEW).exists()


def test_without_a_password_a_letter_lets_the_owner_set_one(people: World):
    assert make(people.client(Role.OWNER), password="").status_code == 201
    [letter] = letters(NEW)
    assert letter.subject == "An account was made for you"
    assert "Alpha" in letter.text
    body = {"token": token_in(letter), "password": "another-horse-7"}
    assert anonymous().post("/api/v1/auth/reset-password", body).status_code == 200
    user = User.objects.get(email=NEW)
    assert user.email_verified_at is not None
    answer = anonymous().post("/api/v1/auth/login", {"email": NEW, "password": "another-horse-7"})
    assert answer.status_code == 200


def test_an_administrators_password_keeps_the_rules(people: World):
    answer = make(people.client(Role.OWNER), password="12345678")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "weak_password")


def test_an_account_that_is_there_is_invited_instead(people: World):
    answer = make(people.client(Role.OWNER), email=people.user(Role.ANALYST, "beta").email)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_email")


def test_a_super_admin_is_made_with_a_fresh_proof_only(people: World):
    from accounts.models import AuthSession

    client = people.client(Role.SUPER_ADMIN)
    AuthSession.objects.filter(pk=client.session_row.pk).update(proved_at=None)
    refused = make(client, role="super_admin")
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    assert not User.objects.filter(email=NEW).exists()

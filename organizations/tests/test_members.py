"""Who may do what to whom among the members of an organization."""

from __future__ import annotations

import pytest
from django.test import TestCase

from accounts.models import Membership
from accounts.permissions import Role
from organizations.joining.models import Invitation
from organizations.models import AuditEvent
from tenants.kernel.context import in_public
from tests.fixtures import World
from tests.letters import letters

USERS = "/api/v1/users"


def address(people: World, end="", organization="one"):
    return f"/api/v1/organizations/{people.organizations['alpha', organization]}{end}"


def role_of(people: World, role: str, organization="one") -> str | None:
    with in_public():
        rows = Membership.objects.filter(
            user=people.user(role), organization_id=people.organizations["alpha", organization]
        )
        return rows.values_list("role", flat=True).first()


def change_role(people: World, by: str, whom: str, role: str):
    named = f"?organization_id={people.organizations['alpha', 'one']}"
    return people.client(by).put(f"{USERS}/members/{people.user(whom).id}/role{named}", {"role": role})


def test_members_as_the_client_reads_them(people: World):
    body = people.client(Role.ADMIN).get(address(people, "/users?limit=100")).json()
    assert body["users"] == body["items"]
    assert (body["total"], body["skip"], body["limit"]) == (4, 0, 100)
    roles = {u["membership_role"]: u["role"] for u in body["users"]}
    assert roles == {
        "owner": "org_admin",
        "admin": "org_admin",
        "analyst": "org_member",
        "viewer": "org_member",
    }
    named = people.client(Role.ADMIN).get(f"{USERS}/organization-members?role=org_admin").json()
    assert {u["membership_role"] for u in named["users"]} == {"owner", "admin"}
    found = people.client(Role.ADMIN).get(address(people, "/members?search=viewer")).json()
    assert [u["membership_role"] for u in found["items"]] == ["viewer"]


# By whom, whose role, which role, and what comes of it.
CHANGES = [
    (Role.OWNER, Role.ANALYST, "admin", 200),
    (Role.TENANT_ADMIN, Role.ANALYST, "admin", 200),
    (Role.SUPER_ADMIN, Role.VIEWER, "analyst", 200),
    (Role.ADMIN, Role.VIEWER, "analyst", 200),
    # Nobody gives his own rank, and nobody lifts himself.
    (Role.ADMIN, Role.VIEWER, "admin", "role_too_high"),
    (Role.ADMIN, Role.ADMIN, "owner", "own_role"),
    (Role.OWNER, Role.ADMIN, "owner", "role_too_high"),
    # Nobody touches the owner, not even from above: ownership is transferred.
    (Role.ADMIN, Role.OWNER, "viewer", "last_owner"),
    (Role.TENANT_ADMIN, Role.OWNER, "viewer", "last_owner"),
    (Role.OWNER, Role.OWNER, "viewer", "last_owner"),
    (Role.TENANT_ADMIN, Role.ANALYST, "owner", "has_owner"),
    (Role.OWNER, Role.VIEWER, "tenant_admin", "invalid_input"),
    (Role.ANALYST, Role.VIEWER, "analyst", "forbidden"),
]


@pytest.mark.parametrize(("by", "whom", "role", "outcome"), CHANGES)
def test_who_gives_which_role_to_whom(people: World, by, whom, role, outcome):
    before = role_of(people, whom)
    answer = change_role(people, by, whom, role)
    if outcome == 200:
        assert (answer.status_code, answer.json()["membership_role"]) == (200, role)
        assert role_of(people, whom) == role
    else:
        assert answer.json()["code"] == outcome
        assert role_of(people, whom) == before


def test_an_admin_may_step_down_but_not_touch_another(people: World):
    client = people.client(Role.OWNER)
    other = people.user(Role.ANALYST)
    assert client.post(address(people, "/admins"), {"user_id": str(other.id)}).status_code == 200
    answer = people.client(Role.ADMIN).delete(address(people, f"/members/{other.id}"))
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")
    assert change_role(people, Role.ADMIN, Role.ADMIN, "analyst").status_code == 200


def test_admins_are_granted_listed_and_revoked(people: World):
    client, analyst = people.client(Role.OWNER), people.user(Role.ANALYST)
    client.post(address(people, "/admins"), {"user_id": str(analyst.id)})
    listed = {u["email"] for u in client.get(address(people, "/admins")).json()["users"]}
    assert analyst.email in listed
    answer = client.delete(address(people, f"/admins/{analyst.id}"))
    assert answer.json()["membership_role"] == "analyst"
    assert client.delete(address(people, f"/admins/{analyst.id}")).json()["code"] == "no_admin"
    assert client.get(address(people, "/owner")).json()["email"] == people.user(Role.OWNER).email


def test_removal_ends_access_with_the_next_request(people: World):
    analyst = people.client(Role.ANALYST)
    assert analyst.get("/api/v1/companies").status_code == 200
    with TestCase.captureOnCommitCallbacks(execute=True):
        gone = people.client(Role.ADMIN).delete(address(people, f"/members/{people.user(Role.ANALYST).id}"))
    assert gone.status_code == 204
    assert analyst.get("/api/v1/companies").status_code == 401
    with people.within("alpha"):
        assert AuditEvent.objects.filter(action="organizations.member.removed").exists()


def test_the_owner_is_neither_removed_nor_leaves(people: World):
    owner = people.user(Role.OWNER)
    for role in (Role.ADMIN, Role.TENANT_ADMIN, Role.SUPER_ADMIN):
        answer = people.client(role).delete(address(people, f"/members/{owner.id}"))
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert people.client(Role.OWNER).post(address(people, "/leave")).json()["code"] == "last_owner"
    assert people.client(Role.ANALYST).post(address(people, "/leave")).status_code == 204


def test_a_membership_is_switched_off_and_on(people: World):
    viewer, client = people.user(Role.VIEWER), people.client(Role.VIEWER)
    assert client.get("/api/v1/companies").status_code == 200
    path = f"{USERS}/members/{viewer.id}/activate"
    with TestCase.captureOnCommitCallbacks(execute=True):
        answer = people.client(Role.ADMIN).put(path, {"is_active": False})
    assert (answer.json()["is_active"], answer.json()["state"]) == (False, "suspended")
    assert client.get("/api/v1/companies").status_code == 401
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert people.client(Role.ADMIN).put(path, {}).json()["is_active"] is True
    assert client.get("/api/v1/companies").status_code == 200
    own = f"{USERS}/members/{people.user(Role.ADMIN).id}/activate"
    assert people.client(Role.ADMIN).put(own, {"is_active": False}).json()["code"] == "own_membership"


def test_somebody_of_the_institution_is_added_and_a_stranger_invited(people: World):
    client = people.client(Role.ADMIN)
    colleague = people.user(Role.ANALYST, organization="two")
    answer = client.post(address(people, "/members"), {"email": colleague.email.upper(), "role": "viewer"})
    assert (answer.status_code, answer.json()["membership_role"]) == (201, "viewer")
    # Whether a stranger has an account shows in nothing.
    bodies = []
    for email in (people.user(Role.ANALYST, "beta").email, "nobody@nowhere.test"):
        answer = client.post(address(people, "/members"), {"email": email})
        assert answer.status_code == 202, answer.content
        bodies.append(answer.json().keys())
        assert letters(email)
    assert bodies[0] == bodies[1]
    with people.within("alpha", "one"):
        assert Invitation.objects.filter(email="nobody@nowhere.test", role="analyst").exists()
    foreign = client.post(address(people, "/members"), {"user_id": str(people.user(Role.ANALYST, "beta").id)})
    assert foreign.status_code == 404


def test_the_member_limit_holds(people: World):
    client = people.client(Role.ADMIN)
    assert client.patch(address(people), {"max_users": 4}).status_code == 200
    colleague = people.user(Role.ANALYST, organization="two")
    answer = client.post(address(people, "/members"), {"user_id": str(colleague.id)})
    assert (answer.status_code, answer.json()["code"]) == (409, "member_limit")


def test_a_tenant_admin_assigns_and_moves(people: World):
    client = people.client(Role.TENANT_ADMIN)
    who, two = people.user(Role.ANALYST), people.organizations["alpha", "two"]
    body = {"user_email": who.email, "organization_id": str(two), "role": "org_admin"}
    path = "/api/v1/tenant-admin/assign-user-to-organization"
    answer = client.post(path, {**body, "from_organization_id": str(people.organizations["alpha", "one"])})
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert (said["success"], said["organization_name"], said["assigned_role"]) == (True, "Two", "org_admin")
    assert (role_of(people, Role.ANALYST), role_of(people, Role.ANALYST, "two")) == (None, "admin")
    # Strangers are invited, not taken.
    stranger = people.user(Role.ANALYST, "beta").email
    assert client.post(path, {**body, "user_email": stranger}).status_code == 404
    assert client.post(path, {**body, "user_email": "nobody@nowhere.test"}).status_code == 404


def test_the_first_admin_of_an_ownerless_organization_owns_it(people: World):
    client = people.client(Role.TENANT_ADMIN)
    made = client.post("/api/v1/organizations", {"name": "Desk"}).json()
    body = {"user_email": people.user(Role.ANALYST).email, "organization_id": made["id"], "role": "org_admin"}
    answer = client.post("/api/v1/tenant-admin/assign-user-to-organization", body)
    assert answer.json()["membership_role"] == "owner"


def test_job_titles_are_counted(people: World):
    with in_public():
        for role, title in (
            (Role.OWNER, "Head"),
            (Role.ANALYST, "Senior Analyst"),
            (Role.VIEWER, "Senior Analyst"),
        ):
            profile = people.user(role).profile
            type(profile).objects.filter(pk=profile.pk).update(job_title=title)
    body = people.client(Role.ANALYST).get(address(people, "/job-titles")).json()
    assert body["total"] == 4
    assert {t["job_title"]: t["count"] for t in body["job_titles"]} == {"Senior Analyst": 2, "Head": 1, "": 1}


def test_an_institution_is_opened_with_its_admin_as_the_client_asks(people: World):
    body = {
        "tenant_name": "Third Bank",
        "tenant_description": "",
        "tenant_domain": "",
        "admin_email": "head@third.test",
        "admin_password": "correct-horse-9",
        "admin_first_name": "Ada",
        "admin_last_name": "Head",
        "admin_username": "",
        "create_default_org": True,
        "default_org_name": "Lending",
        "default_org_description": "",
    }
    client = people.client(Role.SUPER_ADMIN, "reference", "", host="localhost")
    answer = client.post("/api/v1/tenant-admin/create-tenant-with-admin", body)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["tenant_name"], said["default_org_name"], said["success"]) == ("Third Bank", "Lending", True)
    assert said["default_org_join_token"]

"""Who looks after whom: shut out, let in, removed; within the reach, never above oneself, never the last."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuthSession, Membership, MembershipState, Profile, User
from accounts.permissions import Role
from accounts.standing import services
from accounts.standing.models import Change, StatusChange
from accounts.standing.selectors import PLATFORM
from organizations.joining.services import entering
from organizations.models import AuditEvent, Organization
from tenants.kernel.errors import Forbidden
from tenants.kernel.request import SYSTEM
from tenants.models import PlatformAuditEvent
from tests.fixtures import PASSWORD, World, anonymous


@pytest.fixture
def root(people: World):
    """A super admin on the platform's host."""
    from accounts import services as accounts
    from accounts import tokens
    from accounts.selectors import starting_place

    user = people.user(Role.SUPER_ADMIN)
    place = starting_place(user, tenant_id=None)
    session = accounts.session_open(user=user, place=place, device="t", address=None)
    AuthSession.objects.filter(id=session.id).update(proved_at=timezone.now())
    client = anonymous("localhost")
    client.defaults["HTTP_HOST"] = "localhost"
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access_for(session)}")
    return client


def address(user, verb=""):
    return f"/api/v1/users/{user.id}" + (f"/{verb}" if verb else "")


def log_in(user, host="alpha.test"):
    body = {"email": user.email, "password": PASSWORD}
    return anonymous().post("/api/v1/auth/login", body, headers={"host": host}).status_code


# -- lists ---------------------------------------------------------------------------------------


def test_a_list_holds_whom_the_caller_looks_after(people: World, root):
    def seen(client):
        body = client.get("/api/v1/users?size=100").json()
        assert body["users"] == body["items"]
        assert body["total"] == len(body["items"])
        return {row["email"] for row in body["items"]}

    one = {people.user(role).email for role in (Role.OWNER, Role.ADMIN, Role.ANALYST, Role.VIEWER)}
    two = {people.user(r, "alpha", "two").email for r in (Role.OWNER, Role.ADMIN, Role.ANALYST, Role.VIEWER)}
    assert seen(people.client(Role.OWNER)) == seen(people.client(Role.ADMIN)) == one
    tenant = one | two | {people.user(Role.TENANT_ADMIN).email}
    assert seen(people.client(Role.TENANT_ADMIN)) == tenant
    # Inside an institution a super admin sees its people, on the platform everybody.
    assert seen(people.client(Role.SUPER_ADMIN)) == tenant
    everybody = seen(root)
    assert tenant < everybody
    assert people.user(Role.INDIVIDUAL).email in everybody


def test_rows_are_in_the_clients_shape(people: World, root):
    rows = {r["email"]: r for r in root.get("/api/v1/users?size=100").json()["items"]}
    roles = {
        people.user(Role.SUPER_ADMIN).email: "super_admin",
        people.user(Role.TENANT_ADMIN).email: "tenant_admin",
        people.user(Role.OWNER).email: "org_admin",
        people.user(Role.VIEWER).email: "org_member",
        people.user(Role.INDIVIDUAL).email: "user",
    }
    assert {email: rows[email]["role"] for email in roles} == roles
    individual = rows[people.user(Role.INDIVIDUAL).email]
    assert (individual["organization_id"], individual["tenant_id"]) == (None, None)
    assert rows[people.user(Role.OWNER).email]["organization_id"] == str(people.organizations["alpha", "one"])
    needed = {"id", "email", "full_name", "username", "role", "is_active", "last_login", "created_at"}
    assert all(needed <= set(row) for row in rows.values())


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("search=analyst", 2),
        ("role=owner", 2),
        ("role=tenant_admin", 1),
        ("is_active=false", 0),
        ("email_verified=true", 9),
        ("search=nobody-like-this", 0),
        ("page=2&size=5", 9),
    ],
)
def test_filters(people: World, query, count):
    assert people.client(Role.TENANT_ADMIN).get(f"/api/v1/users?{query}").json()["total"] == count


def test_the_filters_reach_no_further_than_the_caller(people: World):
    """Who is a member elsewhere cannot be found out by filtering for it."""
    user = people.user(Role.VIEWER)
    Membership.objects.create(
        user=user,
        tenant_id=people.tenants["beta"].id,
        organization_id=people.organizations["beta", "one"],
        role=Role.ANALYST,
    )
    client = people.client(Role.OWNER)
    for query in (f"tenant_id={people.tenants['beta'].id}", "role=analyst&search=viewer"):
        assert client.get(f"/api/v1/users?{query}").json()["items"] == []


def test_the_list_asks_the_same_number_of_queries_for_any_number_of_users(people: World):
    from tests.test_query_counts import count

    client = people.client(Role.TENANT_ADMIN)
    client.get("/api/v1/users")
    assert count(client, "/api/v1/users?size=1") == count(client, "/api/v1/users?size=9")


@pytest.mark.parametrize("stranger", [("alpha", "two", Role.ANALYST), ("beta", "one", Role.ANALYST)])
@pytest.mark.parametrize(
    ("method", "verb"),
    [("get", ""), ("delete", ""), ("get", "status-history"), ("get", "avatar"), ("patch", "activate")]
    + [("patch", "deactivate"), ("post", "lift"), ("post", "sign-out"), ("post", "resend-verification")],
)
def test_a_stranger_is_nobody(people: World, stranger, method, verb):
    tenant, organization, role = stranger
    client = people.client(Role.OWNER)
    answer = getattr(client, method)(address(people.user(role, tenant, organization), verb), {})
    assert (answer.status_code, answer.json()["code"]) == (404, "absent")


# -- standing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch"])
@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
def test_an_organizations_admin_shuts_out_of_it_only(
    people: World, method, prefix, django_capture_on_commit_callbacks
):
    """The account is not his: elsewhere the user works on."""
    user = User.objects.get(pk=people.user(Role.ANALYST).pk)
    Membership.objects.create(
        user=user,
        tenant_id=people.tenants["beta"].id,
        organization_id=people.organizations["beta", "one"],
        role=Role.VIEWER,
    )
    member, admin = people.client(Role.ANALYST), people.client(Role.ADMIN)
    assert member.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        answer = getattr(admin, method)(f"{prefix}/users/{user.id}/deactivate", {"reason": "left the desk"})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["is_active"], answer.json()["state"]) == (False, "suspended")
    assert member.get("/api/v1/companies").status_code == 401
    assert log_in(user) == 401
    assert log_in(user, "beta.test") == 200
    user.refresh_from_db()
    assert user.is_active
    with django_capture_on_commit_callbacks(execute=True):
        assert getattr(admin, method)(f"{prefix}/users/{user.id}/activate").json()["is_active"] is True
    assert log_in(user) == 200
    history = admin.get(address(user, "status-history")).json()["items"]
    assert [row["change"] for row in history] == ["activated", "deactivated"]
    assert history[1]["reason"] == "left the desk"
    with people.within("alpha"):
        rows = AuditEvent.objects.filter(action__startswith="accounts.user.", object_id=str(user.id))
        assert {r.action for r in rows} == {"accounts.user.activated", "accounts.user.deactivated"}


def test_a_super_admin_shuts_out_everywhere(people: World, root, django_capture_on_commit_callbacks):
    user = people.user(Role.ANALYST)
    member = people.client(Role.ANALYST)
    assert member.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        answer = root.patch(address(user, "deactivate"))
    assert (answer.status_code, answer.json()["state"]) == (200, "deactivated")
    assert member.get("/api/v1/companies").status_code == 401
    assert log_in(user) == 401
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()
    again = root.patch(address(user, "deactivate"))
    assert (again.status_code, again.json()["code"]) == (409, "same_state")
    assert root.patch(address(user, "activate")).json()["is_active"] is True
    assert log_in(user) == 200
    assert PlatformAuditEvent.objects.filter(action="accounts.user.deactivated").count() == 1


def test_a_suspension_needs_a_reason_and_ends_by_itself(people: World, root):
    user = people.user(Role.ANALYST)
    assert root.post(address(user, "suspend"), {}).status_code == 400
    past = (timezone.now() - timedelta(days=1)).isoformat()
    refused = root.post(address(user, "suspend"), {"reason": "x", "until": past})
    assert refused.json()["errors"][0]["pointer"] == "/until"
    until = timezone.now() + timedelta(days=3)
    answer = root.post(address(user, "suspend"), {"reason": "enquiry", "until": until.isoformat()})
    assert (answer.json()["state"], answer.json()["is_active"]) == ("suspended", False)
    assert log_in(user) == 401
    assert services.suspensions_lift_due(now=until - timedelta(minutes=1)) == 0
    # The sign-in itself notices, even where the task is late.
    User.objects.filter(pk=user.pk).update(suspended_until=timezone.now() - timedelta(seconds=1))
    assert log_in(user) == 200
    changes = [c.change for c in StatusChange.objects.filter(user=user)]
    assert changes == [Change.LIFTED, Change.SUSPENDED]


def test_the_task_lifts_identities_and_memberships(people: World, root):
    first, second = people.user(Role.ANALYST), people.user(Role.VIEWER)
    until = timezone.now() + timedelta(days=1)
    body = {"reason": "x", "until": until.isoformat()}
    assert root.post(address(first, "suspend"), body).status_code == 200
    assert people.client(Role.OWNER).post(address(second, "suspend"), body).status_code == 200
    assert log_in(second) == 401
    User.objects.update(suspended_until=None, state="active", is_active=True)
    User.objects.filter(pk=first.pk).update(
        suspended_until=timezone.now() - timedelta(seconds=1), state="suspended", is_active=False
    )
    assert services.suspensions_lift_due(now=until + timedelta(minutes=1)) == 2
    assert (log_in(first), log_in(second)) == (200, 200)
    assert Membership.objects.filter(user=second, state=MembershipState.ACTIVE).count() == 1


def test_a_suspension_without_an_end_is_lifted_by_somebody(people: World, root):
    user = people.user(Role.ANALYST)
    assert root.post(address(user, "lift")).json()["code"] in {"same_state", "not_suspended"}
    root.post(address(user, "suspend"), {"reason": "for good"})
    assert services.suspensions_lift_due(now=timezone.now() + timedelta(days=900)) == 0
    assert root.post(address(user, "lift"), {"reason": "settled"}).json()["state"] == "active"


# -- nobody above, nobody last -------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["deactivate", "suspend", "activate", "lift"])
def test_nobody_does_it_to_himself(people: World, root, verb):
    cases = [
        (people.client(role), people.user(role)) for role in (Role.ADMIN, Role.OWNER, Role.TENANT_ADMIN)
    ] + [(root, people.user(Role.SUPER_ADMIN))]
    for client, user in cases:
        answer = client.post(address(user, verb), {"reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


def test_nobody_touches_who_is_above_him(people: World):
    owner = people.user(Role.OWNER)
    admin = people.client(Role.ADMIN)
    for method, verb in (("post", "deactivate"), ("post", "suspend"), ("delete", "")):
        answer = getattr(admin, method)(address(owner, verb), {"reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "role_above_yours")
    # A tenant admin is in no organization, so those who run one do not even find him.
    assert admin.post(address(people.user(Role.TENANT_ADMIN), "deactivate")).status_code == 404


def test_the_last_tenant_admin_stays(people: World, root):
    admin = people.user(Role.TENANT_ADMIN)
    inside = people.client(Role.SUPER_ADMIN)
    for client in (root, inside):
        answer = client.post(address(admin, "deactivate"))
        assert (answer.status_code, answer.json()["code"]) == (409, "last_tenant_admin")
        assert client.delete(address(admin)).json()["code"] == "last_tenant_admin"
    # In an emergency operators suspend.
    assert root.post(address(admin, "suspend"), {"reason": "stolen laptop"}).status_code == 200


def test_an_owner_hands_over_first(people: World, root):
    owner = people.user(Role.OWNER)
    tenant_admin = people.client(Role.TENANT_ADMIN)
    assert tenant_admin.post(address(owner, "deactivate")).json()["code"] == "owner_stays"
    assert tenant_admin.delete(address(owner)).json()["code"] == "owner_stays"
    assert root.delete(address(owner)).json()["code"] == "owner_stays"
    # A taken account is shut out at once.
    assert root.post(address(owner, "deactivate")).status_code == 200


def test_the_last_super_admin_stays(people: World):
    other = User.objects.create(email="second@platform.test", is_super_admin=True)
    root = people.user(Role.SUPER_ADMIN)
    row = User.objects.get(pk=root.pk)
    arguments = {"reach": PLATFORM, "actor": other.actor, "role": Role.SUPER_ADMIN}
    services.user_deactivate(user=row, **arguments)
    from tenants.kernel.errors import Conflict

    with pytest.raises(Conflict) as refusal:
        services.user_deactivate(user=other, reach=PLATFORM, actor=SYSTEM, role=Role.SUPER_ADMIN)
    assert refusal.value.code == "last_super_admin"


def test_removing_ends_memberships_within_the_reach(people: World, django_capture_on_commit_callbacks):
    user = people.user(Role.ANALYST)
    client = people.client(Role.ANALYST)
    assert client.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert people.client(Role.OWNER).delete(address(user)).status_code == 204
    assert client.get("/api/v1/companies").status_code == 401
    assert not Membership.objects.filter(user=user).exists()
    assert User.objects.get(pk=user.pk).is_active
    assert people.client(Role.OWNER).get(address(user)).status_code == 404


def test_an_administrator_signs_a_user_out(people: World, django_capture_on_commit_callbacks):
    client = people.client(Role.ANALYST)
    assert client.get("/api/v1/companies").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        answer = people.client(Role.OWNER).post(address(people.user(Role.ANALYST), "sign-out"))
    assert answer.json()["ended"] >= 1
    assert client.get("/api/v1/companies").status_code == 401


# -- peers, and whom the institution keeps out ----------------------------------------------------


def make_peer(people: World, role: Role, organization: str | None) -> User:
    user = User.objects.create(email=f"second-{role}@alpha.test", email_verified_at=timezone.now())
    Profile.objects.create(user=user)
    Membership.objects.create(
        user=user,
        tenant_id=people.tenants["alpha"].id,
        organization_id=people.organizations["alpha", organization] if organization else None,
        role=role,
    )
    return user


@pytest.mark.parametrize(
    ("method", "verb"),
    [("post", "deactivate"), ("post", "suspend"), ("post", "sign-out"), ("delete", "")]
    + [("post", "activate"), ("post", "lift")],
)
def test_no_admin_of_an_organization_touches_another_one(people: World, method, verb):
    """The one rule of rank: it is the owner's to do, as among the organization's members."""
    peer = make_peer(people, Role.ADMIN, "one")
    answer = getattr(people.client(Role.ADMIN), method)(address(peer, verb), {"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_above_yours")
    assert Membership.objects.filter(user=peer, state=MembershipState.ACTIVE).exists()
    if verb == "deactivate":
        assert people.client(Role.OWNER).post(address(peer, verb)).status_code == 200


def test_nobody_signs_out_who_is_above_him(people: World):
    owner = people.client(Role.OWNER)
    answer = people.client(Role.ADMIN).post(address(people.user(Role.OWNER), "sign-out"))
    assert (answer.status_code, answer.json()["code"]) == (403, "role_above_yours")
    assert owner.get("/api/v1/companies").status_code == 200


def test_at_the_top_of_an_institution_peers_look_after_one_another(people: World):
    """Nobody of the institution stands above them; the last one stays."""
    peer = make_peer(people, Role.TENANT_ADMIN, None)
    assert people.client(Role.TENANT_ADMIN).post(address(peer, "deactivate")).status_code == 200


def test_whom_the_institution_keeps_out_no_organization_lets_in(people: World):
    user, boss = people.user(Role.ANALYST), people.client(Role.TENANT_ADMIN)
    User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    assert boss.post(address(user, "suspend"), {"reason": "enquiry"}).status_code == 200
    owner = people.client(Role.OWNER)
    for verb in ("activate", "lift"):
        answer = owner.post(address(user, verb))
        assert (answer.status_code, answer.json()["code"]) == (403, "shut_out")
    activate = f"/api/v1/users/members/{user.id}/activate"
    answer = owner.put(activate, {"is_active": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "shut_out")
    # Nor another organization: neither by its admin's hand nor by its link.
    other = people.client(Role.OWNER, "alpha", "two")
    two = people.organizations["alpha", "two"]
    added = other.post(f"/api/v1/organizations/{two}/members", {"email": user.email})
    assert (added.status_code, added.json()["code"]) == (403, "shut_out")
    with people.within("alpha", "two"):
        Organization.objects.filter(id=two).update(whitelist_required=False)
    link = other.post(f"/api/v1/organizations/{two}/links", {"label": "x"}).json()["join_token"]
    with pytest.raises(Forbidden) as refusal:
        entering.join(user=User.objects.get(pk=user.pk), secret=link, actor=user.actor)
    assert refusal.value.code == "shut_out"
    assert not Membership.objects.filter(user=user, state=MembershipState.ACTIVE).exists()
    assert boss.post(address(user, "lift")).status_code == 200
    assert log_in(user) == 200


def test_archiving_over_http_takes_a_fresh_proof_as_on_the_console(people: World, root):
    user = people.user(Role.VIEWER)
    AuthSession.objects.update(proved_at=None)
    answer = root.delete(address(user))
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert User.objects.get(pk=user.pk).is_active

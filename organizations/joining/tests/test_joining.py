"""Coming in by a link, a code, the whitelist or an invitation."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, TestCase
from django.utils import timezone
from openpyxl import Workbook

from accounts.models import Membership, User
from accounts.permissions import Role
from organizations.joining.models import Arrival, Invitation, JoinLink, WhitelistEntry
from organizations.models import AuditEvent, Organization
from predictions.models import Prediction
from tenants.kernel.context import in_public
from tenants.models import OrganizationEntry, Tenant, TenantSettings
from tenants.selectors import forget_tenant
from tests.fixtures import PASSWORD, World, anonymous
from tests.letters import letters, token_in

JOIN = "/api/v1/auth/join"
ACCEPT = "/api/v1/joining/accept"


def address(people: World, end="", organization="one"):
    return f"/api/v1/organizations/{people.organizations['alpha', organization]}{end}"


def link_of(people: World, **body) -> dict:
    answer = people.client(Role.OWNER).post(address(people, "/links"), body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def set_organization(people: World, **values) -> None:
    with people.within("alpha", "one"):
        Organization.objects.update(**values)


def prove(people: World, user: User, *, proved=True) -> None:
    with in_public():
        User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now() if proved else None)


@pytest.fixture
def individual(people: World):
    """An individual with a proved address, signed in on the platform's host."""
    prove(people, people.user(Role.INDIVIDUAL))
    return people.client(Role.INDIVIDUAL)


def role_in_one(people: World, user: User) -> str | None:
    with in_public():
        held = Membership.objects.filter(user=user, organization_id=people.organizations["alpha", "one"])
        return held.values_list("role", flat=True).first()


# -- links, codes, whitelist ---------------------------------------------------------------------


def test_token_and_whitelisted_address_make_a_member(people: World, individual):
    link, user = link_of(people), people.user(Role.INDIVIDUAL)
    body = {"join_token": link["join_token"], "email": user.email.upper()}
    refused = individual.post(JOIN, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_whitelisted")
    people.client(Role.ADMIN).post(address(people, "/whitelist"), {"email": user.email, "role": "viewer"})
    answer = individual.post(JOIN, body)
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert (said["success"], said["organization_name"], said["user_role"]) == (True, "One", "org_member")
    assert role_in_one(people, user) == Role.VIEWER
    with people.within("alpha", "one"):
        assert JoinLink.objects.get(id=link["id"]).uses == 1
        assert AuditEvent.objects.filter(action="organizations.joining.joined").exists()


def test_the_client_finds_itself_in_the_organization_with_the_token_it_has(people: World, individual):
    """It reads who it is with its old token, and knows no other way to change its place."""
    set_organization(people, whitelist_required=False)
    mine = {row["id"] for row in individual.get("/api/v1/predictions/annual").json()["items"]}
    assert mine
    with TestCase.captureOnCommitCallbacks(execute=True):
        individual.post(JOIN, {"join_token": link_of(people)["join_token"], "email": ""})
    me = individual.get("/api/v1/users/me").json()
    assert (me["role"], me["organization"]["name"], me["tenant"]["name"]) == ("org_member", "One", "Alpha")
    theirs = individual.get("/api/v1/predictions/annual").json()["items"]
    assert {row["organization_id"] for row in theirs} == {str(people.organizations["alpha", "one"])}
    # His own work is where it was, and he can go back to it.
    with people.within("personal"):
        assert {str(i) for i in Prediction.objects.filter(id__in=mine).values_list("id", flat=True)} == mine
    workspace = str(people.organizations["personal", "one"])
    with TestCase.captureOnCommitCallbacks(execute=True):
        back = individual.post("/api/v1/auth/switch-organization", {"organization_id": workspace})
    individual.credentials(HTTP_AUTHORIZATION=f"Bearer {back.json()['access_token']}")
    assert {row["id"] for row in individual.get("/api/v1/predictions/annual").json()["items"]} == mine


def test_another_address_than_ones_own_is_refused(people: World, individual):
    body = {"join_token": link_of(people)["join_token"], "email": "other@home.test"}
    answer = individual.post(JOIN, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/email")


def test_an_unproved_address_joins_nothing(people: World, individual):
    set_organization(people, whitelist_required=False)
    prove(people, people.user(Role.INDIVIDUAL), proved=False)
    answer = individual.post(JOIN, {"join_token": link_of(people)["join_token"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "unverified")


def test_a_domain_admits_its_addresses_and_an_address_goes_before_it(people: World, individual):
    admin = people.client(Role.ADMIN)
    admin.post(address(people, "/whitelist"), {"email": "@home.test", "role": "viewer"})
    admin.post(
        address(people, "/whitelist"), {"email": people.user(Role.INDIVIDUAL).email, "role": "analyst"}
    )
    assert individual.post(JOIN, {"join_token": link_of(people)["join_token"]}).status_code == 200
    assert role_in_one(people, people.user(Role.INDIVIDUAL)) == Role.ANALYST


def test_a_link_gives_its_role_where_the_whitelist_names_none(people: World, individual):
    set_organization(people, whitelist_required=False)
    assert (
        individual.post(JOIN, {"join_token": link_of(people, role="viewer")["join_token"]}).status_code == 200
    )
    assert role_in_one(people, people.user(Role.INDIVIDUAL)) == Role.VIEWER


CLOSED = {
    "switched off": {"is_on": False},
    "run out": {"expires_at": timezone.now() - timedelta(seconds=1)},
    "used up": {"max_uses": 1, "uses": 1},
}


@pytest.mark.parametrize("how", CLOSED)
def test_a_closed_link_says_no_more_than_an_unknown_one(people: World, individual, how):
    set_organization(people, whitelist_required=False)
    link = link_of(people)
    with people.within("alpha", "one"):
        JoinLink.objects.filter(id=link["id"]).update(**CLOSED[how])
    bodies = []
    for token in (link["join_token"], link["join_token"][:-4] + "xxxx", "f" * 32 + ".nothing", "nonsense"):
        answer = individual.post(JOIN, {"join_token": token})
        bodies.append((answer.status_code, answer.json()["code"], answer.json()["detail"]))
    assert set(bodies) == {(404, "absent", "This link or code leads nowhere.")}


def test_nothing_admits_anybody_while_joining_is_off_or_the_organization_closed(people: World, individual):
    token = {"join_token": link_of(people)["join_token"]}
    for values in ({"join_enabled": False}, {"join_enabled": True, "state": "suspended"}):
        set_organization(people, whitelist_required=False, **values)
        assert individual.post(JOIN, token).status_code == 404
    set_organization(people, state="active")
    assert individual.post(JOIN, token).status_code == 200
    again = individual.post(JOIN, token)
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_member")


def test_a_module_that_is_off_closes_every_way_in(people: World, individual):
    token = link_of(people)["join_token"]
    with in_public():
        TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id).update(modules_off=["joining"])
    tenants_cache_forget(people)
    answer = individual.post(JOIN, {"join_token": token})
    assert (answer.status_code, answer.json()["code"]) == (404, "module_off")
    assert people.client(Role.ADMIN).get(address(people, "/whitelist")).json()["code"] == "module_off"


def tenants_cache_forget(people: World) -> None:
    with in_public():
        forget_tenant(Tenant.objects.get(id=people.tenants["alpha"].id))


def test_a_rotated_token_opens_nothing(people: World, individual):
    set_organization(people, whitelist_required=False)
    admin = people.client(Role.ADMIN)
    old = admin.post(address(people, "/regenerate-token")).json()["new_token"]
    new = admin.post(address(people, "/regenerate-token")).json()["new_token"]
    assert individual.post(JOIN, {"join_token": old}).status_code == 404
    # People paste the whole address.
    assert individual.post(JOIN, {"join_token": f"https://app.test/join/{new}"}).status_code == 200


def test_a_link_is_used_as_often_as_it_says_and_counted(people: World, individual):
    set_organization(people, whitelist_required=False)
    link = link_of(people, max_uses=1, label="Fair")
    assert individual.post(JOIN, {"join_token": link["join_token"]}).status_code == 200
    prove(people, people.user(Role.INDIVIDUAL, organization="two"))
    second = people.client(Role.INDIVIDUAL, organization="two").post(JOIN, {"join_token": link["join_token"]})
    assert second.status_code == 404
    stats = people.client(Role.ADMIN).get(f"/api/v1/join-links/{link['id']}/stats").json()
    assert (stats["uses"], stats["left"], stats["members_now"], stats["by_day"][0]["count"]) == (1, 0, 1, 1)


def test_a_link_gives_no_role_above_its_maker(people: World):
    client = people.client(Role.ADMIN)
    answer = client.post(address(people, "/links"), {"role": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")
    link = link_of(people, role="viewer")
    one = f"/api/v1/join-links/{link['id']}"
    assert client.patch(one, {"role": "org_admin"}).status_code == 403
    assert client.patch(one, {"is_on": False}).json()["is_open"] is False
    assert client.post(f"{one}/rotate").json()["join_token"] != link["join_token"]
    assert client.delete(one).status_code == 204


def test_a_code_is_short_and_tolerant_and_found_in_the_directory(people: World, individual):
    set_organization(people, whitelist_required=False)
    code = people.client(Role.ADMIN).post(address(people, "/code")).json()["code"]
    assert len(code) == 11
    assert not set(code) & set("01OILSZBUV258")
    assert individual.post(JOIN, {"code": "AAAAA-AAAAA"}).status_code == 404
    assert individual.post(JOIN, {"code": code.lower().replace("-", " ")}).status_code == 200
    with people.within("alpha", "one"):
        assert Arrival.objects.get(user_id=people.user(Role.INDIVIDUAL).id).way == "code"
    people.client(Role.ADMIN).delete(address(people, "/code"))
    with in_public():
        assert OrganizationEntry.objects.get(id=people.organizations["alpha", "one"]).code is None


def test_the_whitelist_as_the_client_handles_it(people: World):
    client = people.client(Role.ADMIN)
    answer = client.post(address(people, "/whitelist"), {"email": "New+Desk@Firm.test"})
    assert (answer.status_code, answer.json()["email"]) == (201, "new+desk@firm.test")
    again = client.post(address(people, "/whitelist"), {"email": "new+desk@firm.TEST"})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_entry")
    body = client.get(address(people, "/whitelist?limit=100")).json()
    row = next(e for e in body["whitelist"] if e["email"] == "new+desk@firm.test")
    assert (row["status"], row["added_by"]) == ("active", people.user(Role.ADMIN).email)
    assert client.delete(address(people, "/whitelist/new+desk@firm.test")).status_code == 204
    assert client.delete(address(people, "/whitelist/new+desk@firm.test")).status_code == 404
    for bad in ("gmail.com", "@outlook.com", "no domain", "a@b@c.de", ""):
        assert client.post(address(people, "/whitelist"), {"email": bad}).status_code == 400
    assert people.client(Role.ANALYST).get(address(people, "/whitelist")).status_code == 403


# -- invitations ---------------------------------------------------------------------------------


def invite(people: World, email: str, **body) -> str:
    answer = people.client(Role.OWNER).post(address(people, "/invitations"), {"email": email, **body})
    assert answer.status_code == 201, answer.content
    assert "token" not in answer.json()
    return token_in(letters(email)[-1])


def test_an_invitation_makes_an_account_and_a_member_once(people: World):
    token = invite(people, "new@firm.test", role="viewer", full_name="New Person", job_title="Analyst")
    shown = anonymous().post("/api/v1/joining/preview", {"token": token}).json()
    assert shown == {"organization_name": "One", "way": "invitation", "needs_account": True}
    no_password = anonymous().post(ACCEPT, {"token": token})
    assert (no_password.status_code, no_password.json()["code"]) == (409, "password_needed")
    weak = anonymous().post(ACCEPT, {"token": token, "password": "12345678"})
    assert (weak.status_code, weak.json()["code"]) == (400, "invalid_input")
    answer = anonymous().post(ACCEPT, {"token": token, "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    with in_public():
        user = User.objects.by_email("new@firm.test")
    assert user.email_verified_at is not None
    assert (user.profile.full_name, user.profile.job_title) == ("New Person", "Analyst")
    assert role_in_one(people, user) == Role.VIEWER
    again = anonymous().post(ACCEPT, {"token": token, "password": PASSWORD})
    assert again.status_code == 404
    login = anonymous().post("/api/v1/auth/login", {"email": "new@firm.test", "password": PASSWORD})
    assert login.status_code == 200


def test_an_invitation_is_for_its_address_only(people: World, individual):
    token = invite(people, "somebody@else.test")
    answer = individual.post(JOIN, {"join_token": token})
    assert (answer.status_code, answer.json()["code"]) == (403, "other_address")


def test_who_has_an_account_accepts_signed_in_or_by_the_letter_alone(people: World):
    one, two = (people.user(Role.INDIVIDUAL, organization=o) for o in ("one", "two"))
    prove(people, one, proved=False)
    prove(people, two)
    token = invite(people, one.email)
    assert people.client(Role.INDIVIDUAL).post(JOIN, {"join_token": token}).status_code == 200
    one.refresh_from_db()
    assert one.email_verified_at is not None  # he holds the letter
    token = invite(people, two.email.upper())
    before = two.credential.password
    answer = anonymous().post(ACCEPT, {"token": token, "password": "another-password-1"})
    assert answer.status_code == 200
    two.credential.refresh_from_db()
    assert two.credential.password == before  # a letter changes no password
    assert role_in_one(people, two) == Role.ANALYST


def test_who_registered_a_strangers_address_does_not_come_in_by_the_strangers_invitation(people: World):
    """He knows the password of an account that nobody proved; the invited person sets another one."""
    squatted = people.user(Role.INDIVIDUAL)
    prove(people, squatted, proved=False)
    squatter = people.client(Role.INDIVIDUAL)
    moving = {"email": "squatter@evil.test", "current_password": PASSWORD}
    assert squatter.post("/api/v1/users/me/email", moving).status_code == 202
    token = invite(people, squatted.email)
    shown = anonymous().post("/api/v1/joining/preview", {"token": token}).json()
    assert shown["needs_account"] is True
    without = anonymous().post(ACCEPT, {"token": token})
    assert (without.status_code, without.json()["code"]) == (409, "password_needed")
    with TestCase.captureOnCommitCallbacks(execute=True):
        answer = anonymous().post(ACCEPT, {"token": token, "password": "another-password-1"})
    assert answer.status_code == 200, answer.content
    assert squatter.get("/api/v1/users/me").status_code == 401

    def log_in(password):
        body = {"email": squatted.email, "password": password}
        return anonymous().post("/api/v1/auth/login", body).status_code

    assert (log_in(PASSWORD), log_in("another-password-1")) == (401, 200)
    stolen = token_in(letters("squatter@evil.test")[0])
    assert anonymous().post("/api/v1/auth/verify-email", {"token": stolen}).status_code == 400
    squatted.refresh_from_db()
    assert squatted.email_verified_at is not None
    assert role_in_one(people, squatted) == Role.ANALYST


def test_resent_revoked_and_run_out_invitations(people: World):
    client = people.client(Role.ADMIN)
    first = invite(people, "twice@firm.test")
    duplicate = client.post(address(people, "/invitations"), {"email": "TWICE@firm.test"})
    assert (duplicate.status_code, duplicate.json()["code"]) == (409, "duplicate_invitation")
    row = client.get(address(people, "/invitations?state=pending")).json()["items"][0]
    assert (row["email"], row["state"]) == ("twice@firm.test", "pending")
    assert client.post(f"/api/v1/invitations/{row['id']}/resend").json()["times_sent"] == 2
    second = token_in(letters("twice@firm.test")[-1])
    assert anonymous().post("/api/v1/joining/preview", {"token": first}).status_code == 404
    with people.within("alpha", "one"):
        Invitation.objects.filter(id=row["id"]).update(expires_at=timezone.now())
    assert anonymous().post(ACCEPT, {"token": second, "password": PASSWORD}).status_code == 404
    assert client.get(f"/api/v1/invitations/{row['id']}").json()["state"] == "expired"
    client.post(f"/api/v1/invitations/{row['id']}/resend")
    assert client.delete(f"/api/v1/invitations/{row['id']}").status_code == 204
    third = token_in(letters("twice@firm.test")[-1])
    assert anonymous().post(ACCEPT, {"token": third, "password": PASSWORD}).status_code == 404
    gone = client.post(f"/api/v1/invitations/{row['id']}/revoke")
    assert (gone.status_code, gone.json()["code"]) == (409, "invitation_ended")


def test_an_invitation_holds_no_place_and_the_limit_is_held_when_it_is_accepted(people: World):
    token = invite(people, "late@firm.test")
    set_organization(people, max_users=4)
    answer = anonymous().post(ACCEPT, {"token": token, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "member_limit")
    with in_public():
        assert User.objects.by_email("late@firm.test") is None  # nothing is half done
    set_organization(people, max_users=5)
    assert anonymous().post(ACCEPT, {"token": token, "password": PASSWORD}).status_code == 200


def test_nobody_invites_above_or_at_his_own_rank(people: World):
    client = people.client(Role.ADMIN)
    for role in ("admin", "org_admin"):
        answer = client.post(address(people, "/invitations"), {"email": "x@y.test", "role": role})
        assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")
    answer = client.post(address(people, "/invitations"), {"email": "x@y.test", "role": "owner"})
    assert answer.status_code == 400


# -- files ---------------------------------------------------------------------------------------

CSV = (
    "E-Mail;First name;Last name;Role;Job title\n"
    "ada@firm.test;Ada;Love;viewer;Senior Analyst\n"
    "not an address;;;;\n"
    "bob@firm.test;Bob;;admin;\n"
    "ada@firm.test;;;;\n"
    "carl@firm.test;Carl;Card;superking;\n"
)


def send(people: World, end: str, content: bytes, name="people.csv", preview=False, by=Role.ADMIN):
    file = SimpleUploadedFile(name, content)
    client = people.client(by)
    return client.post(address(people, end), {"file": file, "preview": preview}, format="multipart")


def test_people_in_a_file_are_previewed_then_invited_row_by_row(people: World):
    shown = send(people, "/import-users", CSV.encode(), preview=True).json()
    assert (shown["total"], shown["done"], shown["known"], shown["refused"]) == (5, 1, 1, 3)
    assert letters("ada@firm.test") == []
    with people.within("alpha", "one"):
        assert not Invitation.objects.filter(email="ada@firm.test").exists()
    done = send(people, "/import-users", CSV.encode()).json()
    assert [row["status"] for row in done["rows"]] == ["invited", "refused", "refused", "known", "refused"]
    assert [row["row"] for row in done["rows"]] == [2, 3, 4, 5, 6]
    with people.within("alpha", "one"):
        made = Invitation.objects.get(email="ada@firm.test")
    assert (made.full_name, made.role, made.job_title) == ("Ada Love", "viewer", "Senior Analyst")
    assert len(letters("ada@firm.test")) == 1


def test_a_whitelist_comes_as_a_workbook_or_a_plain_list(people: World):
    book = Workbook()
    for row in (("email", "role"), ("w@firm.test", "viewer"), ("@bank.example", ""), ("gmail.com", "")):
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    body = send(people, "/whitelist-import", buffer.getvalue(), "list.xlsx").json()
    assert [row["status"] for row in body["rows"]] == ["added", "added", "refused"]
    plain = send(people, "/whitelist-import", b"p@firm.test\nw@firm.test\n").json()
    assert [row["status"] for row in plain["rows"]] == ["added", "known"]
    with people.within("alpha", "one"):
        assert (
            WhitelistEntry.objects.filter(value__in=["w@firm.test", "bank.example", "p@firm.test"]).count()
            == 3
        )


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"PK\x03\x04broken", 400),
        (b"\x00\x01\x02", 400),
        (b"a@b.cd\n" * 501, 413),
        (b"x" * 2_000_000, 413),
    ],
)
def test_a_bad_file_is_refused_as_a_whole(people: World, content, status):
    assert send(people, "/import-users", content).status_code == status


# -- the page behind the link --------------------------------------------------------------------


def test_the_page_accepts_an_invitation(people: World):
    token = invite(people, "page@firm.test")
    browser = Client(headers={"host": "localhost"})
    page = browser.get(f"/join/{token}")
    text = page.content.decode()
    assert (page.status_code, page["Cache-Control"].split(",")[0]) == (200, "max-age=0")
    assert "Join One" in text
    assert "<script" not in text
    assert "style=" not in text
    weak = browser.post(f"/join/{token}", {"password": "short"})
    assert weak.status_code == 400
    done = browser.post(f"/join/{token}", {"password": PASSWORD, "full_name": "P"})
    assert "Welcome to One" in done.content.decode()
    assert browser.get(f"/join/{token}").status_code == 404
    with in_public():
        assert User.objects.by_email("page@firm.test").check_password(PASSWORD)


def test_the_page_of_a_link_tells_the_name_only(people: World):
    link = link_of(people)
    text = Client(headers={"host": "alpha.test"}).get(link["join_url"]).content.decode()
    assert "Join One" in text
    assert "<form" not in text


@pytest.mark.parametrize(
    ("method", "end", "status"),
    [
        ("get", "/invitations?state=%00", 400),
        ("get", "/invitations?state=nonsense", 400),
        ("get", "/whitelist?search=%00", 200),
        ("get", "/whitelist?%00=1", 200),
        ("delete", "/whitelist/%00", 404),
    ],
)
def test_what_the_database_cannot_hold_is_not_there(people: World, method, end, status):
    answer = getattr(people.client(Role.OWNER), method)(address(people, end))
    assert answer.status_code == status, answer.content
    if status == 200 and "?%00" not in end:
        assert answer.json()["items"] == []


def test_a_tag_of_nothing_is_no_tag(people: World):
    answer = people.client(Role.OWNER).get(address(people, "/members"), headers={"If-None-Match": '""'})
    assert answer.status_code == 200

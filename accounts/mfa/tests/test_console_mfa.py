"""The second factor in the consoles: signing in, enrolling, being asked to."""

from __future__ import annotations

import re

from accounts.mfa.models import TotpDevice
from accounts.mfa.tests.test_mfa import code_of, enrol, forget_used, strict
from accounts.models import AuthSession, Membership
from accounts.permissions import Role
from tests.console import browser, console, platform_console, sign_in, text_of
from tests.fixtures import PASSWORD, World

__all__ = ["strict"]


def test_the_log_in_asks_on_a_second_page(people: World):
    user = people.user(Role.TENANT_ADMIN)
    secret, codes = enrol(people.client(Role.TENANT_ADMIN))
    client = browser("alpha.test")
    half = sign_in(client, user.email)
    assert (half.status_code, half["Location"]) == (302, "/admin/second-factor/?next=%2Fadmin%2F")
    assert client.get("/admin/").status_code == 302
    page = client.get(half["Location"])
    assert "Six digits of your authenticator app" in text_of(page)
    wrong = client.post("/admin/second-factor/", {"code": "000000", "next": "/admin/"})
    assert "The code is not right" in text_of(wrong)
    right = client.post(
        "/admin/second-factor/", {"code": code_of(secret), "next": "/admin/accounts/membership/"}
    )
    assert (right.status_code, right["Location"]) == (302, "/admin/accounts/membership/")
    assert client.get("/admin/").status_code == 200
    # A recovery code opens it as well.
    other = browser("alpha.test")
    sign_in(other, user.email)
    assert other.post("/admin/second-factor/", {"code": codes[0]}).status_code == 302
    assert other.get("/admin/").status_code == 200


def test_without_a_right_password_the_second_page_is_closed(people: World):
    answer = browser("alpha.test").post("/admin/second-factor/", {"code": "123456"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")


def test_a_token_of_the_console_is_none_of_the_api(people: World):
    user = people.user(Role.TENANT_ADMIN)
    secret, _ = enrol(people.client(Role.TENANT_ADMIN))
    client = browser("alpha.test")
    sign_in(client, user.email)
    token = client.session["mfa_token"]
    answer = client.post(
        "/api/v1/auth/mfa/verify",
        {"mfa_token": token, "code": code_of(secret)},
        content_type="application/json",
    )
    assert answer.status_code == 401


def test_enrolling_in_the_console(people: World):
    user, client = people.user(Role.TENANT_ADMIN), console(people, Role.TENANT_ADMIN)
    assert "Your password alone opens your account" in text_of(client.get("/admin/security/"))
    asked = client.get("/admin/security/app/")
    assert asked["Location"].startswith("/admin/prove/?next=")
    client.post("/admin/prove/", {"password": PASSWORD})
    assert "Show the QR code" in text_of(client.get("/admin/security/app/"))
    shown = text_of(client.post("/admin/security/app/"))
    assert "<svg" in shown
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown)[1]
    wrong = text_of(client.post("/admin/security/app/", {"code": "000000"}))
    assert "This code is not right" in wrong
    assert secret not in wrong
    done = text_of(client.post("/admin/security/app/", {"code": code_of(secret)}))
    assert len(re.findall(r"<code>[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}</code>", done)) == 10
    assert TotpDevice.objects.get(user=user).confirmed_at
    page = text_of(client.get("/admin/security/"))
    assert "in force since" in page
    # Now a proof is the app's matter.
    AuthSession.objects.filter(user=user).update(proved_at=None)
    assert client.post("/admin/security/", {"do": "remove"})["Location"].startswith("/admin/prove/")
    forget_used(user)
    client.post("/admin/prove/", {"code": code_of(secret)})
    renewed = text_of(client.post("/admin/security/", {"do": "renew"}))
    assert "Your recovery codes" in renewed
    assert "is removed" in text_of(client.post("/admin/security/", {"do": "remove"}))


def test_an_institution_that_asks_lets_in_to_enrol_only(strict: World):
    client = console(strict, Role.OWNER)
    answer = client.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/security/")
    assert client.get("/admin/companies/company/")["Location"] == "/admin/security/"
    assert "asks for a second factor" in text_of(client.get("/admin/security/"))
    assert client.post("/admin/logout/").status_code == 302


def test_the_pages_ask_for_a_sign_in(people: World):
    for path in ("security/", "security/app/", "prove/"):
        answer = browser("alpha.test").get(f"/admin/{path}")
        assert answer["Location"].startswith("/admin/login/")


def test_a_tenant_admin_resets_a_member_on_the_members_page(people: World):
    enrol(people.client(Role.ANALYST))
    member = people.user(Role.ANALYST)
    place = Membership.objects.get(user=member)
    address = f"/admin/accounts/membership/{place.pk}/reset-mfa/"
    assert console(people, Role.OWNER).post(address).status_code == 403
    client = console(people, Role.TENANT_ADMIN)
    assert client.post(address)["Location"].startswith("/admin/prove/")
    client.post("/admin/prove/", {"password": PASSWORD})
    assert "Be sure that it is he who asks" in text_of(client.get(address))
    assert client.post(address).status_code == 302
    assert not TotpDevice.objects.filter(user=member).exists()


def test_a_super_admin_resets_anybody_on_the_platforms_console(people: World):
    enrol(people.client(Role.TENANT_ADMIN))
    user, client = people.user(Role.TENANT_ADMIN), platform_console(people)
    client.post("/admin/prove/", {"password": PASSWORD})
    assert client.post(f"/admin/accounts/user/{user.pk}/reset-mfa/").status_code == 302
    assert not TotpDevice.objects.filter(user=user).exists()

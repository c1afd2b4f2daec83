"""The provider in the consoles: set by the institution, confirmed by the platform, signing in by it."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from accounts.sso.models import Connection, EmailDomain
from accounts.sso.tests.providers import Liar
from accounts.sso.tests.test_sso import SECRET, corp, liar, only
from tests.console import browser, console, platform_console, sign_in, text_of
from tests.fixtures import PASSWORD, World

__all__ = ["corp", "liar", "only"]
PAGE = "/admin/single-sign-on/"
START = "/api/v1/auth/sso/start?console=true"


def fields(people: World, **more) -> dict[str, object]:
    return {
        "do": "set",
        "issuer": "https://idp.example.com",
        "client_id": "client-1",
        "client_secret": SECRET,
        "scopes": "openid email",
        "role_claim": "groups",
        "role_map": '{"analysts": "analyst"}',
        "default_role": "viewer",
        "organization_id": str(people.organizations["alpha", "one"]),
        "is_active": "on",
        **more,
    }


def come_back(client, liar: Liar):
    """Follow the browser through the provider."""
    out = client.get(START)
    assert out.status_code == 302, out.content
    return client.get(liar.log_in(out["Location"]).removeprefix("http://alpha.test"))


def test_an_admin_sets_the_provider_with_a_proof(people: World):
    client = console(people, Role.TENANT_ADMIN)
    assert client.post(PAGE, fields(people))["Location"].startswith("/admin/prove/")
    client.post("/admin/prove/", {"password": PASSWORD})
    answer = text_of(client.post(PAGE, fields(people)))
    assert "Single sign-on is set" in answer
    row = Connection.objects.get()
    assert (row.issuer, row.role_map, row.is_active) == (
        "https://idp.example.com",
        {"analysts": "analyst"},
        True,
    )
    assert SECRET not in row.secret_sealed + text_of(client.get(PAGE))
    # What the page shows of the map is what it takes back.
    assert "&quot;analysts&quot;: &quot;analyst&quot;}" in client.get(PAGE).content.decode()
    client.post(PAGE, fields(people, client_secret="", client_id="client-2"))
    changed = Connection.objects.get()
    assert (changed.client_id, changed.secret_sealed) == ("client-2", row.secret_sealed)


def test_what_cannot_be_is_said(people: World):
    client = console(people, Role.TENANT_ADMIN)
    client.post("/admin/prove/", {"password": PASSWORD})
    for wrong in (
        {"issuer": "http://idp.example.com"},
        {"role_map": '{"all": "owner"}'},
        {"scopes": "email"},
        {"organization_id": str(people.organizations["beta", "one"])},
        {"default_role": "tenant_admin"},
    ):
        client.post(PAGE, fields(people, **wrong))
        assert not Connection.objects.exists(), wrong
    assert console(people, Role.OWNER).get(PAGE).status_code == 403


def test_a_domain_is_claimed_here_and_confirmed_there(people: World):
    client = console(people, Role.TENANT_ADMIN)
    client.post(PAGE, {"do": "claim", "domain": "Corp.test"})
    row = EmailDomain.objects.get()
    assert (row.domain, row.confirmed_at) == ("corp.test", None)
    platform = platform_console(people)
    address = f"/admin/sso/emaildomain/{row.pk}/confirm/"
    assert platform.post(address)["Location"].startswith("/admin/prove/")
    platform.post("/admin/prove/", {"password": PASSWORD})
    assert "Does Alpha own corp.test?" in text_of(platform.get(address))
    platform.post(address)
    assert EmailDomain.objects.get().confirmed_at
    assert "confirmed" in text_of(client.get(PAGE))
    client.post(PAGE, {"do": "give-up", "domain": "corp.test"})
    assert not EmailDomain.objects.exists()


def test_signing_in_to_the_console_by_the_provider(corp: World, liar: Liar):
    assert START in text_of(browser("alpha.test").get("/admin/login/"))
    liar.claims = {"groups": ["risk-admins"]}
    client = browser("alpha.test")
    back = come_back(client, liar)
    assert (back.status_code, back["Location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200
    session = AuthSession.objects.get(user__email="person@corp.test")
    assert session.confined_to_id == corp.tenants["alpha"].id


def test_who_has_no_business_in_the_console_is_told(corp: World, liar: Liar):
    liar.claims = {"groups": ["analysts"]}
    client = browser("alpha.test")
    come_back(client, liar)
    # An analyst works through the API: the console stays closed, as it does with a password.
    assert client.get("/admin/").status_code == 302


def test_the_consoles_form_takes_no_password_where_only_the_provider_counts(only: World, liar: Liar):
    refused = sign_in(browser("alpha.test"), only.user(Role.OWNER).email)
    assert "Sign in by your institution" in text_of(refused)
    assert sign_in(browser("alpha.test"), only.user(Role.TENANT_ADMIN).email).status_code == 302


def test_the_console_asks_for_our_second_factor_after_the_provider(corp: World, liar: Liar):
    from accounts.mfa.models import TotpDevice

    liar.claims = {"groups": ["risk-admins"]}
    come_back(browser("alpha.test"), liar)
    person = User.objects.get(email="person@corp.test")
    TotpDevice.objects.create(user=person, secret_sealed="x", confirmed_at=timezone.now())
    liar.nonce = ""
    client = browser("alpha.test")
    back = come_back(client, liar)
    assert back["Location"] == "/admin/second-factor/"
    assert client.get("/admin/").status_code == 302
    assert Membership.objects.get(user=person).role == "admin"

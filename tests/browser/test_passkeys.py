"""Passkeys in a real browser, with the security key that Chromium itself plays."""

from __future__ import annotations

import pytest

from accounts.mfa.models import Passkey
from accounts.models import AuthSession
from tenants.models import Domain
from tests.fixtures import PASSWORD, OwnTenant

pytestmark = [pytest.mark.browser]

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def host(own_tenant: OwnTenant, django_db_blocker) -> str:
    """The institution at an address that browsers take for secure: passkeys need that."""
    name = f"{own_tenant.mark}.localhost"
    with django_db_blocker.unblock():
        Domain.objects.create(domain=name, tenant_id=own_tenant.ref.id, is_primary=False)
    return name


def prove_by_password(page) -> None:
    page.fill("input[name=password]", PASSWORD)
    page.click("button:has-text('Go on')")
    page.wait_for_load_state("networkidle")


def test_a_passkey_is_made_signs_in_and_proves(
    own_tenant: OwnTenant, host: str, server, watched, django_db_blocker
):
    page, email = watched.page, own_tenant.owner.email
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    device = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

    watched.sign_in(server.at(host), email, PASSWORD)
    page.goto(server.at(host, "/admin/security/"))
    page.click("a:has-text('Add a passkey')")
    prove_by_password(page)
    page.fill("input[name=name]", "This computer")
    page.click("button:has-text('Add this passkey')")
    page.wait_for_selector("text=The passkey is in force")
    assert page.locator(".console-codes li").count() == 10
    assert len(cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1

    # A second key of the same device is refused by the browser, in words.
    page.goto(server.at(host, "/admin/security/passkey/"))
    page.click("button:has-text('Add this passkey')")
    page.wait_for_selector("text=This device is registered already.")

    page.click(f"text={email}")
    page.click("#logout-form button")
    page.wait_for_load_state("networkidle")
    watched.sign_in(server.at(host, "/admin/login/"), email, PASSWORD)
    assert "/admin/second-factor/" in page.url
    page.click("button:has-text('Use a passkey')")
    page.wait_for_url(server.at(host))
    page.goto(server.at(host, "/admin/security/"))
    assert "last used" in page.inner_text("#content")

    # Renaming takes a proof: the passkey gives it.
    page.fill("input[name=name]", "Renamed")
    page.click("button:has-text('Rename')")
    page.wait_for_url("**/admin/prove/**")
    page.click("button:has-text('Use a passkey')")
    page.wait_for_url("**/admin/security/")
    page.fill("input[name=name]", "Renamed")
    page.click("button:has-text('Rename')")
    page.wait_for_selector("text=The passkey has its new name.")

    # A device that does not know its user (no PIN, no finger) opens nothing.
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.click(f"text={email}")
    page.click("#logout-form button")
    page.wait_for_load_state("networkidle")
    watched.sign_in(server.at(host, "/admin/login/"), email, PASSWORD)
    page.click("button:has-text('Use a passkey')")
    page.wait_for_selector("[data-says]:not([hidden])")
    assert "/admin/second-factor/" in page.url
    with django_db_blocker.unblock():
        key = Passkey.objects.get(user=own_tenant.owner)
        sessions = AuthSession.objects.filter(user=own_tenant.owner, proved_by="passkey")
        assert (key.name, key.host, sessions.count()) == ("Renamed", host, 1)
    assert watched.faults == []

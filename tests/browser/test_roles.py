"""Each role in a real browser: signs in, looks at every page that its menu offers, and writes once."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from accounts import services as accounts
from accounts.permissions import Role
from companies.models import Company
from organizations.joining.models import WhitelistEntry
from organizations.models import Organization
from tenants.kernel.request import SYSTEM
from tenants.models import Tenant, TenantSettings
from tests.browser.test_console import host_of
from tests.browser.test_policy import BLOCKED, COLLECT
from tests.fixtures import PASSWORD, OwnTenant

pytestmark = [pytest.mark.browser]

CLOSED = "this console is not open to you"


@pytest.fixture
def operator(own_tenant: OwnTenant, django_db_blocker) -> str:
    """A super admin of this test alone; the institution's end takes him along."""
    email = f"operator@{own_tenant.mark}.test"
    with django_db_blocker.unblock():
        accounts.user_create(
            email=email,
            password=PASSWORD,
            full_name="Operator",
            is_super_admin=True,
            verified=True,
            actor=SYSTEM,
        )
    return email


@pytest.fixture
def member(own_tenant: OwnTenant, django_db_blocker):
    """Makes a member of the organization in a role; gives his address."""

    def make(role: str) -> str:
        email = f"member-{role}@{own_tenant.mark}.test"
        with django_db_blocker.unblock():
            user = accounts.user_create(email=email, password=PASSWORD, verified=True, actor=SYSTEM)
            accounts.membership_grant(
                user=user,
                tenant_id=own_tenant.ref.id,
                organization_id=own_tenant.organization_id,
                role=Role(role),
                actor=SYSTEM,
            )
        return email

    return make


def walk(watched, server, host: str) -> dict[str, str]:
    """Look at every page of the menu; the address and the title of each. Anything amiss fails."""
    page, seen, broken = watched.page, {}, {}
    links = page.eval_on_selector_all("#nav-sidebar a[href]", "all => all.map(a => a.getAttribute('href'))")
    for link in dict.fromkeys(urlsplit(link).path for link in links):
        answer = page.goto(server.at(host, link), wait_until="load")
        seen[link] = page.title()
        found = [v for v in page.evaluate("window.violations") if BLOCKED not in v]
        if answer.status != 200 or found:
            broken[link] = (answer.status, found)
    assert broken == {}
    assert len(seen) > 5, seen
    return seen


def enter(watched, server, host: str, email: str) -> str:
    """Sign in; what the first page says."""
    watched.page.add_init_script(COLLECT)
    watched.sign_in(server.at(host), email, PASSWORD)
    assert watched.page.url == server.at(host), watched.page.inner_text("body")[:300]
    return watched.page.inner_text("#content")


def save(page) -> None:
    page.click("button[name=_save]")
    page.wait_for_load_state("load")


def faults(watched) -> list[str]:
    return [fault for fault in watched.faults if BLOCKED not in fault]


def test_a_super_admin(own_tenant: OwnTenant, operator, server, watched, django_db_blocker):
    page = watched.page
    first = enter(watched, server, "localhost", operator)
    assert "tenants" in first.lower()
    seen = walk(watched, server, "localhost")
    assert "/admin/tenants/tenant/" in seen
    assert not any("/companies/" in link or "/predictions/prediction/" in link for link in seen)
    page.goto(server.at("localhost", f"/admin/tenants/tenant/{own_tenant.ref.id}/change/"))
    page.fill("[name=description]", "Looked after by a browser")
    save(page)
    with django_db_blocker.unblock():
        assert Tenant.objects.get(id=own_tenant.ref.id).description == "Looked after by a browser"
    assert faults(watched) == []


def test_a_tenant_admin(own_tenant: OwnTenant, server, watched, django_db_blocker):
    page, host = watched.page, host_of(own_tenant)
    first = enter(watched, server, host, f"admin@{own_tenant.mark}.test")
    assert "No company has been scored yet." in first
    assert "/admin/accounts/membership/" in walk(watched, server, host)
    page.goto(server.at(host, "/admin/tenants/tenantsettings/"))
    page.fill("input[name=display_name]", "Bank of the browser")
    save(page)
    with django_db_blocker.unblock():
        settings = TenantSettings.objects.get(tenant_id=own_tenant.ref.id)
        assert settings.display_name == "Bank of the browser"
    assert faults(watched) == []


def test_an_owner(own_tenant: OwnTenant, server, watched):
    page, host = watched.page, host_of(own_tenant)
    assert "No company has been scored yet." in enter(watched, server, host, own_tenant.owner.email)
    seen = walk(watched, server, host)
    assert "/admin/tenants/tenantsettings/" not in seen
    address = f"/admin/organizations/organization/{own_tenant.organization_id}/change/"
    page.goto(server.at(host, address))
    page.fill("[name=description]", "Written in a browser")
    save(page)
    with own_tenant.within():
        assert Organization.objects.get().description == "Written in a browser"
    assert faults(watched) == []


def test_an_admin(own_tenant: OwnTenant, member, server, watched):
    page, host = watched.page, host_of(own_tenant)
    enter(watched, server, host, member(Role.ADMIN))
    walk(watched, server, host)
    page.goto(server.at(host, "/admin/joining/whitelistentry/add/"))
    page.fill("[name=value]", "invited@firm.test")
    save(page)
    with own_tenant.within():
        assert WhitelistEntry.objects.get().value == "invited@firm.test"
    page.goto(server.at(host, "/admin/companies/company/add/"))
    page.fill("[name=symbol]", "BRW")
    page.fill("[name=name]", "Browser Works")
    save(page)
    with own_tenant.within():
        assert Company.objects.get().symbol == "BRW"
    assert faults(watched) == []


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_who_works_through_the_api_is_told_so(own_tenant: OwnTenant, member, server, watched, role):
    page, host = watched.page, host_of(own_tenant)
    page.goto(server.at(host))
    assert "Analysts work through the API" in page.inner_text("body")
    watched.sign_in(server.at(host), member(role), PASSWORD)
    assert CLOSED in page.inner_text("body")
    assert page.goto(server.at(host, "/admin/companies/company/")).status == 200
    assert "/admin/login/" in page.url
    # What he has instead answers in words.
    assert page.goto(server.at(host, "/api/v1/companies")).status == 401
    assert "Sign in first." in page.inner_text("body")


def test_an_individual_is_at_home_in_the_api(world, server, watched):
    page = watched.page
    email = world.user(Role.INDIVIDUAL).email
    watched.sign_in(server.at("localhost"), email, PASSWORD)
    assert CLOSED in page.inner_text("body")
    answer = page.request.post(
        server.at("localhost", "/api/v1/auth/login"), data={"email": email, "password": PASSWORD}
    )
    token = answer.json()["access_token"]
    page.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    assert page.goto(server.at("localhost", "/api/v1/predictions/annual")).status == 200
    assert "ROW" in page.inner_text("body")

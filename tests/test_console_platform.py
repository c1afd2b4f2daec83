"""The platform's console: tenants and users through services, and the figures of both first pages."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from companies.models import Company
from organizations.models import Organization
from predictions import dashboards
from predictions.models import Prediction
from tenants.kernel.context import in_public
from tenants.models import Domain, JobTicket, PlatformAuditEvent, Tenant, TenantState
from tests import factories
from tests.console import console, errors_of, messages_of, platform_console, text_of
from tests.fixtures import PASSWORD, World, shut_out
from tests.letters import letters

TENANT = {
    "name": "First Bank",
    "description": "",
    "domain": "first.test",
    "admin_email": "boss@first.test",
    "admin_full_name": "Bea Boss",
    "admin_password": PASSWORD,
}


@pytest.fixture(autouse=True)
def _no_log_of_django(db):
    """Whatever a test does in a console, Django's own log stays empty."""
    yield
    assert LogEntry.objects.count() == 0


def platform_events() -> list[str]:
    with in_public():
        return list(PlatformAuditEvent.objects.order_by("id").values_list("action", flat=True))


# -- the platform's console ------------------------------------------------------------------------


def test_a_tenant_is_opened_with_its_admin_in_one_step(people: World):
    client = platform_console(people)
    assert client.post("/admin/tenants/tenant/add/", TENANT).status_code == 302
    tenant = Tenant.objects.get(name="First Bank")
    assert Membership.objects.get(tenant=tenant).user.email == "boss@first.test"
    assert list(tenant.domains.values_list("domain", flat=True)) == ["first.test"]
    assert User.objects.get(email="boss@first.test").check_password(PASSWORD)
    assert "tenants.tenant.created" in platform_events()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "alpha"}, "name"),
        ({"name": "x"}, "name"),
        ({"domain": "alpha.test"}, "domain"),
        ({"domain": "not a host"}, "domain"),
        ({"admin_email": "nobody"}, "admin_email"),
        ({"admin_password": "short"}, "admin_password"),
    ],
)
def test_what_is_wrong_with_a_new_tenant_is_said_at_its_field(people: World, wrong, field):
    answer = platform_console(people).post("/admin/tenants/tenant/add/", {**TENANT, **wrong})
    assert answer.status_code == 200
    assert list(errors_of(answer)) == [field]
    assert not User.objects.filter(email="boss@first.test").exists()
    assert not Domain.objects.filter(domain="first.test").exists()


def tenant_form(tenant: Tenant, **changes) -> dict:
    cut_offs = {f"{name}_from": getattr(tenant, f"{name}_from") for name in ("medium", "high", "critical")}
    return {"name": tenant.name, "description": "", **cut_offs, **changes}


def test_a_tenant_is_changed_suspended_and_restored(people: World):
    client, tenant = platform_console(people), Tenant.objects.get(name="Alpha")
    address = f"/admin/tenants/tenant/{tenant.pk}"
    answer = client.post(f"{address}/change/", tenant_form(tenant, description="A bank", medium_from="0.02"))
    assert answer.status_code == 302
    tenant.refresh_from_db()
    assert (tenant.description, float(tenant.medium_from)) == ("A bank", 0.02)
    assert client.post(f"{address}/suspend/", {"reason": ""}).status_code == 200
    client.post(f"{address}/suspend/", {"reason": "unpaid"})
    tenant.refresh_from_db()
    assert tenant.state == TenantState.SUSPENDED
    client.post(f"{address}/restore/", {"reason": "paid"})
    tenant.refresh_from_db()
    assert tenant.state == TenantState.ACTIVE
    assert platform_events()[-3:] == [
        f"tenants.tenant.{verb}" for verb in ("updated", "suspended", "restored")
    ]
    assert "unpaid" in text_of(client.get(f"{address}/history/"))


def test_cut_offs_must_ascend(people: World):
    tenant = Tenant.objects.get(name="Alpha")
    answer = platform_console(people).post(
        f"/admin/tenants/tenant/{tenant.pk}/change/", tenant_form(tenant, medium_from="0.5")
    )
    assert list(errors_of(answer)) == ["__all__"]


def test_reserved_tenants_are_read_only(people: World):
    client = platform_console(people)
    for tenant in Tenant.objects.exclude(kind="institution"):
        address = f"/admin/tenants/tenant/{tenant.pk}"
        assert client.get(f"{address}/change/").status_code == 200
        assert client.post(f"{address}/change/", tenant_form(tenant, name="Mine")).status_code == 403
        assert client.post(f"{address}/suspend/", {"reason": "x"}).status_code == 403


def test_a_host_is_added(people: World):
    client, tenant = platform_console(people), Tenant.objects.get(name="Alpha")
    data = {"tenant": str(tenant.pk), "domain": "two.alpha.test"}
    assert client.post("/admin/tenants/domain/add/", data).status_code == 302
    assert Domain.objects.get(domain="two.alpha.test").tenant == tenant
    again = client.post("/admin/tenants/domain/add/", data)
    assert list(errors_of(again)) == ["domain"]


def test_a_user_is_deactivated_but_not_oneself(people: World):
    client, user, own = platform_console(people), people.user(Role.OWNER), people.user(Role.SUPER_ADMIN)
    why = {"reason": "has left"}
    assert messages_of(client.post(f"/admin/accounts/user/{user.pk}/deactivate/", why, follow=True))
    client.post(f"/admin/accounts/user/{own.pk}/deactivate/", why)
    assert [User.objects.get(pk=u.pk).is_active for u in (user, own)] == [False, True]
    assert platform_events()[-1] == "accounts.user.deactivated"


def test_operators_look_after_a_user(people: World):
    """Suspended with a reason and an end, let in, signed out, written to, archived with a fresh proof."""
    client, user = platform_console(people), people.user(Role.ANALYST)
    page = f"/admin/accounts/user/{user.pk}"

    def press(verb, **data):
        found = messages_of(client.post(f"{page}/{verb}/", data, follow=True))
        return found[0] if found else None

    def state():
        return User.objects.get(pk=user.pk).state

    assert client.post(f"{page}/suspend/", {}).status_code == 200  # the form again, which names the field
    assert state() == "active"
    assert press("suspend", reason="An enquiry", until_0="2099-01-01", until_1="12:00")
    assert (state(), User.objects.get(pk=user.pk).suspended_until.year) == ("suspended", 2099)
    shown = client.get(f"{page}/change/").content.decode()
    assert "An enquiry" in shown
    assert "/lift/" in shown
    assert "/suspend/" not in shown
    press("lift", reason="settled")
    assert state() == "active"
    press("deactivate", reason="left")
    press("activate", reason="came back")
    assert state() == "active"
    people.client(Role.ANALYST)
    press("sign-out")
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()
    assert "verified already" in str(press("resend"))
    User.objects.filter(pk=user.pk).update(email_verified_at=None)
    press("resend")
    assert [letter.subject for letter in letters(user.email)] == ["Please confirm your e-mail address"]
    refused = client.post(f"{page}/archive/", {"reason": "asked for it"})
    assert refused.status_code == 302
    assert state() == "active"
    AuthSession.objects.filter(user=people.user(Role.SUPER_ADMIN)).update(proved_at=timezone.now())
    press("archive", reason="asked for it")
    assert state() == "archived"
    assert "/activate/" not in client.get(f"{page}/change/").content.decode()


# -- figures ---------------------------------------------------------------------------------------


def test_the_tenants_figures_are_true(people: World):
    with people.within("alpha", "one"):
        place = Organization.objects.get(slug="one")
        weak = factories.CompanyFactory(organization=place)
        for year, pd, level in ((2022, 0.01, "LOW"), (2023, 0.5, "CRITICAL")):
            factories.PredictionFactory(
                organization=place, company=weak, fiscal_year=year, pd=pd, risk_level=level
            )
        numbers = [f"{model.objects.count():,}" for model in (Company, Prediction)]
        rated = Prediction.objects.filter(kind="annual").values("company").distinct().count()
    context = console(people, Role.OWNER).get("/admin/").context
    assert [figure["value"] for figure in context["figures"][:2]] == numbers
    assert context["rated"] == f"{rated:,}"
    shares = {share["level"]: share["number"] for share in context["shares"]}
    assert (shares["Critical"], shares["Low"]) == ("1", f"{rated - 1:,}")
    assert (context["worst"][0]["symbol"], context["worst"][0]["pd"]) == (weak.symbol, "50.00 %")


def test_an_empty_tenant_is_shown_as_empty(people: World):
    client = platform_console(people)
    client.post("/admin/tenants/tenant/add/", TENANT)
    tenant = Tenant.objects.get(name="First Bank").ref
    people.tenants["first"] = tenant
    try:
        people.users["first", "", Role.TENANT_ADMIN] = User.objects.get(email="boss@first.test")
        page = text_of(console(people, Role.TENANT_ADMIN, "first").get("/admin/"))
    finally:
        del people.tenants["first"], people.users["first", "", Role.TENANT_ADMIN]
    assert "No company has been scored yet." in page
    assert "No file has been uploaded yet." in page


def test_the_platforms_figures_are_true(people: World):
    now, tenant = timezone.now(), Tenant.objects.get(name="Alpha")
    JobTicket.objects.all().delete()
    for key, (state, age, done) in enumerate(
        [("completed", 0, 40), ("processing", 0, 7), ("processing", 3600, 3)], start=1
    ):
        JobTicket.objects.create(
            id=f"01990000-0000-7000-8000-00000000aaa{key}",
            tenant=tenant,
            kind="annual",
            state=state,
            rows=100,
            rows_done=done,
            heartbeat=now - timezone.timedelta(seconds=age),
        )
    client = platform_console(people)
    context = client.get("/admin/").context
    figures = {figure["title"]: (figure["value"], figure["note"]) for figure in context["figures"]}
    assert figures["Running jobs"] == ("2", "1 stuck")
    assert figures["Users"][0] == f"{User.objects.filter(is_active=True).count():,}"
    assert figures["Tenants"][0] == f"{Tenant.objects.institutions().count():,}"
    assert dict(dashboards._days(now))[now.replace(hour=0, minute=0, second=0, microsecond=0)] == 50
    assert text_of(client.get("/admin/tenants/jobticket/")).count("Stuck") >= 1


def test_a_withdrawn_super_admin_is_out(people: World, django_capture_on_commit_callbacks):
    client = platform_console(people)
    with django_capture_on_commit_callbacks(execute=True):
        shut_out(people.user(Role.SUPER_ADMIN))
    assert client.get("/admin/").status_code == 302

"""The pages of the consoles about institutions: settings, modules, looks, entering, the end, exports."""

from __future__ import annotations

import io
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from accounts import services as accounts
from accounts.models import AuthSession
from accounts.permissions import Role
from accounts.principals import forget_sessions
from accounts.selectors import Place
from organizations.models import AuditEvent
from tenants.models import (
    Domain,
    PlatformSettings,
    Tenant,
    TenantExport,
    TenantSettings,
    TenantState,
)
from tenants.selectors import forget_tenant
from tests.console import browser, console, errors_of, platform_console, text_of
from tests.fixtures import PASSWORD, World, anonymous


def proved(client) -> None:
    """Give the console's session a fresh proof, as its page does."""
    session = AuthSession.objects.get(id=client.session["auth_session"]["id"])
    session.proved_at, session.proved_by = session.created_at, "password"
    session.save()


def form_of(answer) -> dict:
    """What the form of a page holds, as a browser would send it back."""
    form = answer.context["adminform"].form
    data = {}
    for name in form.fields:
        value = form[name].value()
        if value is None or value is False or name in {"logo"}:
            continue
        data[name] = "on" if value is True else value
    return data


def settings_address(people: World, tenant: str = "alpha") -> str:
    return f"/admin/tenants/tenantsettings/{people.tenants[tenant].id}/change/"


def picture() -> SimpleUploadedFile:
    held = io.BytesIO()
    Image.new("RGB", (40, 20), "#225588").save(held, "PNG")
    return SimpleUploadedFile("logo.png", held.getvalue(), content_type="image/png")


# -- settings --------------------------------------------------------------------------------------


def test_a_tenant_admin_sets_his_institution_up(people: World, django_capture_on_commit_callbacks):
    client, address = console(people, Role.TENANT_ADMIN), settings_address(people)
    # There is one page, and the list leads to it.
    assert client.get("/admin/tenants/tenantsettings/")["Location"] == address
    data = form_of(client.get(address))
    assert "max_users" not in data
    data |= {
        "require_mfa": "on",
        "medium_from": "0.02",
        "display_name": "Alpha & Sons",
        "brand_colour": "#224488",
    }
    data["modules_on"] = [code for code in data["modules_on"] if code != "bulk_scoring"]
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(address, {**data, "logo": picture()})
    assert answer.status_code == 302, errors_of(answer)
    row = TenantSettings.objects.select_related("tenant").get(tenant_id=people.tenants["alpha"].id)
    assert (row.require_mfa, row.modules_off, row.display_name) == (True, ["bulk_scoring"], "Alpha & Sons")
    assert float(row.tenant.medium_from) == 0.02
    assert row.logo_path.endswith(".png")
    with people.within("alpha"):
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"tenants.settings.changed", "tenants.modules.switched", "tenants.branding.logo_set"} <= actions


def test_the_console_wears_the_institutions_looks(people: World, django_capture_on_commit_callbacks):
    client, address = console(people, Role.TENANT_ADMIN), settings_address(people)
    data = {**form_of(client.get(address)), "display_name": "Alpha & Sons", "brand_colour": "#224488"}
    with django_capture_on_commit_callbacks(execute=True):
        client.post(address, {**data, "logo": picture()})
    page = text_of(client.get("/admin/"))
    assert "Alpha & Sons" in page
    assert "rgb(34 68 136)" in page
    assert f"/branding/{people.tenants['alpha'].id}/" in page
    assert "rgb(34 68 136)" not in text_of(console(people, Role.TENANT_ADMIN, "beta").get("/admin/"))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"medium_from": "0.5"}, "medium_from"),
        ({"session_hours": "0"}, "session_hours"),
        ({"audit_retention_days": "3"}, "audit_retention_days"),
        ({"brand_colour": "red"}, "brand_colour"),
        ({"logo": SimpleUploadedFile("logo.png", b"<svg/>", content_type="image/png")}, "logo"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(people: World, wrong, field):
    client, address = console(people, Role.TENANT_ADMIN), settings_address(people)
    answer = client.post(address, {**form_of(client.get(address)), **wrong})
    assert answer.status_code == 200
    assert list(errors_of(answer)) == [field]


def test_another_institutions_settings_are_not_there(people: World):
    client = console(people, Role.TENANT_ADMIN)
    assert client.get(settings_address(people, "beta")).status_code == 302
    owner = console(people, Role.OWNER)
    assert owner.get(settings_address(people)).status_code in {302, 403}
    assert "/admin/tenants/tenantsettings/" not in text_of(owner.get("/admin/"))


def test_the_platform_gives_limits_and_modules(people: World, django_capture_on_commit_callbacks):
    client, address = platform_console(people), settings_address(people)
    data = {**form_of(client.get(address)), "max_users": "20"}
    data["modules_on"] = [code for code in data["modules_on"] if code not in {"sso", "bulk_scoring"}]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, data).status_code == 302
    row = TenantSettings.objects.get(tenant_id=people.tenants["alpha"].id)
    assert (row.max_users, row.modules_denied, row.modules_off) == (20, ["bulk_scoring", "sso"], [])
    own = console(people, Role.TENANT_ADMIN)
    assert "Scoring files" not in text_of(own.get(address))
    assert own.get("/admin/predictions/scoringjob/").status_code == 404


def test_reserved_tenants_are_shown_and_not_changed(people: World):
    client = platform_console(people)
    for tenant in ("personal", "reference"):
        address = settings_address(people, tenant)
        assert client.get(address).status_code == 200
        assert client.post(address, {"require_mfa": "on"}).status_code == 403


def test_platform_settings_have_one_page(people: World, django_capture_on_commit_callbacks):
    client = platform_console(people)
    proved(client)
    address = client.get("/admin/tenants/platformsettings/")["Location"]
    data = {**form_of(client.get(address)), "deletion_grace_days": "14"}
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, data).status_code == 302
    assert PlatformSettings.objects.get().deletion_grace_days == 14
    answer = client.post(address, {**data, "deletion_grace_days": "0"})
    assert list(errors_of(answer)) == ["deletion_grace_days"]


# -- entering --------------------------------------------------------------------------------------


def test_a_super_admin_enters_with_a_reason_and_once(people: World):
    client = platform_console(people)
    address = f"/admin/tenants/tenant/{people.tenants['alpha'].id}/enter/"
    assert client.get(address).status_code == 302  # to the page that asks for a proof
    proved(client)
    assert client.post(address, {"reason": "hm"}).status_code == 200
    answer = client.post(address, {"reason": "Ticket 4711: a job hangs"})
    link = urlsplit(answer["Location"])
    assert link.netloc.split(":")[0] == "alpha.test"
    inside = browser("alpha.test")
    assert inside.get(f"{link.path}?{link.query}")["Location"] == "/admin/"
    assert inside.get("/admin/").status_code == 200
    with people.within("alpha"):
        event = AuditEvent.objects.get(action="accounts.tenant.entered")
    assert event.changes["reason"] == "Ticket 4711: a job hangs"
    # A second browser with the same link, and the link on another institution's host, get nowhere.
    again = browser("alpha.test").get(f"{link.path}?{link.query}")
    assert "/admin/login/" in again["Location"]
    fresh = urlsplit(client.post(address, {"reason": "once more"})["Location"])
    assert "/admin/login/" in browser("beta.test").get(f"{fresh.path}?{fresh.query}")["Location"]


# -- the end ---------------------------------------------------------------------------------------


def test_a_deletion_is_ordered_and_called_off(people: World):
    client, key = platform_console(people), people.tenants["alpha"].id
    address = f"/admin/tenants/tenant/{key}"
    assert client.get(f"{address}/delete-later/").status_code == 302
    proved(client)
    client.post(f"{address}/delete-later/", {"slug": "alfa", "reason": "x"})
    assert Tenant.objects.get(id=key).state == TenantState.ACTIVE
    client.post(f"{address}/delete-later/", {"slug": "alpha", "reason": "The contract ended."})
    assert Tenant.objects.get(id=key).state == TenantState.CLOSING
    page = text_of(client.get(f"{address}/change/"))
    assert "Keep after all" in page
    assert "Suspend" not in page
    client.post(f"{address}/keep/", {"reason": "A mistake."})
    assert Tenant.objects.get(id=key).state == TenantState.ACTIVE


def test_an_export_is_asked_for_on_both_consoles(people: World):
    client = console(people, Role.TENANT_ADMIN)
    proved(client)
    assert client.post("/admin/tenants/tenantexport/add/", {}).status_code == 302
    export = TenantExport.objects.get(tenant_id=people.tenants["alpha"].id)
    assert client.get(f"/admin/tenants/tenantexport/{export.id}/change/").status_code == 200
    beta = console(people, Role.TENANT_ADMIN, "beta")
    assert beta.get(f"/admin/tenants/tenantexport/{export.id}/change/").status_code == 302
    root = platform_console(people)
    proved(root)
    data = {"tenant": str(people.tenants["beta"].id)}
    assert root.post("/admin/tenants/tenantexport/add/", data).status_code == 302
    assert TenantExport.objects.filter(tenant_id=people.tenants["beta"].id).exists()
    again = root.post("/admin/tenants/tenantexport/add/", data)
    assert list(errors_of(again)) == ["tenant"]


def test_a_host_is_made_primary_and_removed(people: World):
    client = platform_console(people)
    data = {"tenant": str(people.tenants["alpha"].id), "domain": "two.alpha.test"}
    client.post("/admin/tenants/domain/add/", data)
    row = Domain.objects.get(domain="two.alpha.test")
    client.post(f"/admin/tenants/domain/{row.pk}/primary/", {})
    assert Domain.objects.get(pk=row.pk).is_primary
    client.post(f"/admin/tenants/domain/{row.pk}/delete/", {"post": "yes"})
    assert not Domain.objects.filter(pk=row.pk).exists()
    last = Domain.objects.get(tenant_id=people.tenants["alpha"].id)
    client.post(f"/admin/tenants/domain/{last.pk}/delete/", {"post": "yes"})
    assert Domain.objects.filter(pk=last.pk, is_primary=True).exists()


# -- session hours ---------------------------------------------------------------------------------


def test_an_institutions_hours_hold_for_sessions_that_came_from_elsewhere(people: World):
    """One that began where it may be long, and moved in by joining or a lost place, is not long here."""
    key = people.tenants["alpha"].id
    client = people.client(Role.TENANT_ADMIN)
    AuthSession.objects.filter(user=people.user(Role.TENANT_ADMIN)).update(
        created_at=timezone.now() - timedelta(hours=3)
    )
    assert client.get("/api/v1/companies").status_code == 200
    TenantSettings.objects.filter(tenant_id=key).update(session_hours=2)
    forget_tenant(Tenant.objects.get(id=key))
    forget_sessions(AuthSession.objects.values_list("id", "tenant_id"))
    assert client.get("/api/v1/companies").status_code == 401


def test_an_institutions_own_hours_end_its_sessions(people: World, settings):
    key = people.tenants["alpha"].id
    TenantSettings.objects.filter(tenant_id=key).update(session_hours=2)
    user = people.user(Role.TENANT_ADMIN)
    place = Place(Tenant.objects.get(id=key), None, Role.TENANT_ADMIN)
    short = accounts.session_open(user=user, place=place, device="t", address=None)
    assert short.expires_at - short.created_at <= timedelta(hours=2, seconds=1)
    beta = Place(Tenant.objects.get(id=people.tenants["beta"].id), None, Role.TENANT_ADMIN)
    long = accounts.session_open(user=user, place=beta, device="t", address=None)
    assert long.expires_at - long.created_at > timedelta(days=6)
    body = {"email": user.email, "password": PASSWORD}
    assert anonymous().post("/api/v1/auth/login", body, format="json").status_code == 200

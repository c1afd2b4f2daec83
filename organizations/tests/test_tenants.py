"""Institutions over the API: opening, changing, hosts, looks, settings, modules, entering, figures."""

from __future__ import annotations

import io
import json

import pytest
from django.core import mail as outbox
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.models import Membership, User
from accounts.permissions import Role
from organizations.models import AuditEvent, Organization
from tenants import metering, selectors, services
from tenants.kernel.request import SYSTEM
from tenants.models import (
    Domain,
    OrganizationEntry,
    PlatformAuditEvent,
    PlatformSettings,
    Tenant,
    TenantSettings,
    UsageDay,
)
from tests.fixtures import PASSWORD, World, anonymous
from tests.queries import asked_by, difference

API = "/api/v1"


@pytest.fixture
def root(people: World):
    return people.client(Role.SUPER_ADMIN, host="localhost")


@pytest.fixture
def alpha(people: World) -> str:
    return f"{API}/tenants/{people.tenants['alpha'].id}"


def last_platform_event() -> PlatformAuditEvent:
    return PlatformAuditEvent.objects.order_by("-id").first()


# -- opening ---------------------------------------------------------------------------------------


def test_a_tenant_with_its_admin_in_one_step(root):
    body = {
        "name": "Gamma Bank",
        "description": "",
        "admin_email": "boss@gamma.test",
        "admin_first_name": "Bea",
        "admin_last_name": "Boss",
        "admin_password": PASSWORD,
    }
    answer = root.post(f"{API}/tenants", body, format="json")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["slug"], made["is_active"], made["domain"]) == ("gamma-bank", True, "gamma-bank.localhost")
    assert [a["email"] for a in made["tenant_admins"]] == ["boss@gamma.test"]
    assert made["tenant_admins"][0]["full_name"] == "Bea Boss"
    assert [o["is_default"] for o in made["organizations"]] == [True]
    assert User.objects.by_email("boss@gamma.test").check_password(PASSWORD)
    assert answer["ETag"] == f'"{made["id"]}-1"'


def test_the_clients_own_form_opens_a_tenant_too(root):
    body = {
        "tenant_name": "Delta Bank",
        "tenant_description": "",
        "tenant_domain": "risk.delta.test",
        "admin_email": "boss@delta.test",
        "admin_password": PASSWORD,
        "admin_first_name": "Dan",
        "admin_last_name": "",
        "admin_username": "dan",
        "create_default_org": True,
        "default_org_name": "Lending",
        "default_org_description": "Loans to firms",
    }
    answer = root.post(f"{API}/tenant-admin/create-tenant-with-admin", body, format="json")
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["success"], made["tenant_slug"], made["default_org_name"]) == (True, "delta-bank", "Lending")
    entry = OrganizationEntry.objects.get(id=made["default_org_id"])
    assert (entry.name, entry.description) == ("Lending", "Loans to firms")
    assert made["default_org_join_token"]
    assert User.objects.get(id=made["admin_user_id"]).profile.username == "dan"
    assert Domain.objects.get(domain="risk.delta.test").tenant_id == Tenant.objects.get(name="Delta Bank").id
    # Who wants none gets the default one all the same: what the admin makes lies there.
    plain = {**body, "tenant_name": "Zeta Bank", "tenant_domain": "", "create_default_org": False}
    made = root.post(f"{API}/tenant-admin/create-tenant-with-admin", plain, format="json").json()
    assert (
        made["default_org_name"]
        == OrganizationEntry.objects.get(id=made["default_org_id"]).name
        == "Zeta Bank"
    )


def test_without_a_password_the_admin_is_invited_by_mail(root, django_capture_on_commit_callbacks):
    from tenants.kernel import mail

    before = list(mail.apps.get_model(mail.TABLE).objects.values_list("pk", flat=True))
    body = {"name": "Epsilon Bank", "admin_email": "boss@epsilon.test"}
    assert root.post(f"{API}/tenants", body, format="json").status_code == 201
    row = mail.apps.get_model(mail.TABLE).objects.exclude(pk__in=before).get()
    letter = mail.read(row.sealed)
    assert letter.to == "boss@epsilon.test"
    assert "Epsilon Bank" in letter.text
    assert "/account/reset?token=" in letter.text
    assert not User.objects.by_email("boss@epsilon.test").has_usable_password()
    assert outbox.outbox == []  # a worker sends it


@pytest.mark.parametrize(
    ("wrong", "status", "code", "pointer"),
    [
        ({"name": "alpha"}, 409, "duplicate_tenant", None),
        ({"slug": "alpha"}, 409, "duplicate_slug", None),
        ({"slug": "Not a slug"}, 400, "invalid_input", "/slug"),
        ({"slug": "personal"}, 400, "invalid_input", "/slug"),
        ({"domain": "alpha.test"}, 409, "duplicate_domain", None),
        ({"domain": "localhost"}, 400, "invalid_input", "/domain"),
        ({"domain": "10.0.0.1"}, 400, "invalid_input", "/domain"),
        ({"domain": "*.bank.test"}, 400, "invalid_input", "/domain"),
        ({"domain": "bank.test:8000"}, 400, "invalid_input", "/domain"),
        ({"admin_password": "short"}, 400, "invalid_input", "/admin_password"),
        ({"admin_email": "", "admin_password": PASSWORD}, 400, "invalid_input", "/admin_email"),
    ],
)
def test_nothing_is_left_of_a_tenant_that_could_not_be_opened(root, wrong, status, code, pointer):
    counts = [model.objects.count() for model in (Tenant, User, Membership, Domain, TenantSettings)]
    body = {"name": "Zeta Bank", "admin_email": "boss@zeta.test", "admin_password": PASSWORD, **wrong}
    answer = root.post(f"{API}/tenants", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    if pointer:
        assert pointer in [e["pointer"] for e in answer.json()["errors"]]
    assert counts == [model.objects.count() for model in (Tenant, User, Membership, Domain, TenantSettings)]


def test_new_tenants_get_the_platforms_limits(root):
    PlatformSettings.objects.update(default_max_organizations=3)
    made = root.post(f"{API}/tenants", {"name": "Eta Bank"}, format="json").json()
    assert TenantSettings.objects.get(tenant_id=made["id"]).max_organizations == 3


# -- lists -----------------------------------------------------------------------------------------


def test_the_list_has_counts_and_the_clients_keys(people: World, root):
    body = root.get(f"{API}/tenants", {"limit": 100}).json()
    assert body["tenants"] == body["items"]
    assert {"total", "skip", "limit", "total_tenant_admins", "total_organizations", "total_users"} <= set(
        body
    )
    alpha = next(t for t in body["tenants"] if t["name"] == "Alpha")
    assert (alpha["total_users"], alpha["total_organizations"], alpha["total_tenant_admins"]) == (9, 2, 1)
    assert {o["total_users"] for o in alpha["organizations"]} == {4}
    assert alpha["organizations"][0]["admin"]["email"] == "owner-one@alpha.test"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"search": "alph"}, ["Alpha"]),
        ({"search": "beta.test"}, ["Beta"]),
        ({"kind": "reference"}, ["Reference data"]),
        ({"state": "suspended"}, []),
        ({"is_active": "true", "search": "a.test"}, ["Beta", "Alpha"]),
    ],
)
def test_the_list_is_filtered(root, query, names):
    assert [t["name"] for t in root.get(f"{API}/tenants", query).json()["items"]] == names


def test_queries_of_the_list_do_not_grow_with_tenants(root, settings):
    settings.DIRECTORY_SECONDS = 600  # three schemas may take longer to make than the cache lasts

    def tenants() -> list[str]:
        return asked_by(lambda: root.get(f"{API}/tenants"))

    tenants()
    few = tenants()
    for number in range(3):
        services.tenant_create(name=f"More {number}", actor=SYSTEM)
    tenants()  # reads anew what a new tenant makes the cache forget
    many = tenants()
    assert len(many) == len(few), difference(few, many)


# -- changing --------------------------------------------------------------------------------------


def test_a_stale_change_is_refused_and_a_fresh_one_taken(root, alpha):
    tag = root.get(alpha)["ETag"]
    first = root.put(alpha, {"description": "One"}, format="json", headers={"If-Match": tag})
    assert first.status_code == 200
    second = root.put(alpha, {"description": "Two"}, format="json", headers={"If-Match": tag})
    assert (second.status_code, second.json()["code"]) == (412, "stale")
    # Compression marks tags as weak on the way: they name the same state.
    weak = {"If-Match": f"W/{first['ETag']}"}
    assert root.put(alpha, {"description": "Two"}, format="json", headers=weak).status_code == 200
    assert root.put(alpha, {"description": "Three"}, format="json").status_code == 200
    assert root.put(alpha, {}, format="json", headers={"If-Match": "*"}).status_code == 200
    assert root.put(alpha, {}, format="json", headers={"If-Match": "nonsense"}).status_code == 412


def test_a_state_that_is_known_is_not_sent_again(root, alpha):
    tag = root.get(alpha)["ETag"]
    answer = root.get(alpha, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    root.put(alpha, {"description": "Another"}, format="json")
    assert root.get(alpha, headers={"If-None-Match": tag}).status_code == 200


def test_a_switch_of_the_form_suspends_and_restores(people: World, root, alpha):
    assert root.put(alpha, {"is_active": False}, format="json").json()["state"] == "suspended"
    # What sends the whole form again changes nothing.
    assert root.put(alpha, {"is_active": False}, format="json").status_code == 200
    assert root.put(alpha, {"is_active": True}, format="json").json()["state"] == "active"
    history = root.get(f"{alpha}/suspensions").json()["items"]
    assert len(history) == 1
    assert history[0]["lifted_at"]
    assert history[0]["suspended_by_id"] == str(people.user(Role.SUPER_ADMIN).id)


def test_suspending_takes_a_reason_and_keeps_it(root, alpha):
    assert root.post(f"{alpha}/suspend", {}, format="json").status_code == 400
    assert root.post(f"{alpha}/suspend", {"reason": "unpaid"}, format="json").status_code == 200
    again = root.post(f"{alpha}/suspend", {"reason": "unpaid"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "same_state")
    assert root.post(f"{alpha}/restore", {"reason": "paid"}, format="json").status_code == 200
    [row] = root.get(f"{alpha}/suspensions").json()["items"]
    assert (row["reason"], row["lift_reason"]) == ("unpaid", "paid")


@pytest.mark.parametrize("schema", ["personal", "reference"])
def test_reserved_tenants_refuse_all_of_it(people: World, root, schema):
    address = f"{API}/tenants/{people.tenants[schema].id}"
    attempts = [
        root.put(address, {"name": "Mine"}, format="json"),
        root.post(f"{address}/suspend", {"reason": "x"}, format="json"),
        root.delete(address, {"slug": schema, "reason": "x"}, format="json"),
        root.patch(f"{address}/settings", {"require_mfa": True}, format="json"),
        root.patch(f"{address}/modules", {"modules": {"exports": False}}, format="json"),
        root.patch(f"{address}/branding", {"display_name": "Mine"}, format="json"),
        root.post(
            f"{API}/tenant-domains",
            {"tenant_id": str(people.tenants[schema].id), "domain": "mine.test"},
            format="json",
        ),
    ]
    assert {(a.status_code, a.json()["code"]) for a in attempts} == {(403, "reserved_tenant")}


# -- hosts -----------------------------------------------------------------------------------------


def test_hosts_are_added_made_primary_and_removed_but_the_last(people: World, root):
    tenant_id = str(people.tenants["alpha"].id)
    made = root.post(
        f"{API}/tenant-domains", {"tenant_id": tenant_id, "domain": " Risk.Alpha.Test. "}, format="json"
    )
    assert (made.status_code, made.json()["domain"]) == (201, "risk.alpha.test")
    again = root.post(
        f"{API}/tenant-domains",
        {"tenant_id": str(people.tenants["beta"].id), "domain": "risk.alpha.test"},
        format="json",
    )
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_domain")
    key = made.json()["id"]
    assert root.post(f"{API}/tenant-domains/{key}/primary").json()["is_primary"] is True
    listed = root.get(f"{API}/tenant-domains", {"tenant_id": tenant_id}).json()["items"]
    assert [(d["domain"], d["is_primary"]) for d in listed] == [
        ("alpha.test", False),
        ("risk.alpha.test", True),
    ]
    assert root.delete(f"{API}/tenant-domains/{key}").status_code == 204
    [left] = root.get(f"{API}/tenant-domains", {"tenant_id": tenant_id}).json()["items"]
    assert left["is_primary"]
    last = root.delete(f"{API}/tenant-domains/{left['id']}")
    assert (last.status_code, last.json()["code"]) == (409, "last_domain")


def test_international_hosts_are_kept_as_they_travel(root, people: World):
    body = {"tenant_id": str(people.tenants["alpha"].id), "domain": "bank-zürich.test"}
    assert (
        root.post(f"{API}/tenant-domains", body, format="json").json()["domain"] == "xn--bank-zrich-feb.test"
    )


# -- settings and modules --------------------------------------------------------------------------


def test_a_tenant_admin_changes_his_settings_and_reads_of_it(people: World):
    client = people.client(Role.TENANT_ADMIN)
    answer = client.patch(
        f"{API}/tenant/settings",
        {"require_mfa": True, "medium_from": 0.02, "pd_floor": 0.0003},
        format="json",
    )
    assert answer.status_code == 200, answer.content
    assert (answer.json()["medium_from"], answer.json()["version"]) == (0.02, 2)
    row = TenantSettings.objects.get(tenant_id=people.tenants["alpha"].id)
    assert row.require_mfa
    with people.within("alpha"):
        event = AuditEvent.objects.order_by("-id").first()
    assert event.action == "tenants.settings.changed"
    assert event.changes["medium_from"] == [0.03, 0.02]
    assert last_platform_event().action == "tenants.settings.changed"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"medium_from": 0.2}, "/medium_from"),
        ({"critical_from": 1}, "/critical_from"),
        ({"session_hours": 0}, "/session_hours"),
        ({"session_hours": 1000}, "/session_hours"),
        ({"audit_retention_days": 30}, "/audit_retention_days"),
        ({"job_retention_days": 1}, "/job_retention_days"),
        ({"score_retention_days": 30}, "/score_retention_days"),
        ({"pd_floor": 0.5}, "/pd_floor"),
        ({"max_users": 10_000}, "/max_users"),
    ],
)
def test_settings_are_checked(people: World, change, pointer):
    answer = people.client(Role.TENANT_ADMIN).patch(f"{API}/tenant/settings", change, format="json")
    assert answer.status_code == 400
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]


def test_limits_are_the_platforms_to_set(root, alpha):
    answer = root.patch(f"{alpha}/settings", {"max_users": 20, "max_organizations": None}, format="json")
    assert (answer.status_code, answer.json()["max_users"]) == (200, 20)
    tag = answer["ETag"]
    root.patch(f"{alpha}/settings", {"max_users": 30}, format="json")
    stale = root.patch(f"{alpha}/settings", {"max_users": 40}, format="json", headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")


@pytest.mark.parametrize(
    ("scale", "pointer"),
    [
        ({"grades": [{"grade": "A", "upper": 0.5}, {"grade": "B", "upper": 0.2}]}, "/master_scale"),
        ({"grades": "AAA"}, "/master_scale/grades"),
        ([1, 2], "/master_scale"),
        ("AAA", "/master_scale"),
    ],
)
def test_what_an_app_above_knows_of_a_setting_it_checks(people: World, scale, pointer):
    client = people.client(Role.TENANT_ADMIN)
    answer = client.patch(f"{API}/tenant/settings", {"master_scale": scale}, format="json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert client.patch(f"{API}/tenant/settings", {"master_scale": {}}, format="json").status_code == 200


def test_modules_are_given_by_the_platform_and_switched_by_the_tenant(
    people: World, root, alpha, django_capture_on_commit_callbacks
):
    own = people.client(Role.TENANT_ADMIN)
    modules = f"{API}/tenant/modules"
    with django_capture_on_commit_callbacks(execute=True):
        assert own.patch(modules, {"modules": {"bulk_scoring": False}}, format="json").status_code == 200
    assert own.get(f"{API}/predictions/jobs").json()["code"] == "module_off"
    with django_capture_on_commit_callbacks(execute=True):
        own.patch(modules, {"modules": {"bulk_scoring": True}}, format="json")
    assert own.get(f"{API}/predictions/jobs").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        root.patch(f"{alpha}/modules", {"modules": {"bulk_scoring": False}}, format="json")
    assert own.get(f"{API}/predictions/jobs").json()["code"] == "module_off"
    for wanted, code in (
        ({"bulk_scoring": True}, "denied"),
        ({"sso": True}, "read_only"),
        ({"x": True}, "unknown"),
    ):
        answer = own.patch(modules, {"modules": wanted}, format="json")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    shown = {m["code"]: (m["on"], m["given"]) for m in own.get(modules).json()["modules"]}
    assert shown["bulk_scoring"] == (False, False)


# -- looks -----------------------------------------------------------------------------------------


def picture(kind: str = "PNG", size=(900, 300)) -> SimpleUploadedFile:
    held = io.BytesIO()
    Image.new("RGB", size, "#225588").save(
        held, kind, **({"exif": b"Exif\0\0secret"} if kind == "JPEG" else {})
    )
    return SimpleUploadedFile("logo.png", held.getvalue(), content_type="image/png")


def test_a_logo_is_written_anew_and_served_to_anybody_on_its_own_host(
    people: World, django_capture_on_commit_callbacks
):
    client = people.client(Role.TENANT_ADMIN)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.put(f"{API}/tenant/logo", {"file": picture("JPEG")}, format="multipart")
        client.patch(
            f"{API}/tenant/branding", {"display_name": "Alpha & Sons", "colour": "#224488"}, format="json"
        )
    assert answer.status_code == 200, answer.content
    address = answer.json()["logo_url"]
    shown = anonymous().get(address)
    content = b"".join(shown.streaming_content)
    assert shown["Cache-Control"].startswith("public, max-age=31536000, immutable")
    assert shown["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (512, 171))
    assert b"secret" not in content
    assert anonymous().get(address, headers={"If-None-Match": shown["ETag"]}).status_code == 304
    # The platform's host shows it too, another institution's does not.
    assert anonymous().get(address, headers={"host": "localhost"}).status_code == 200
    assert anonymous("beta").get(address).status_code == 404
    looks = anonymous().get(f"{API}/branding").json()
    assert looks == {"display_name": "Alpha & Sons", "colour": "#224488", "accent": "", "logo_url": address}
    assert anonymous("beta").get(f"{API}/branding").json()["colour"] == ""
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"{API}/tenant/logo").json()["logo_url"] is None
    assert anonymous().get(address).status_code == 404


@pytest.mark.parametrize(
    "content",
    [b"<svg onload=alert(1)>", b"%PDF-1.7", b"", b"\x89PNG\r\n\x1a\n broken", b"GIF89a\xff\xff\xff\xff"],
)
def test_what_is_no_picture_is_refused(people: World, content):
    file = SimpleUploadedFile("logo.png", content, content_type="image/png")
    answer = people.client(Role.TENANT_ADMIN).put(f"{API}/tenant/logo", {"file": file}, format="multipart")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/file"


def test_a_picture_that_unfolds_is_refused(people: World):
    file = picture(size=(9000, 9000))
    assert file.size < 2_000_000
    answer = people.client(Role.TENANT_ADMIN).put(f"{API}/tenant/logo", {"file": file}, format="multipart")
    assert answer.status_code == 400


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", "#123456\n", "url(x)"])
def test_colours_are_checked(people: World, colour):
    answer = people.client(Role.TENANT_ADMIN).patch(
        f"{API}/tenant/branding", {"colour": colour}, format="json"
    )
    if colour.strip() == "#123456":  # white space around a value is no part of it
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) in {
        (400, "/brand_colour"),
        (400, "/colour"),
    }


# -- entering --------------------------------------------------------------------------------------


def test_entering_a_tenant_takes_a_reason_that_the_tenant_reads(people: World, root, alpha):
    assert root.post(f"{alpha}/enter", {"reason": ""}, format="json").status_code == 400
    answer = root.post(f"{alpha}/enter", {"reason": "Ticket 4711: a job hangs"}, format="json")
    assert answer.status_code == 200, answer.content
    client = anonymous()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    with people.within("alpha"):
        here = Organization.objects.count()
        event = AuditEvent.objects.filter(action="accounts.tenant.entered").get()
    assert event.actor_id == people.user(Role.SUPER_ADMIN).id
    assert event.changes["reason"] == "Ticket 4711: a job hangs"
    assert client.get(f"{API}/organizations").json()["total"] == here


def test_entering_needs_a_fresh_proof(people: World, alpha):
    client = people.client(Role.SUPER_ADMIN, host="localhost", proved=False)
    answer = client.post(f"{alpha}/enter", {"reason": "because of this"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


def test_a_suspended_tenant_is_entered_by_nobody(root, alpha):
    root.post(f"{alpha}/suspend", {"reason": "unpaid"}, format="json")
    answer = root.post(f"{alpha}/enter", {"reason": "to have a look"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant_suspended")


# -- figures and the platform ----------------------------------------------------------------------


def test_calls_are_counted_and_kept_by_day(people: World, root, alpha):
    tenant_id = people.tenants["alpha"].id
    metering.forget(tenant_id, "t_nothing")
    client = people.client(Role.OWNER)
    for _ in range(3):
        client.get(f"{API}/companies")
    # Whose token names the tenant counts as well: the fourth is this one.
    stats = root.get(f"{alpha}/stats").json()
    assert (stats["calls_today"], stats["total_users"], stats["active_users"]) == (4, 9, 9)
    assert stats["tenant_name"] == "Alpha"
    assert metering.roll_up() >= 1
    assert UsageDay.objects.get(tenant_id=tenant_id).calls == 4
    metering.forget(tenant_id, "t_nothing")
    metering.roll_up()
    assert UsageDay.objects.get(tenant_id=tenant_id).calls == 4  # an emptied Redis takes nothing back
    days = root.get(f"{alpha}/usage").json()["items"]
    assert [d["calls"] for d in days] == [4]


def test_the_overview_tells_the_platforms_figures(people: World, root):
    metering.pulse()
    body = root.get(f"{API}/platform/overview").json()
    assert body["total_users"] == User.objects.count()
    assert body["active_tenants"] == Tenant.objects.institutions().count()
    assert body["uptime"]["percent"] == 100.0
    assert body["api_calls_today"] >= 1
    assert body["recent_activity"][0].keys() == {"at", "action", "actor", "object_type", "object"}


def test_platform_settings_are_changed_with_a_trace(root, django_capture_on_commit_callbacks):
    address = f"{API}/platform/settings"
    tag = root.get(address)["ETag"]
    with django_capture_on_commit_callbacks(execute=True):
        answer = root.patch(
            address, {"registration_enabled": False, "deletion_grace_days": 10}, format="json"
        )
    assert answer.status_code == 200, answer.content
    assert selectors.platform_settings().registration_enabled is False
    event = last_platform_event()
    assert event.action == "tenants.platform_settings.changed"
    assert event.changes == {"registration_enabled": [True, False], "deletion_grace_days": [30, 10]}
    stale = root.patch(address, {"export_days": 3}, format="json", headers={"If-Match": tag})
    assert stale.status_code == 412
    assert root.patch(address, {"deletion_grace_days": 0}, format="json").status_code == 400


def test_a_settings_lookup_costs_a_request_nothing(people: World):
    client = people.client(Role.OWNER)
    client.get(f"{API}/companies")
    found = asked_by(lambda: client.get(f"{API}/companies"))
    assert not [sql for sql in found if "tenants_tenant" in sql]
    assert json.dumps(selectors.tenant_by_host("alpha.test").settings.require_mfa) == "false"

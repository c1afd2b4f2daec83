"""Settings that make an institution less safe take a fresh proof; those that make it safer do not."""

from __future__ import annotations

import pytest

from accounts.models import AuthSession
from accounts.permissions import Role
from organizations.tests.test_tenants_console import form_of
from tenants import services
from tenants.kernel.errors import StepUpRequired
from tenants.kernel.request import SYSTEM
from tenants.models import PlatformSettings, TenantSettings
from tenants.services.loosening import LOOSENING
from tenants.services.settings import OWN_FIELDS, PLATFORM_FIELDS
from tests.console import console, platform_console, text_of
from tests.fixtures import PASSWORD, World

OWN, PLATFORM = "/api/v1/tenant/settings", "/api/v1/platform/settings"
# Field, the safe value, the loose one.
CASES = [
    ("require_mfa", True, False),
    ("sso_only", True, False),
    ("two_person_promotion", True, False),
    ("allow_registration", False, True),
    ("session_hours", 8, 24),
    ("session_hours", 8, None),
    ("audit_retention_days", None, 400),
    ("audit_retention_days", 4000, 400),
]
OF_PLATFORM = [
    ("registration_enabled", False, True),
    ("small_tenants_allowed", False, True),
    ("two_person_promotion", True, False),
    ("deletion_grace_days", 30, 2),
]


def test_every_field_of_the_list_is_tried_here_and_is_a_setting():
    tried = {case[0] for case in CASES + OF_PLATFORM}
    assert tried == LOOSENING.keys()
    assert tried <= OWN_FIELDS | PLATFORM_FIELDS


def enrolled(client):
    """Its session counts as opened with a second factor: some cases ask for one."""
    AuthSession.objects.filter(id=client.session_row.id).update(second_factor=True)
    return client


def settings_of(people: World):
    return TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id)


@pytest.mark.parametrize(("field", "safe", "loose"), CASES)
def test_loosening_takes_a_proof_and_tightening_does_not(people: World, field, safe, loose):
    rows = settings_of(people)
    rows.update(**{field: safe})
    client = enrolled(people.client(Role.TENANT_ADMIN, proved=False))
    refused = client.patch(OWN, {field: loose}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required"), refused.content
    assert rows.values_list(field, flat=True).get() == safe
    # The same value again is no change.
    assert client.patch(OWN, {field: safe}, format="json").status_code == 200
    assert client.post("/api/v1/auth/step-up", {"password": PASSWORD}).status_code == 200
    assert client.patch(OWN, {field: loose}, format="json").status_code == 200
    assert rows.values_list(field, flat=True).get() == loose
    back = enrolled(people.client(Role.TENANT_ADMIN, proved=False))
    assert back.patch(OWN, {field: safe}, format="json").status_code == 200


@pytest.mark.parametrize(("field", "safe", "loose"), CASES[:2])
def test_an_operator_proves_himself_as_well(people: World, field, safe, loose):
    settings_of(people).update(**{field: safe})
    address = f"/api/v1/tenants/{people.tenants['alpha'].id}/settings"
    client = enrolled(people.client(Role.SUPER_ADMIN, host="localhost", proved=False))
    assert client.patch(address, {field: loose}, format="json").json()["code"] == "step_up_required"
    proved = enrolled(people.client(Role.SUPER_ADMIN, host="localhost"))
    assert proved.patch(address, {field: loose}, format="json").status_code == 200


@pytest.mark.parametrize(("field", "safe", "loose"), OF_PLATFORM)
def test_the_platforms_settings_too(people: World, field, safe, loose):
    PlatformSettings.objects.update(**{field: safe})
    client = people.client(Role.SUPER_ADMIN, host="localhost", proved=False)
    assert client.patch(PLATFORM, {field: loose}, format="json").json()["code"] == "step_up_required"
    assert PlatformSettings.objects.values_list(field, flat=True).get() == safe
    proved = people.client(Role.SUPER_ADMIN, host="localhost")
    assert proved.patch(PLATFORM, {field: loose}, format="json").status_code == 200


def test_one_loose_field_among_harmless_ones_changes_none_of_them(people: World):
    settings_of(people).update(require_mfa=False, sso_only=True)
    client = people.client(Role.TENANT_ADMIN, proved=False)
    body = {"job_retention_days": 99, "sso_only": False}
    assert client.patch(OWN, body, format="json").status_code == 403
    assert settings_of(people).get().job_retention_days != 99


def test_code_that_names_no_prover_is_refused(people: World):
    settings_of(people).update(require_mfa=True)
    with pytest.raises(StepUpRequired):
        services.settings_update(
            tenant_id=people.tenants["alpha"].id,
            changes={"require_mfa": False},
            by_platform=True,
            actor=SYSTEM,
        )


def test_the_console_asks_and_says_that_nothing_is_changed(people: World):
    settings_of(people).update(two_person_promotion=True)
    client = console(people, Role.TENANT_ADMIN)
    address = f"/admin/tenants/tenantsettings/{people.tenants['alpha'].id}/change/"
    data = form_of(client.get(address))
    assert data.pop("two_person_promotion") == "on"
    answer = client.post(address, data)
    assert answer["Location"].startswith("/admin/prove/?next=")
    assert "Nothing is changed yet" in text_of(client.get(answer["Location"]))
    assert settings_of(people).get().two_person_promotion
    client.post("/admin/prove/", {"password": PASSWORD})
    assert client.post(address, data).status_code == 302
    assert not settings_of(people).get().two_person_promotion


def test_the_platforms_console_asks(people: World):
    client = platform_console(people)
    address = f"/admin/tenants/platformsettings/{PlatformSettings.ONLY}/change/"
    data = {**form_of(client.get(address)), "deletion_grace_days": "2"}
    assert client.post(address, data)["Location"].startswith("/admin/prove/")
    client.post("/admin/prove/", {"password": PASSWORD})
    assert client.post(address, data).status_code == 302
    assert PlatformSettings.objects.get().deletion_grace_days == 2

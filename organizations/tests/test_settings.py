"""Creating and changing organizations, as the API and its JSON client do it."""

from __future__ import annotations

from accounts.models import Membership
from accounts.permissions import Role
from organizations.models import AuditEvent, Organization
from tenants.kernel.context import in_public
from tenants.models import OrganizationEntry, Tenant, TenantSettings
from tests.fixtures import World

LIST = "/api/v1/organizations/"


def address(people: World, organization="one"):
    return f"/api/v1/organizations/{people.organizations['alpha', organization]}"


def test_the_list_is_what_the_client_reads(people: World):
    body = people.client(Role.TENANT_ADMIN).get(f"{LIST}?page=1&limit=100").json()
    assert body["organizations"] == body["items"]
    assert {"total", "skip", "limit", "total_admins", "total_members", "total_users"} <= body.keys()
    row = next(o for o in body["organizations"] if o["name"] == "One")
    assert row["default_role"] == "org_member"
    assert row["total_users"] == row["active_members"] == 4
    assert row["org_admin"]["email"] == people.user(Role.OWNER).email
    assert row["tenant"]["name"] == "Alpha"
    assert (row["allow_global_data_access"], row["created_at"][-1]) == (True, "Z")


def test_the_join_token_is_for_admins(people: World):
    admin = people.client(Role.ADMIN)
    token = admin.post(address(people) + "/regenerate-token").json()
    assert (token["success"], token["join_url"]) == (True, f"/join/{token['new_token']}")
    assert admin.get(address(people)).json()["join_token"] == token["new_token"]
    assert people.client(Role.ANALYST).get(address(people)).json()["join_token"] is None


def test_create_takes_the_clients_body(people: World):
    body = {"name": "Desk", "description": "", "domain": "", "max_users": 20, "default_role": "org_admin"}
    answer = people.client(Role.TENANT_ADMIN).post("/api/v1/organizations", body)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["max_users"], made["default_membership_role"], made["is_active"]) == (20, "admin", True)
    assert made["join_token"].startswith(people.tenants["alpha"].id.hex)
    with in_public():
        entry = OrganizationEntry.objects.get(id=made["id"])
    assert (entry.max_users, entry.default_role) == (20, "admin")


def test_the_full_form_of_an_org_admin_changes_what_is_his(people: World):
    admin = people.client(Role.ADMIN)
    shown = admin.get(address(people)).json()
    form = {
        field: shown[field]
        for field in (
            "name",
            "description",
            "domain",
            "max_users",
            "default_role",
            "allow_global_data_access",
        )
    }
    answer = admin.put(
        address(people), {**form, "description": "New", "is_active": True, "join_enabled": True}
    )
    assert (answer.status_code, answer.json()["description"]) == (200, "New")
    # Only those above switch the reference data off.
    answer = admin.put(address(people), {**form, "allow_global_data_access": False})
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_admins_only")
    answer = people.client(Role.TENANT_ADMIN).put(
        address(people), {**form, "allow_global_data_access": False}
    )
    assert answer.json()["allow_global_data_access"] is False


def test_the_always_true_of_the_form_opens_nothing(people: World):
    admin = people.client(Role.ADMIN)
    assert admin.patch(address(people), {"join_enabled": False}).json()["join_enabled"] is False
    form = {"name": "One", "max_users": 500, "is_active": True, "join_enabled": True}
    assert admin.put(address(people), form).json()["join_enabled"] is False
    assert admin.patch(address(people), {"join_enabled": True}).json()["join_enabled"] is True


def test_a_viewer_default_survives_the_form(people: World):
    admin = people.client(Role.ADMIN)
    assert admin.patch(address(people), {"default_role": "viewer"}).json()["default_role"] == "org_member"
    answer = admin.put(address(people), {"name": "One", "max_users": 400, "default_role": "org_member"})
    assert answer.json()["default_membership_role"] == "viewer"


def test_an_admin_gives_nobody_his_own_rank_by_default(people: World):
    answer = people.client(Role.ADMIN).patch(address(people), {"default_role": "org_admin"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role_too_high")
    assert people.client(Role.OWNER).patch(address(people), {"default_role": "org_admin"}).status_code == 200


def test_the_member_limit_stays_within_the_institutions(people: World):
    admin = people.client(Role.ADMIN)
    with in_public():
        TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id).update(max_users=50)
    assert admin.patch(address(people), {"max_users": 51}).status_code == 400
    assert admin.patch(address(people), {"max_users": 3}).status_code == 400  # it has four
    assert admin.patch(address(people), {"max_users": 50}).json()["max_users"] == 50


def test_a_name_is_used_once(people: World):
    answer = people.client(Role.ADMIN).patch(address(people), {"name": " TWO "})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_organization")
    assert people.client(Role.ADMIN).patch(address(people), {"name": " Uno "}).json()["name"] == "Uno"


def test_two_who_edit_at_once_do_not_overwrite_each_other(people: World):
    first, second = people.client(Role.ADMIN), people.client(Role.OWNER)
    tag = first.get(address(people))["ETag"]
    assert (
        second.patch(address(people), {"description": "Hers"}, headers={"If-Match": tag}).status_code == 200
    )
    answer = first.patch(address(people), {"description": "His"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert first.patch(address(people), {"description": "His"}).status_code == 200


def test_a_change_is_written_down_with_before_and_after(people: World):
    people.client(Role.ADMIN).patch(address(people), {"domain": "one.example"})
    with people.within("alpha"):
        event = AuditEvent.objects.filter(action="organizations.organization.changed").latest("id")
    assert event.changes == {"domain": ["", "one.example"]}


# -- operators on the platform's host ---------------------------------------------------------------


def operator(people: World):
    return people.client(Role.SUPER_ADMIN, "reference", "", host="localhost")


def test_an_operator_lists_all_institutions_or_one(people: World):
    client = operator(people)
    everywhere = client.get(f"{LIST}?limit=100").json()["organizations"]
    assert {o["tenant"]["name"] for o in everywhere} == {"Alpha", "Beta"}
    beta = client.get(f"{LIST}?tenant_id={people.tenants['beta'].id}&limit=100").json()["organizations"]
    assert {o["tenant"]["name"] for o in beta} == {"Beta"}
    assert all(o["created_at"] for o in [*everywhere, *beta])


def test_an_operator_works_on_an_organization_of_any_institution(people: World):
    client = operator(people)
    one = f"/api/v1/organizations/{people.organizations['beta', 'two']}"
    assert client.get(one).json()["tenant"]["name"] == "Beta"
    assert client.patch(one, {"description": "Seen"}).json()["description"] == "Seen"
    made = client.post(
        "/api/v1/organizations", {"name": "From above", "tenant_id": str(people.tenants["beta"].id)}
    )
    assert made.status_code == 201, made.content
    with people.within("beta"):
        assert Organization.objects.filter(name="From above").exists()


def test_nobody_makes_organizations_in_the_platforms_own_tenants(people: World):
    client = operator(people)
    for tenant in ("reference", "personal"):
        body = {"name": "Hidden", "tenant_id": str(people.tenants[tenant].id)}
        answer = client.post("/api/v1/organizations", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "reserved_tenant")
    # Left where he is by his token, the operator is in the reference tenant.
    assert client.post("/api/v1/organizations", {"name": "Hidden"}).status_code == 403


def test_a_body_that_is_no_object_is_refused_and_no_fault(people: World):
    client = operator(people)
    for path in ("/api/v1/organizations", "/api/v1/tenant-admin/assign-user-to-organization"):
        assert client.post(path, ["no", "object"], format="json").status_code == 400


def test_a_tenant_admin_is_led_into_no_other_tenant(people: World):
    client = people.client(Role.TENANT_ADMIN, host="localhost")
    one = f"/api/v1/organizations/{people.organizations['beta', 'two']}"
    assert client.get(one).status_code == 404
    rows = client.get(f"{LIST}?tenant_id={people.tenants['beta'].id}").json()["organizations"]
    assert {o["tenant"]["name"] for o in rows} == {"Alpha"}


# -- an institution of one's own ----------------------------------------------------------------------


def test_an_individual_founds_a_small_institution(people: World):
    client = people.client(Role.INDIVIDUAL)
    user = people.user(Role.INDIVIDUAL)
    with in_public():
        type(user).objects.filter(pk=user.pk).update(email_verified_at=None)
    refused = client.post("/api/v1/organizations", {"name": "Advice & Co"})
    assert (refused.status_code, refused.json()["code"]) == (403, "unverified")
    with in_public():
        type(user).objects.filter(pk=user.pk).update(email_verified_at=user.created_at)
    answer = client.post("/api/v1/organizations", {"name": "Advice & Co", "max_users": 5})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["org_admin"]["email"], body["max_users"]) == (user.email, 5)
    with in_public():
        tenant = Tenant.objects.get(id=body["tenant_id"])
        held = set(Membership.objects.filter(user=user, tenant=tenant).values_list("role", flat=True))
    assert (tenant.name, held) == ("Advice & Co", {Role.TENANT_ADMIN, Role.OWNER})
    switched = client.post("/api/v1/auth/switch-organization", {"organization_id": body["id"]})
    assert switched.status_code == 200

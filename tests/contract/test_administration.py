"""Operations 27 to 48: institutions, organizations, whitelists, users."""

from __future__ import annotations

import pytest

from tests.contract.application import PASSWORD
from tests.contract.conftest import Stage
from tests.contract.shapes import (
    ASSIGNED,
    MEMBERS,
    OPENED,
    ORGANIZATION,
    ORGANIZATIONS,
    REGENERATED,
    STATS,
    TENANT,
    TENANTS,
    USER,
    USERS,
    WHITELIST,
    WHITELISTED,
    check,
)
from tests.contract.test_account import operation

pytestmark = pytest.mark.contract


def with_admin(stage: Stage, name: str, **other):
    """The form of an institution with its admin: what is empty is sent as empty text."""
    return {
        "tenant_name": f"{name} {stage.mark}",
        "tenant_description": "",
        "tenant_domain": "",
        "admin_email": stage.address("chief"),
        "admin_password": PASSWORD,
        "admin_first_name": "First",
        "admin_last_name": "Last",
        "admin_username": "",
        "create_default_org": True,
        "default_org_name": "",
        "default_org_description": "",
        **other,
    }


def full_form(organization, **other):
    """The client's edit form: everything it knows, the two switches always true."""
    names = ("name", "description", "domain", "max_users", "default_role", "allow_global_data_access")
    return {
        **{name: organization[name] for name in names},
        "is_active": True,
        "join_enabled": True,
        **other,
    }


@operation(27)
def test_tenants_are_listed_under_their_key(stage: Stage):
    tab = stage.signed_in("super_admin")
    for query in ("", "?", "?limit=100"):
        found = tab.get(f"/tenants{query}")
        check(found, TENANTS)
        assert stage.tenant.name in {row["name"] for row in found["tenants"]}
    tab.refused(403, "GET", "/tenants", token=stage.signed_in("org_admin").access)


@operation(28, 29, 31)
def test_a_tenant_is_made_with_its_first_admin(stage: Stage):
    tab, email = stage.signed_in("super_admin"), stage.address("first")
    made = tab.post(
        "/tenants",
        {
            "name": f"Made {stage.mark}",
            "description": "",
            "admin_email": email,
            "admin_first_name": "First",
            "admin_last_name": "Admin",
            "admin_password": PASSWORD,
        },
    )
    check(made, TENANT)
    seen = tab.get(f"/tenants/{made['id']}")
    check(seen, TENANT)
    assert [person["email"] for person in seen["tenant_admins"]] == [email]
    assert seen["organizations"]
    stats = tab.get(f"/tenants/{made['id']}/stats")
    check(stats, STATS)
    assert (stats["total_users"], stats["active_users"]) == (1, 1)
    assert stage.tab().sign_in(email).me["tenant_id"] == made["id"]


@operation(30, 29)
def test_a_tenant_is_switched_off_and_on(stage: Stage):
    tab = stage.signed_in("super_admin")
    opened = tab.post("/tenant-admin/create-tenant-with-admin", with_admin(stage, "Switched"))
    address = f"/tenants/{opened['tenant_id']}"
    tab.put(address, {"is_active": False})
    assert tab.get(address)["is_active"] is False
    tab.put(address, {"is_active": True})
    assert tab.get(address)["is_active"] is True


@operation(32)
@pytest.mark.parametrize("default", [True, False])
def test_a_tenant_is_made_with_admin_and_organization(stage: Stage, default: bool):
    tab = stage.signed_in("super_admin")
    form = with_admin(stage, f"Whole {default}", create_default_org=default)
    opened = tab.post("/tenant-admin/create-tenant-with-admin", form)
    check(opened, OPENED)
    assert opened["tenant_name"] == form["tenant_name"]
    me = stage.tab().sign_in(form["admin_email"]).me
    assert (me["role"], me["tenant_id"]) == ("tenant_admin", opened["tenant_id"])
    tab.refused(409, "POST", "/tenant-admin/create-tenant-with-admin", form)


@operation(33, 35)
def test_a_tenant_admin_assigns_the_first_admin(stage: Stage):
    head = stage.signed_in("tenant_admin")
    made = head.post("/organizations", {"name": "Assigned", "max_users": 50, "default_role": "org_member"})
    check(made, ORGANIZATION)
    body = {
        "user_email": stage.emails["org_admin"],
        "organization_id": made["id"],
        "role": "org_admin",
    }
    assigned = head.post("/tenant-admin/assign-user-to-organization", body)
    check(assigned, ASSIGNED)
    assert assigned["organization_name"] == "Assigned"
    assert head.get(f"/organizations/{made['id']}")["org_admin"]["email"] == stage.emails["org_admin"]
    nobody = {**body, "user_email": stage.address("nobody")}
    head.refused(404, "POST", "/tenant-admin/assign-user-to-organization", nobody)
    head.delete(f"/organizations/{made['id']}")


@operation(34)
@pytest.mark.parametrize("role", ["org_member", "org_admin", "tenant_admin", "super_admin"])
def test_organizations_are_listed_under_their_key(stage: Stage, role: str):
    tab = stage.signed_in(role)
    tenant = f"?tenant_id={stage.tenant.id}&limit=100"
    for query in ("", "?", "?page=1&limit=1", "?page=1&limit=100", tenant):
        found = tab.get(f"/organizations/{query}")
        check(found, ORGANIZATIONS)
        assert len(found["organizations"]) >= 1
        if query == tenant and role != "org_member":
            own = next(row for row in found["organizations"] if row["id"] == str(stage.organization_id))
            assert stage.emails["org_admin"] in {person["email"] for person in own["members"]}


@operation(35, 36, 37, 38)
@pytest.mark.parametrize("role", ["tenant_admin", "super_admin"])
def test_an_organization_is_made_changed_and_removed(stage: Stage, role: str):
    tab = stage.signed_in(role)
    form = {
        "name": f"Made by {role}",
        "description": "About",
        "domain": "",
        "max_users": 25,
        "default_role": "org_member",
        **({"tenant_id": str(stage.tenant.id)} if role == "super_admin" else {}),
    }
    made = tab.post("/organizations", form)
    check(made, ORGANIZATION)
    address = f"/organizations/{made['id']}"
    seen = tab.get(address)
    check(seen, ORGANIZATION)
    assert (seen["name"], seen["max_users"], seen["is_active"]) == (form["name"], 25, True)
    changed = tab.put(address, full_form(seen, description="Other", allow_global_data_access=False))
    check(changed, ORGANIZATION)
    assert (changed["description"], changed["allow_global_data_access"]) == ("Other", False)
    tab.put(address, {"is_active": False})
    assert tab.get(address)["is_active"] is False
    tab.put(address, {"is_active": True})
    tab.delete(address)
    tab.refused(404, "GET", address)


@operation(37, 36, 40)
def test_an_organization_admin_changes_his_own(stage: Stage):
    tab = stage.signed_in("org_admin")
    address = f"/organizations/{stage.organization_id}"
    seen = tab.get(address)
    changed = tab.put(address, full_form(seen, description="By its admin"))
    assert changed["description"] == "By its admin"
    assert changed["allow_global_data_access"] == seen["allow_global_data_access"]
    answer = tab.post(f"{address}/regenerate-token", {})
    check(answer, REGENERATED)
    assert tab.get(address)["join_token"] == answer["new_token"] != seen["join_token"]
    tab.refused(403, "POST", f"{address}/regenerate-token", {}, token=stage.signed_in("org_member").access)


@operation(39)
def test_members_are_listed_under_users(stage: Stage):
    for query in ("", "?limit=100"):
        found = stage.signed_in("org_admin").get(f"/organizations/{stage.organization_id}/users{query}")
        check(found, MEMBERS)
        assert stage.emails["org_member"] in {row["email"] for row in found["users"]}


@operation(41, 42, 43)
def test_the_whitelist_takes_addresses_raw(stage: Stage):
    tab = stage.signed_in("org_admin")
    address = f"/organizations/{stage.organization_id}/whitelist"
    for email in ("first.last+tag@firm-x.test", "o'neil@firm-x.test"):
        check(tab.post(address, {"email": email}), WHITELISTED)
    for query in ("", "?limit=100"):
        found = tab.get(address + query)
        check(found, WHITELIST)
        assert {"first.last+tag@firm-x.test", "o'neil@firm-x.test"} <= {
            e["email"] for e in found["whitelist"]
        }
    for email in ("first.last+tag@firm-x.test", "o'neil@firm-x.test"):
        tab.delete(f"{address}/{email}")
    assert "first.last+tag@firm-x.test" not in {e["email"] for e in tab.get(address)["whitelist"]}
    tab.refused(404, "DELETE", f"{address}/first.last+tag@firm-x.test")


@operation(44)
@pytest.mark.parametrize("role", ["org_admin", "tenant_admin", "super_admin"])
def test_users_come_twice(stage: Stage, role: str):
    tab = stage.signed_in(role)
    for query in ("page=1&size=1", "page=1&size=100"):
        found = tab.get(f"/users?{query}")
        check(found, USERS)
        assert found["items"] == found["users"]
        assert found["items"]


@operation(45)
@pytest.mark.parametrize(
    ("role", "gives"), [("org_admin", "org_member"), ("tenant_admin", "org_admin"), ("super_admin", "user")]
)
def test_an_administrator_makes_a_user(stage: Stage, role: str, gives: str):
    tab, email = stage.signed_in(role), stage.address("made")
    form = {
        "email": email,
        "password": PASSWORD,
        "first_name": "New",
        "last_name": "Person",
        "role": gives,
    }
    made = tab.ask("POST", "/auth/admin/create-user", form)
    assert made.status_code == 201, made.text
    check(made.json(), USER)
    me = stage.tab().sign_in(email).me
    assert (me["role"], me["full_name"]) == (gives, "New Person")
    if role == "org_admin":
        assert me["organization_id"] == str(stage.organization_id)
        too_high = {**form, "email": stage.address("high"), "role": "tenant_admin"}
        tab.refused(403, "POST", "/auth/admin/create-user", too_high)
    tab.refused(409, "POST", "/auth/admin/create-user", form)


@operation(46, 47, 48, 44)
@pytest.mark.parametrize("role", ["org_admin", "tenant_admin"])
def test_a_user_is_kept_out_let_in_and_removed(stage: Stage, role: str):
    tab, email = stage.signed_in(role), stage.address("gone")
    form = {"email": email, "password": PASSWORD, "first_name": "A", "last_name": "B", "role": "org_member"}
    made = tab.post("/auth/admin/create-user", form)
    person = stage.tab().sign_in(email)
    check(tab.patch(f"/users/{made['id']}/deactivate"), USER)
    person.refused(401, "GET", "/users/me")
    listed = {row["email"]: row for row in tab.get("/users?page=1&size=100")["items"]}
    assert listed[email]["is_active"] is False
    check(tab.patch(f"/users/{made['id']}/activate"), USER)
    stage.tab().sign_in(email)
    tab.delete(f"/users/{made['id']}")
    assert email not in {row["email"] for row in tab.get("/users?page=1&size=100")["items"]}
    tab.refused(404, "DELETE", f"/users/{made['id']}")

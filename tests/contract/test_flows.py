"""The whole day of each role, call by call as the client makes it."""

from __future__ import annotations

import pytest

from tests.contract import bodies
from tests.contract.application import PASSWORD, Application
from tests.contract.conftest import ROLES, Stage
from tests.contract.shapes import ANNUAL, DASHBOARD, QUARTERLY, RESULTS, check, page
from tests.contract.test_account import OTHER, newcomer
from tests.contract.test_jobs import XLSX, follow, upload

pytestmark = [pytest.mark.contract, pytest.mark.worker]
LISTS = ("annual", "quarterly", "annual/system", "quarterly/system")


def entered(tab: Application, email: str, password: str = PASSWORD) -> dict[str, list]:
    """The log-in burst: token, me, dashboard and the lists that the role asks for."""
    tab.sign_in(email, password)
    check(tab.post("/predictions/dashboard", {"include_platform_stats": True}), DASHBOARD)
    asked = [name for name in LISTS if tab.me["role"] != "super_admin" or name.endswith("system")]
    rows = {}
    for name in asked:
        found = tab.get(f"/predictions/{name}?page=1&size=1000")
        check(found, page(ANNUAL if name.startswith("annual") else QUARTERLY))
        rows[name] = found["items"]
    return rows


def charted(rows: list[dict]) -> None:
    """What the analytics tab computes in the browser: no row may be without it."""
    for row in rows:
        assert row["probability"] is not None
        assert row["company_symbol"]
        assert row["reporting_year"].isdigit()
        assert (row.get("reporting_quarter") or "Q1").upper() in {"Q1", "Q2", "Q3", "Q4"}


@pytest.mark.parametrize("role", ROLES)
def test_a_day_of_a_role(worker, stage: Stage, role: str):
    tab = stage.tab()
    entered(tab, stage.emails[role])
    place = "/system" if role == "super_admin" else ""
    made = {}
    for kind, form in (("annual", bodies.annual), ("quarterly", bodies.quarterly)):
        body = form(stage.symbol())
        made[kind] = tab.post(f"/predictions/{kind}", body)
        tab.refused(409, "POST", f"/predictions/{kind}", body)
        tab.put(f"/predictions/{kind}/{made[kind]['id']}", {**body, "sector": "Energy"})
    for kind, name, content, media in (
        ("annual", "a.csv", bodies.csv(bodies.rows("annual", [stage.symbol()] * 1)), "text/csv"),
        ("quarterly", "q.xlsx", bodies.xlsx(bodies.rows("quarterly", [stage.symbol()])), XLSX),
    ):
        job = follow(tab, upload(tab, kind, name, content, media)["job_id"])
        assert (job["status"], job["progress_percentage"]) == ("completed", 100)
        check(tab.post(f"/predictions/jobs/{job['id']}/results", {"include_predictions": True}), RESULTS)
        tab.delete(f"/predictions/jobs/{job['id']}")
    before = tab.post("/predictions/dashboard", {"include_platform_stats": True})
    figures = before["platform_statistics"] if place else before["user_dashboard"]
    for kind in ("annual", "quarterly"):
        rows = tab.get(f"/predictions/{kind}{place}?page=1&size=1000")["items"]
        charted(rows)
        assert figures[f"{kind}_predictions"] == len(rows)
        shown = next(row for row in rows if row["id"] == made[kind]["id"])
        assert shown["sector"] == "Energy"
    tab.renew()
    tab.renew()
    for kind in ("annual", "quarterly"):
        tab.delete(f"/predictions/{kind}/{made[kind]['id']}")
    after = tab.post("/predictions/dashboard", {"include_platform_stats": True})
    left = after["platform_statistics"] if place else after["user_dashboard"]
    assert left["total_predictions"] == figures["total_predictions"] - 2


def test_an_account_without_data_sees_zeros_and_no_crash(stage: Stage):
    tab = stage.tab()
    rows = entered(tab, stage.emails["empty"])
    assert rows["annual"] == rows["quarterly"] == []
    board = tab.post("/predictions/dashboard", {"include_platform_stats": True})["user_dashboard"]
    assert board["total_predictions"] == board["average_default_rate"] == board["sectors_covered"] == 0
    jobs = tab.get("/predictions/jobs?limit=50&offset=0")
    assert (jobs["jobs"], jobs["pagination"]["has_more"]) == ([], False)
    assert tab.get("/companies/?page=1&limit=50")["items"] == []


def test_from_registration_to_a_colleague(worker, stage: Stage, django_db_blocker):
    """Registers, scores alone, joins by token and whitelist, sees the organization's rows instead."""
    email, tab = newcomer(stage, django_db_blocker, "grows")
    own = tab.post("/predictions/annual", bodies.annual(stage.symbol()))
    admin = stage.signed_in("org_admin")
    secret = admin.me["organization"]["join_token"]
    admin.post(f"/organizations/{stage.organization_id}/whitelist", {"email": email})
    tab.post("/auth/join", {"join_token": secret, "email": email})
    assert tab.look().me["role"] == "org_member"
    shared = admin.post("/predictions/annual", bodies.annual(stage.symbol()))
    seen = {row["id"] for row in tab.get("/predictions/annual?page=1&size=1000")["items"]}
    assert shared["id"] in seen
    assert own["id"] not in seen
    tab.post("/auth/change-password", {"current_password": PASSWORD, "new_password": OTHER})
    assert {row["id"] for row in entered(stage.tab(), email, OTHER)["annual"]} == seen
    users = admin.get(f"/organizations/{stage.organization_id}/users?limit=100")["users"]
    person = next(row for row in users if row["email"] == email)
    admin.patch(f"/users/{person['id']}/deactivate")
    stage.tab().refused(
        401, "POST", "/auth/login", {"email": stage.emails["empty"], "password": "nonsense-1"}
    )
    admin.patch(f"/users/{person['id']}/activate")
    admin.delete(f"/organizations/{stage.organization_id}/whitelist/{email}")
    assert entered(stage.tab(), email, OTHER)["annual"]


def test_from_an_institution_to_its_first_score(stage: Stage):
    """A super admin opens it, its admin makes an organization with an admin, who makes a member."""
    root = stage.signed_in("super_admin")
    head_email, chief, clerk = (stage.address(name) for name in ("head", "chief", "clerk"))
    opened = root.post(
        "/tenant-admin/create-tenant-with-admin",
        {
            "tenant_name": f"Grown {stage.mark}",
            "tenant_description": "",
            "tenant_domain": "",
            "admin_email": head_email,
            "admin_password": PASSWORD,
            "admin_first_name": "Head",
            "admin_last_name": "Person",
            "admin_username": "",
            "create_default_org": True,
            "default_org_name": "First",
            "default_org_description": "",
        },
    )
    head = stage.tab()
    entered(head, head_email)
    organization = head.post(
        "/organizations", {"name": "Lending", "max_users": 5, "default_role": "org_member"}
    )
    form = {"password": PASSWORD, "first_name": "A", "last_name": "B"}
    head.post("/auth/admin/create-user", {**form, "email": chief, "role": "org_admin"})
    head.post(
        "/tenant-admin/assign-user-to-organization",
        {"user_email": chief, "organization_id": organization["id"], "role": "org_admin"},
    )
    boss = stage.tab()
    entered(boss, chief)
    boss.post("/auth/admin/create-user", {**form, "email": clerk, "role": "org_member"})
    member = stage.tab()
    entered(member, clerk)
    made = member.post("/predictions/annual", bodies.annual(stage.symbol()))
    assert made["id"] in {row["id"] for row in head.get("/predictions/annual?size=1000")["items"]}
    board = head.post("/predictions/dashboard", {"include_platform_stats": True})
    assert board["scope"] == "tenant"
    assert sum(row["predictions"] for row in board["organizations_breakdown"]) == 1
    assert made["id"] not in {
        row["id"] for row in stage.signed_in("tenant_admin").get("/predictions/annual?size=1000")["items"]
    }
    root.put(f"/tenants/{opened['tenant_id']}", {"is_active": False})
    member.ask("GET", "/users/me")
    assert member.ask("GET", "/predictions/annual").status_code in {401, 403}
    root.put(f"/tenants/{opened['tenant_id']}", {"is_active": True})

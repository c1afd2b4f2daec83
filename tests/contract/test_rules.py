"""The rules of the client's last section that we adopt or adapt, by their number."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest
from django.core.checks import run_checks

from config.settings import api as limits
from tests.contract import bodies
from tests.contract.application import PASSWORD
from tests.contract.conftest import ROLES, Stage
from tests.contract.shapes import DASHBOARD, JOBS, check
from tests.contract.test_administration import full_form
from tests.contract.test_jobs import follow, upload

pytestmark = pytest.mark.contract


def rule(*numbers: int):
    """The rules that a test holds; ``test_complete`` reads it."""
    return lambda test: test


@rule(1)
def test_every_refusal_is_one_body_with_a_sentence(stage: Stage):
    tab = stage.signed_in("org_member")
    seen = [
        tab.refused(404, "GET", "/no-such-thing"),
        tab.refused(405, "PUT", "/predictions/annual", {}),
        tab.refused(404, "GET", f"/companies/{stage.tenant.id}"),
        tab.refused(400, "POST", "/predictions/annual", {}),
        tab.refused(403, "GET", "/tenants"),
    ]
    broken = tab.ask("POST", "/predictions/annual", content=b"{broken")
    assert broken.status_code == 400
    for problem in [*seen, broken.json()]:
        assert set(problem) >= {"detail", "code", "request_id", "status"}
    fields = {error["pointer"] for error in seen[3]["errors"]}
    assert {"/company_symbol", "/reporting_year"} <= fields


@rule(2)
def test_keyed_lists_hold_the_envelope_too(stage: Stage):
    tab = stage.signed_in("super_admin")
    for address, key in (
        ("/tenants?limit=2", "tenants"),
        ("/organizations/?limit=2", "organizations"),
        ("/users?size=2", "users"),
        ("/predictions/jobs?limit=2&offset=0", "jobs"),
    ):
        found = tab.get(address)
        assert found[key] == found["items"]
        assert found["size"] == 2
        assert set(found) >= {"total", "page", "pages"}
    second = tab.get("/users?limit=2&skip=2")
    assert (second["page"], second["items"]) == (2, tab.get("/users?page=2&size=2")["items"])


@rule(3)
def test_sizes_beyond_the_cap_are_clamped_and_pages_compressed(stage: Stage):
    tab = stage.signed_in("tenant_admin")
    for kind in ("annual", "quarterly"):
        for place in ("", "/system"):
            assert tab.get(f"/predictions/{kind}{place}?page=1&size=5000")["size"] == 1000
    for address in ("/companies/?limit=5000", "/users?size=5000", "/organizations/?limit=5000"):
        assert tab.get(address)["size"] == 100
    body = bodies.annual(stage.symbol())
    for _ in range(3):
        tab.post("/predictions/annual", {**body, "company_symbol": stage.symbol()})
    headers = {"Authorization": f"Bearer {tab.access}", "Accept-Encoding": "gzip"}
    with tab.http.stream("GET", "/predictions/annual?size=1000", headers=headers) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(answer.iter_raw())).startswith(b"{")


@rule(5)
def test_a_bearer_refresh_keeps_the_token_and_a_body_rotates_it(stage: Stage):
    tab = stage.signed_in("user")
    first = tab.refresh
    tab.renew()
    tab.renew()
    assert tab.refresh == first
    rotated = tab.post("/auth/refresh", {"refresh_token": first})
    assert rotated["refresh_token"] != first
    # A token that was rotated is used up in either mode.
    tab.refused(401, "POST", "/auth/refresh", {}, token=first)
    tab.refused(401, "POST", "/auth/refresh", {"refresh_token": first})


@rule(6)
@pytest.mark.parametrize("seconds", [60, 299])
def test_short_access_tokens_are_refused_at_start(settings, seconds: int):
    assert "tenants.E004" not in {fault.id for fault in run_checks()}
    settings.ACCESS_TOKEN_LIFETIME = timedelta(seconds=seconds)
    assert "tenants.E004" in {fault.id for fault in run_checks()}


@rule(9)
@pytest.mark.parametrize("role", ROLES)
def test_only_the_five_roles_are_ever_spoken(stage: Stage, role: str):
    tab = stage.signed_in(role)
    assert tab.me["role"] == role
    if role in {"org_admin", "tenant_admin", "super_admin"}:
        assert {row["role"] for row in tab.get("/users?size=100")["items"]} <= set(ROLES)


@rule(10)
def test_a_viewer_looks_like_a_member_and_is_refused_with_a_sentence(stage: Stage):
    tab, member = stage.signed_in("viewer"), stage.signed_in("org_member")
    assert tab.me["role"] == "org_member"
    made = member.post("/predictions/annual", bodies.annual(stage.symbol()))
    assert made["id"] in {row["id"] for row in tab.get("/predictions/annual?size=1000")["items"]}
    for method, path in (
        ("POST", "/predictions/annual"),
        ("PUT", f"/predictions/annual/{made['id']}"),
        ("DELETE", f"/predictions/annual/{made['id']}"),
    ):
        body = None if method == "DELETE" else bodies.annual(stage.symbol())
        assert tab.refused(403, method, path, body)["detail"]


@rule(11)
def test_own_lists_hold_what_the_role_calls_its_own(stage: Stage):
    made = {
        role: stage.signed_in(role).post("/predictions/annual", bodies.annual(stage.symbol()))["id"]
        for role in ("user", "org_member", "tenant_admin", "super_admin")
    }
    seen = {
        role: {row["id"] for row in stage.signed_in(role).get("/predictions/annual?size=1000")["items"]}
        for role in ROLES
    }
    assert made["user"] in seen["user"]
    assert made["org_member"] not in seen["user"]
    for role in ("org_member", "org_admin", "tenant_admin"):
        assert {made["org_member"], made["tenant_admin"]} <= seen[role]
        assert made["user"] not in seen[role]
    assert seen["super_admin"] == set()


@rule(12)
def test_who_is_not_entitled_gets_an_empty_platform(stage: Stage):
    head = stage.signed_in("tenant_admin")
    stage.signed_in("super_admin").post("/predictions/annual", bodies.annual(stage.symbol()))
    address = f"/organizations/{stage.organization_id}"
    head.put(address, {"allow_global_data_access": False})
    try:
        tab = stage.signed_in("org_member")
        for kind in ("annual", "quarterly"):
            found = tab.get(f"/predictions/{kind}/system?page=1&size=1000")
            assert (found["items"], found["total"], found["pages"]) == ([], 0, 0)
        board = tab.post("/predictions/dashboard", {"include_platform_stats": True})
        check(board, DASHBOARD)
        assert board["platform_statistics"]["total_predictions"] == 0
    finally:
        head.put(address, {"allow_global_data_access": True})
    assert stage.signed_in("org_member").get("/predictions/annual/system")["total"] > 0


@rule(13, 14)
def test_bodies_are_flat_and_numbers_are_numbers(stage: Stage):
    made = stage.signed_in("org_member").post("/predictions/annual", bodies.annual(stage.symbol()))
    assert "data" not in made
    assert (made["market_cap"], made["return_on_assets"]) == (2500.5, 5.25)
    assert 0 < made["probability"] < 1
    assert made["probability"] == round(made["probability"], 6)


@rule(15, 16)
def test_an_unknown_ratio_is_null_and_a_zero_is_a_zero(stage: Stage):
    tab = stage.signed_in("org_member")
    body = bodies.annual(stage.symbol(), return_on_assets=None, net_income_margin=0)
    made = tab.post("/predictions/annual", body)
    assert (made["return_on_assets"], made["net_income_margin"]) == (None, 0)
    assert made["missing_inputs"] == ["return_on_assets"]
    none = {name: value for name, value in body.items() if name not in bodies.ANNUAL_RATIOS}
    tab.refused(400, "POST", "/predictions/annual", none)


@rule(17, 18)
def test_the_annual_key_is_company_and_year(stage: Stage):
    tab, symbol = stage.signed_in("org_member"), stage.symbol()
    first = tab.post("/predictions/annual", bodies.annual(symbol, reporting_quarter="Q1"))
    again = tab.refused(409, "POST", "/predictions/annual", bodies.annual(symbol, reporting_quarter="Q3"))
    assert again["code"] == "duplicate_prediction"
    assert f"for {symbol} in 2023 Q3 already exists in your organization scope" in again["detail"]
    other = tab.post("/predictions/annual", bodies.annual(symbol, reporting_year="2022"))
    moved = bodies.annual(symbol, reporting_year="2023")
    collides = tab.refused(409, "PUT", f"/predictions/annual/{other['id']}", moved)
    assert "already exists in your organization scope" in collides["detail"]
    label = tab.put(f"/predictions/annual/{first['id']}", bodies.annual(symbol, reporting_quarter="Q4"))
    assert label["reporting_quarter"] == "Q4"
    free = tab.put(f"/predictions/annual/{other['id']}", bodies.annual(symbol, reporting_year="2021"))
    assert free["reporting_year"] == "2021"


@rule(19)
@pytest.mark.worker
def test_a_file_without_market_values_keeps_the_known_one(worker, stage: Stage):
    tab, symbol = stage.signed_in("org_member"), stage.symbol()
    tab.post("/predictions/annual", bodies.annual(symbol, market_cap=777.5))
    table = bodies.rows("annual", [symbol])
    assert follow(tab, upload(tab, "annual", "a.csv", bodies.csv(table))["job_id"])["failed_rows"] == 0
    rows = [r for r in tab.get("/predictions/annual?size=1000")["items"] if r["company_symbol"] == symbol]
    assert {row["market_cap"] for row in rows} == {777.5}
    assert len(rows) == 2


@rule(20, 21)
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"company_symbol,sector\nACME,Energy\n", "Missing required columns: "),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Save the file as .xlsx or .csv"),
        ("a.csv", b"", ""),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_at_once(stage: Stage, name, content, words):
    tab = stage.signed_in("org_member")
    problem = tab.refused(
        400, "POST", "/predictions/annual/bulk-upload-async", files=bodies.part(name, content)
    )
    assert words in problem["detail"]


@rule(20)
def test_the_browsers_idea_of_the_kind_is_not_trusted(stage: Stage):
    tab = stage.signed_in("org_member")
    content = bodies.xlsx(bodies.rows("annual", [stage.symbol()]))
    assert upload(tab, "annual", "book.xlsx", content, "text/csv")["total_rows"] == 1


@rule(22)
def test_the_job_list_says_whether_there_is_more(stage: Stage):
    found = stage.signed_in("org_admin").get("/predictions/jobs?limit=50&offset=0")
    check(found, JOBS)
    assert found["pagination"]["limit"] == 50


@rule(23)
@pytest.mark.parametrize("verb", ["PATCH", "PUT", "POST"])
def test_activation_goes_by_every_verb(stage: Stage, verb: str):
    tab = stage.signed_in("org_admin")
    form = {"email": stage.address("verbs"), "password": PASSWORD, "role": "org_member"}
    made = tab.post("/auth/admin/create-user", form)
    for step, state in (("deactivate", False), ("activate", True)):
        answer = tab.ask(verb, f"/users/{made['id']}/{step}", None if verb == "PATCH" else {})
        assert answer.status_code == 200, answer.text
        assert tab.get(f"/users/{made['id']}")["is_active"] is state


@rule(24)
def test_a_tenant_whose_admin_is_refused_is_not_made(stage: Stage):
    tab = stage.signed_in("super_admin")
    form = {"name": f"Never {stage.mark}", "admin_email": stage.address("weak"), "admin_password": "123"}
    tab.refused(400, "POST", "/tenants", form)
    names = {row["name"] for row in tab.get("/tenants?limit=100")["tenants"]}
    assert f"Never {stage.mark}" not in names


@rule(25)
@pytest.mark.parametrize("role", ["super_admin", "tenant_admin", "org_admin"])
def test_nobody_gives_a_role_above_his_own(stage: Stage, role: str):
    form = {"email": stage.address("above"), "password": PASSWORD, "role": role}
    caller = {"super_admin": "tenant_admin", "tenant_admin": "org_admin", "org_admin": "org_admin"}[role]
    problem = stage.signed_in(caller).refused(403, "POST", "/auth/admin/create-user", form)
    assert problem["detail"]


@rule(26)
def test_joining_with_another_address_is_refused(stage: Stage):
    secret = stage.signed_in("org_admin").me["organization"]["join_token"]
    body = {"join_token": secret, "email": stage.emails["org_member"]}
    stage.signed_in("user").refused(400, "POST", "/auth/join", body)


@rule(27)
def test_the_full_form_opens_nothing_by_itself(stage: Stage):
    head, admin = stage.signed_in("tenant_admin"), stage.signed_in("org_admin")
    address = f"/organizations/{stage.organization_id}"
    head.put(address, {"join_enabled": False})
    try:
        seen = admin.get(address)
        changed = admin.put(address, full_form(seen, description="Only this"))
        assert (changed["description"], changed["join_enabled"]) == ("Only this", False)
        assert changed["allow_global_data_access"] == seen["allow_global_data_access"]
        row = next(r for r in admin.get("/organizations/")["organizations"] if r["id"] == seen["id"])
        assert row["allow_global_data_access"] == seen["allow_global_data_access"]
    finally:
        head.put(address, {"join_enabled": True})


@rule(28)
def test_registering_never_takes_a_role(stage: Stage):
    email = stage.address("bold")
    form = {"email": email, "username": "bold", "full_name": "Bold One", "password": PASSWORD}
    stage.tab().post("/auth/register", {**form, "role": "super_admin"})
    assert stage.tab().sign_in(email).me["role"] == "user"


@rule(8)
def test_a_wrong_present_password_is_no_401(stage: Stage):
    body = {"current_password": "not-the-one-1", "new_password": "another-horse-77"}
    stage.signed_in("user").refused(400, "POST", "/auth/change-password", body)


@rule(29)
def test_a_burst_and_polling_stay_within_the_limits():
    requests, seconds, burst = limits.THROTTLE_RATES["read"]
    assert burst >= 30
    assert requests / seconds >= 10
    assert limits.THROTTLE_RATES["login"] != limits.THROTTLE_RATES["read"]
    assert limits.THROTTLE_RATES["write"][2] >= 30


@rule(30)
@pytest.mark.parametrize("address", ["/organizations", "/companies", "/predictions/annual", "/tenants"])
def test_both_forms_of_an_address_answer_alike(stage: Stage, address: str):
    tab = stage.signed_in("super_admin")
    for form in (address, f"{address}/", f"{address}?", f"{address}/?"):
        assert tab.get(form)["size"] == tab.get(address)["size"]


@rule(31)
def test_letters_lead_to_pages_that_are_there(settings):
    from django.urls import resolve

    for name in ("join", "reset_password", "verify_email", "forgot_password"):
        path = settings.LINKS[name].replace("{app}", "").partition("?")[0]
        assert resolve(path.replace("{token}", "a-token"), "config.urls_public")


@rule(32)
def test_the_breakdowns_speak_the_clients_words(stage: Stage):
    board = stage.signed_in("tenant_admin").post("/predictions/dashboard", {"include_platform_stats": True})
    own = next(
        row
        for row in board["organizations_breakdown"]
        if row["organization_id"] == str(stage.organization_id)
    )
    assert {"org_name", "avg_default_rate"} <= own.keys()
    board = stage.signed_in("super_admin").post("/predictions/dashboard", {"include_platform_stats": True})
    assert all("organizations_count" in row for row in board["tenants_breakdown"])

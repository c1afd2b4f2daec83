"""Operations 9 to 19 and 26: dashboard, lists, single analyses, companies."""

from __future__ import annotations

import pytest

from tests.contract import bodies
from tests.contract.conftest import ROLES, Stage
from tests.contract.shapes import ANNUAL, COMPANY, DASHBOARD, QUARTERLY, check, page
from tests.contract.test_account import operation

pytestmark = pytest.mark.contract
KINDS = {"annual": (bodies.annual, ANNUAL), "quarterly": (bodies.quarterly, QUARTERLY)}
SCOPES = {
    "user": "personal",
    "org_member": "organization",
    "org_admin": "organization",
    "tenant_admin": "tenant",
    "super_admin": "system",
}


@operation(9)
@pytest.mark.parametrize("role", [*ROLES, "empty"])
def test_the_dashboard_has_every_figure(stage: Stage, role: str):
    board = stage.signed_in(role).post("/predictions/dashboard", {"include_platform_stats": True})
    check(board, DASHBOARD)
    assert board["scope"] == board["user_dashboard"]["scope"] == SCOPES.get(role, "personal")
    if board["scope"] == "tenant":
        assert board["organizations_breakdown"]
    if board["scope"] == "system":
        assert {"total_users", "total_organizations", "total_tenants"} <= board["platform_statistics"].keys()
        assert stage.tenant.name in {row["tenant_name"] for row in board["tenants_breakdown"]}


@operation(10, 11, 12, 13)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", [*ROLES, "empty"])
def test_lists_take_a_thousand_rows(stage: Stage, role: str, kind: str):
    form, shape = KINDS[kind]
    tab = stage.signed_in(role)
    made = tab.post(f"/predictions/{kind}", form(stage.symbol())) if role != "empty" else None
    for address in (f"/predictions/{kind}", f"/predictions/{kind}/system"):
        found = tab.get(f"{address}?page=1&size=1000")
        check(found, page(shape))
        assert found["size"] == 1000
        assert found["total"] == len(found["items"])
        assert found["pages"] == (1 if found["items"] else 0)
        system = address.endswith("system")
        assert all((row["access_level"] == "system") == system for row in found["items"])
        assert [r["created_at"] for r in found["items"]] == sorted(
            (r["created_at"] for r in found["items"]), reverse=True
        )
        if made and system == (role == "super_admin"):
            assert made["id"] in {row["id"] for row in found["items"]}
    assert tab.get(f"/predictions/{kind}?page=2&size=1000")["items"] == []


@operation(14, 15, 16, 17, 18, 19)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ROLES)
def test_a_single_analysis_is_made_refused_twice_changed_and_removed(stage: Stage, role: str, kind: str):
    form, shape = KINDS[kind]
    tab, symbol = stage.signed_in(role), stage.symbol()
    body = form(symbol)
    answer = tab.ask("POST", f"/predictions/{kind}", body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    check(made, shape)
    assert made["access_level"] == {"user": "personal", "super_admin": "system"}.get(role, "organization")
    for name in body:
        assert made[name] == body[name], name
    twice = tab.refused(409, "POST", f"/predictions/{kind}", body)
    quarter = body["reporting_quarter"]
    scope = {"user": "personal", "super_admin": "system"}.get(role, "organization")
    sentence = (
        f"{kind.title()} prediction for {symbol} in 2023 {quarter} already exists in your {scope} scope"
    )
    assert twice["detail"].rstrip(".") == sentence
    changed = tab.put(f"/predictions/{kind}/{made['id']}", {**body, "total_debt_to_ebitda": 9.5})
    check(changed, shape)
    assert (changed["id"], changed["total_debt_to_ebitda"]) == (made["id"], 9.5)
    assert changed["probability"] != made["probability"]
    tab.delete(f"/predictions/{kind}/{made['id']}")
    tab.refused(404, "DELETE", f"/predictions/{kind}/{made['id']}")


@operation(26)
def test_companies_are_listed_and_found(stage: Stage):
    tab, symbol = stage.signed_in("org_member"), stage.symbol()
    tab.post("/predictions/annual", bodies.annual(symbol))
    for address in ("/companies/?page=1&limit=50", f"/companies/?page=1&limit=50&search={symbol}"):
        found = tab.get(address)
        check(found, page(COMPANY))
        assert symbol in {row["symbol"] for row in found["items"]}

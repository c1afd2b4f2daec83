"""Every route by construction: a stranger's row does not exist."""

from __future__ import annotations

import re

import pytest
from django.apps import apps

from accounts.permissions import Role, extent
from companies.connectors.models import Run, Source
from companies.imports.models import ColumnMapping, Import
from companies.lists.models import Note, Watchlist
from companies.models import Company, Statement
from config.api import ROUTERS
from organizations.joining.models import Invitation, JoinLink
from organizations.models import Organization
from predictions.dry_runs.models import DryRun
from predictions.exporting.models import Export
from predictions.flags.models import Flag
from predictions.models import Prediction, ScoringJob
from predictions.monitoring.models import Alert, Observation, Outcome
from predictions.own_models.models import OwnModel
from predictions.rescoring.models import RescoreRun
from predictions.scenarios.models import Scenario, ScenarioRun
from predictions.schedules.models import Schedule
from tenants.kernel import checks
from tenants.kernel.owned import Scoped
from tenants.kernel.viewsets import DeclaredViewSet, OwnedViewSet
from tests.fixtures import World

ROUTES = [(prefix, viewset) for router in ROUTERS for prefix, viewset, _ in router.registry]
OWNED = [(prefix, viewset) for prefix, viewset in ROUTES if issubclass(viewset, OwnedViewSet)]
# What only answers about one row has no list.
LISTED = [(prefix, viewset) for prefix, viewset in OWNED if "list" in viewset.permissions]
# How a foreign row of each route is found; a route without an entry fails below.
ROW = {
    "organizations": lambda: Organization.objects.first(),
    "join-links": lambda: JoinLink.objects.first(),
    "invitations": lambda: Invitation.objects.first(),
    "companies": lambda: Company.objects.first(),
    "flags": lambda: Flag.objects.first(),
    "watchlists": lambda: Watchlist.objects.first(),
    "notes": lambda: Note.objects.first(),
    "connectors": lambda: Source.objects.first(),
    "connectors/runs": lambda: Run.objects.first(),
    "predictions/companies": lambda: Company.objects.first(),
    "predictions/rescoring": lambda: RescoreRun.objects.first(),
    "statements": lambda: Statement.objects.first(),
    "predictions/annual": lambda: Prediction.objects.filter(kind="annual").first(),
    "predictions/quarterly": lambda: Prediction.objects.filter(kind="quarterly").first(),
    "imports": lambda: Import.objects.first(),
    "imports/mappings": lambda: ColumnMapping.objects.first(),
    "exports": lambda: Export.objects.first(),
    "predictions/dry-runs": lambda: DryRun.objects.first(),
    "predictions/jobs": lambda: ScoringJob.objects.first(),
    "monitoring/outcomes": lambda: Outcome.objects.first(),
    "monitoring/observations": lambda: Observation.objects.first(),
    "monitoring/alerts": lambda: Alert.objects.first(),
    "schedules": lambda: Schedule.objects.first(),
    "own-models": lambda: OwnModel.objects.first(),
    "scenarios": lambda: Scenario.objects.first(),
    "scenario-runs": lambda: ScenarioRun.objects.first(),
}
METHODS = ("get", "put", "patch", "delete")
# Whose row is asked for by the analyst-beyond-doubt, the owner of alpha's first organization.
STRANGERS = {
    "other organization": ("alpha", "two"),
    "other tenant": ("beta", "one"),
    "personal": ("personal", "one"),
}


# What else an address may hold, beside the id of its row.
PARTS = {"user_id": "01990000-0000-7000-8000-0000deadbeef", "email": "listed@firm.test"}


def plain_path(pattern):
    """The path of an action as a template: ``members/{user_id}``."""
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", pattern).replace("\\", "")


def detail_addresses(prefix, viewset):
    """The address of a row, and of every action on it, with the methods each takes."""
    yield f"/api/v1/{prefix}/{{id}}", METHODS
    for action in viewset.get_extra_actions():
        if action.detail:
            path = plain_path(action.url_path)
            yield f"/api/v1/{prefix}/{{id}}/{path}", tuple(action.mapping)


CASES = [
    pytest.param(prefix, address, method, stranger, id=f"{method} {address} {stranger}")
    for prefix, viewset in OWNED
    for address, methods in detail_addresses(prefix, viewset)
    for method in methods
    for stranger in STRANGERS
]


def test_every_route_is_declared():
    assert [v.__name__ for _, v in ROUTES if not issubclass(v, DeclaredViewSet)] == []


def test_every_owned_route_has_a_foreign_row_and_none_is_stale():
    assert {prefix for prefix, _ in OWNED} == set(ROW)


@pytest.mark.parametrize(("prefix", "address", "method", "stranger"), CASES)
def test_a_foreign_row_does_not_exist(people: World, prefix, address, method, stranger):
    tenant, organization = STRANGERS[stranger]
    with people.within(tenant, organization):
        row = ROW[prefix]()
    client = people.client(Role.OWNER)
    answer = getattr(client, method)(address.format(id=row.pk, **PARTS), {})
    nobody = address.format(id="01990000-0000-7000-8000-0000deadbeef", **PARTS)
    absent = getattr(client, method)(nobody, {})
    # 403: what not even the owner may do to a row of his own; said before any row is looked for.
    assert answer.status_code in {403, 404, 405}, (answer.status_code, answer.content)
    assert answer.status_code == absent.status_code
    # The words must not tell a foreign row from one that never was.
    if answer.status_code != 405:
        assert answer["Content-Type"] == "application/problem+json"
        kept = ("type", "title", "status", "detail", "code")
        assert [answer.json()[k] for k in kept] == [absent.json()[k] for k in kept]


@pytest.mark.parametrize(("prefix", "viewset"), LISTED, ids=[p for p, _ in LISTED])
@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.OWNER, Role.ANALYST, Role.VIEWER])
def test_lists_hold_only_what_the_role_reaches(people: World, prefix, viewset, role):
    reach = {people.organizations["alpha", "one"]}
    if role == Role.TENANT_ADMIN:
        reach.add(people.organizations["alpha", "two"])
    answer = people.client(role).get(f"/api/v1/{prefix}")
    if extent(role, viewset.permissions["list"]) is None:
        assert answer.status_code == 403
        return
    items = answer.json()["items"]
    owners = {item.get("organization_id") or item["id"] for item in items}
    assert items
    assert owners == {str(i) for i in reach}


def test_the_trap_is_set(people: World):
    """Alpha and beta hold organizations with equal ids, so a query in the wrong schema finds something."""
    found = []
    for tenant in ("alpha", "beta"):
        with people.within(tenant):
            found.append(set(Organization.objects.values_list("id", flat=True)))
    assert len(found[0] & found[1]) == 2
    with people.within("alpha", "one"):
        company = Company.objects.first()
    with people.within("beta"):
        assert Company.objects.get(id=company.id).symbol.startswith("TRAP.")
    # The same id in both: each tenant's user meets his own tenant's row or none.
    found = people.client(Role.OWNER).get(f"/api/v1/companies/{company.id}").json()
    assert found["symbol"] == company.symbol
    assert people.client(Role.TENANT_ADMIN, "beta").get(f"/api/v1/companies/{company.id}").status_code == 404


def test_every_tenant_model_is_owned_or_exempt():
    assert checks.tenancy(None) == []
    owned = [
        m for m in apps.get_models() if checks.is_tenant_model(m) and m._meta.label not in checks.UNOWNED
    ]
    assert len(owned) >= 6


@pytest.mark.parametrize("host", ["alpha.test", "localhost"])
def test_a_token_of_another_tenant_is_refused_on_a_tenants_host(people: World, host):
    client = people.client(Role.OWNER, "beta", host=host)
    answer = client.get("/api/v1/companies")
    if host == "alpha.test":
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_tenant")
    else:
        # On the platform's host the token decides: beta's rows and nothing else.
        assert answer.status_code == 200
        owners = {item["organization_id"] for item in answer.json()["items"]}
        assert owners == {str(people.organizations["beta", "one"])}


def test_without_the_managers_filter_a_stranger_gets_in(people: World, monkeypatch):
    """The proof that the tests above test something: the guard taken away, they would be red."""
    with people.within("alpha", "two"):
        row = ScoringJob.objects.first()
    client = people.client(Role.OWNER)
    assert client.get(f"/api/v1/predictions/jobs/{row.pk}").status_code == 404
    monkeypatch.setattr(Scoped, "get_queryset", lambda self: super(Scoped, self).get_queryset())
    assert client.get(f"/api/v1/predictions/jobs/{row.pk}").status_code == 200

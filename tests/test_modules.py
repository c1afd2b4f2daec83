"""A feature module that is off for a tenant does not exist there: not as address, page or description."""

from __future__ import annotations

import json

import pytest
from django.core.cache import caches

from accounts.permissions import Role
from tenants import modules
from tenants.kernel.errors import ModuleOff
from tenants.kernel.viewsets import DeclaredViewSet
from tenants.models import Tenant, TenantSettings
from tests.console import console
from tests.fixtures import World, anonymous


@pytest.fixture
def without_jobs(people: World) -> World:
    """Alpha without the module of scoring files; beta has it."""
    TenantSettings.objects.filter(tenant_id=people.tenants["alpha"].id).update(modules_off=["bulk_scoring"])
    caches["directory"].clear()
    return people


def test_a_module_that_is_off_answers_404_with_its_own_code(without_jobs: World):
    for method, address in (("get", "jobs"), ("post", "jobs"), ("post", "annual/bulk-upload-async")):
        answer = getattr(without_jobs.client(Role.OWNER), method)(f"/api/v1/predictions/{address}")
        assert (answer.status_code, answer.json()["code"]) == (404, "module_off")
    assert without_jobs.client(Role.OWNER).get("/api/v1/predictions/annual").status_code == 200
    assert without_jobs.client(Role.OWNER, "beta").get("/api/v1/predictions/jobs").status_code == 200


def test_a_stranger_learns_nothing_of_modules(without_jobs: World):
    assert anonymous().get("/api/v1/predictions/jobs").json()["code"] == "not_signed_in"


def described(host: str) -> set[str]:
    answer = anonymous().get("/api/schema", headers={"host": host, "accept": "application/json"})
    return set(json.loads(answer.content)["paths"])


def test_its_operations_are_missing_from_that_tenants_description(without_jobs: World):
    alpha, beta, platform = (described(host) for host in ("alpha.test", "beta.test", "localhost"))
    files = ("/jobs", "/schedules", "/dry-runs")
    gone = {p for p in beta if any(name in p for name in files) or p.endswith("bulk-upload-async")}
    assert gone
    assert beta - alpha == gone
    assert platform == beta


def test_its_console_pages_are_gone(without_jobs: World):
    client = console(without_jobs, Role.TENANT_ADMIN)
    page = client.get("/admin/")
    assert "/admin/predictions/scoringjob/" not in page.content.decode()
    for address in ("", "add/"):
        assert client.get(f"/admin/predictions/scoringjob/{address}").status_code == 404
    beta = console(without_jobs, Role.TENANT_ADMIN, "beta")
    assert "/admin/predictions/scoringjob/" in beta.get("/admin/").content.decode()
    assert beta.get("/admin/predictions/scoringjob/").status_code == 200


def test_services_ask_for_a_module_by_name(without_jobs: World):
    modules.require("bulk_scoring")  # outside any tenant there is nothing to switch off
    with without_jobs.within("beta"):
        modules.require("bulk_scoring")
    tenant = Tenant.objects.get(id=without_jobs.tenants["alpha"].id)
    without_jobs.tenants["alpha"], kept = tenant.ref, without_jobs.tenants["alpha"]
    try:
        with without_jobs.within("alpha"), pytest.raises(ModuleOff):
            modules.require("bulk_scoring")
    finally:
        without_jobs.tenants["alpha"] = kept
    with pytest.raises(KeyError):
        modules.is_on("no_such_module")


def test_an_endpoint_cannot_name_a_module_that_there_is_not():
    with pytest.raises(TypeError, match="unknown modules"):
        type("Wrong", (DeclaredViewSet,), {"module": "no_such_module"})
    with pytest.raises(TypeError, match="no action"):
        type("Stale", (DeclaredViewSet,), {"action_modules": {"fly": "exports"}})

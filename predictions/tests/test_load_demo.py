"""load_demo: everything a visitor needs, and the second time nothing more."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from accounts.models import Membership, User
from accounts.permissions import Role
from companies.models import Company, Statement
from organizations.models import Organization
from predictions.management.commands.load_demo import Command
from predictions.management.demo_summary import LENDING, PEOPLE, RESEARCH, demo_tenant
from predictions.management.demo_tenants import HARBOR_NUMBERS
from predictions.models import Prediction, Score
from predictions.monitoring.models import Observation, Outcome
from tenants.kernel import scope
from tenants.kernel.context import in_public, in_tenant
from tenants.models import Tenant

COMPANIES = 12
STATEMENTS = COMPANIES * (5 + 8)

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def bank(people) -> None:
    """The bank, made by the command's own first step."""
    command = Command(stdout=io.StringIO())
    command.quiet = True
    command.make_bank()


def load(*arguments: str) -> str:
    out = io.StringIO()
    call_command("load_demo", *arguments, stdout=out)
    return out.getvalue()


def load_small() -> dict[str, Any]:
    return json.loads(load("--json", "--companies", str(COMPANIES)))


def everything() -> dict[str, set[Any]]:
    """The ids of all that the command makes."""
    tenant = demo_tenant()
    assert tenant is not None
    with in_tenant(tenant), scope.every_organization(reason="test"):
        rows = {
            model.__name__: set(model.objects.values_list("id", flat=True))
            for model in (Organization, Company, Statement, Prediction, Score, Outcome, Observation)
        }
    return rows | {
        model.__name__: set(model.objects.values_list("id", flat=True)) for model in (User, Membership)
    }


def test_everything_is_there_and_stays_as_it_is(bank):
    first = load_small()
    before = everything()
    assert {name: len(before[name]) for name in ("Company", "Statement", "Prediction", "Score")} == {
        "Company": COMPANIES,
        "Statement": STATEMENTS,
        "Prediction": STATEMENTS,
        "Score": STATEMENTS,
    }
    second = load_small()
    assert everything() == before
    assert second == first
    load()
    assert everything() == before


def test_the_summary_is_one_document_with_what_a_visitor_needs(bank):
    summary = load_small()
    assert summary == json.loads(load("--json", "--summary"))
    assert summary["addresses"]["tenant_console"].startswith("http://demo.localhost:")
    figures = summary["figures"]
    assert sum(figures["risk_levels"].values()) == figures["predictions"] == STATEMENTS
    assert (
        figures["organizations"][LENDING]["companies"] == figures["organizations"][RESEARCH]["companies"] == 6
    )
    assert figures["reference"] == {"companies": 1, "statements": 13, "predictions": 13}
    pds = [row["pd"] for row in figures["worst"]]
    assert len(pds) == 5
    assert pds == sorted(pds, reverse=True)


def test_somebody_can_sign_in_for_every_role(bank):
    logins = load_small()["logins"]
    assert {login["role"] for login in logins} == set(Role)
    assert len(logins) == len(PEOPLE)
    for login in logins:
        user = authenticate(username=login["email"], password=login["password"])
        assert isinstance(user, User)
        assert user.is_super_admin == (login["role"] == Role.SUPER_ADMIN)
        if not user.is_super_admin:
            assert Membership.objects.get(user=user).role == login["role"]


def test_people_read_the_same_figures(bank):
    load_small()
    text = load("--summary")
    for part in ("Who to be", "analyst@demo.example", "6 of Corporate Lending", "Worst names"):
        assert part in text
    assert "scoring" not in text


def test_what_a_visitor_has_deleted_does_not_come_back_by_itself(bank):
    load_small()
    tenant = demo_tenant()
    assert tenant is not None
    with in_tenant(tenant), scope.every_organization(reason="test"):
        Company.objects.first().delete()
    load()
    assert len(everything()["Company"]) == COMPANIES - 1
    load_small()
    assert len(everything()["Company"]) == COMPANIES


def test_some_companies_have_failed_and_a_deleted_failure_stays_deleted(bank):
    load_small()
    tenant = demo_tenant()
    assert tenant is not None
    with in_tenant(tenant), scope.every_organization(reason="test"):
        companies = list(Outcome.objects.values_list("company_id", flat=True))
        assert len(companies) == len(set(companies)) > 0
        Outcome.objects.all().delete()
    load()
    assert not everything()["Outcome"]


def test_without_registration_there_is_no_individual(bank, settings):
    settings.ENABLE_REGISTRATION = False
    roles = {login["role"] for login in load_small()["logins"]}
    assert roles == set(Role) - {Role.INDIVIDUAL}


def test_it_is_nothing_for_production(settings):
    settings.ENVIRONMENT = "production"
    with pytest.raises(CommandError, match="production"):
        load()
    assert demo_tenant() is None


def test_bad_calls_end_in_one_sentence():
    with pytest.raises(CommandError, match="no demo yet"):
        load("--summary")
    with pytest.raises(CommandError, match="1 to 800"):
        load("--companies", "0")


def test_the_second_institution_looks_and_works_differently(bank):
    load_small()
    load_small()
    with in_public():
        rows = {
            t.slug: t for t in Tenant.objects.select_related("settings").filter(slug__in=("demo", "harbor"))
        }
    assert set(rows) == {"demo", "harbor"}
    looks = {slug: tenant.ref.brand for slug, tenant in rows.items()}
    assert looks["demo"].colour != looks["harbor"].colour
    assert all(default_storage.exists(look.logo_path) for look in looks.values())
    assert rows["harbor"].settings.modules_denied == ["bulk_scoring", "own_models"]
    assert rows["demo"].settings.modules_denied == []
    with in_tenant(rows["harbor"].ref), scope.every_organization(reason="test"):
        assert Company.objects.count() == len(HARBOR_NUMBERS)

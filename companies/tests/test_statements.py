"""Statements come in as versions: what is known already changes nothing, what differs restates."""

from decimal import Decimal

import pytest

from companies.models import Basis, Company, PeriodKind, Statement
from companies.services import StatementDraft, statements_record
from tenants.kernel.request import Actor
from tests import factories

pytestmark = pytest.mark.django_db
ACTOR = Actor(None, "test")


@pytest.fixture
def company(world):
    with world.within("alpha"):
        organization = next(iter(Company.objects.all())).organization
        yield factories.CompanyFactory(organization=organization, symbol="VERSIONED")


def record(company, **amounts):
    drafts = [
        StatementDraft(
            company_id=company.id,
            kind=PeriodKind.ANNUAL,
            fiscal_year=2023,
            fiscal_quarter=None,
            amounts={name: Decimal(value) for name, value in amounts.items()},
            source="typed",
        )
    ]
    return statements_record(drafts=drafts, organization_id=company.organization_id, actor=ACTOR)[0]


def test_the_same_twice_is_one(company):
    first = record(company, total_assets="100", total_liabilities="60")
    again = record(company, total_assets="100.0", total_liabilities="60.000")
    assert (first.outcome, again.outcome) == ("created", "unchanged")
    assert again.statement.id == first.statement.id
    assert Statement.objects.filter(company=company).count() == 1


def test_an_amendment_is_a_version_and_the_old_one_stays(company):
    first = record(company, total_assets="100")
    second = record(company, total_assets="90")
    assert second.outcome == "restated"
    rows = Statement.objects.filter(company=company).order_by("version")
    assert [(r.version, r.current, r.basis, r.total_assets) for r in rows] == [
        (1, False, Basis.REPORTED, Decimal("100")),
        (2, True, Basis.RESTATED, Decimal("90")),
    ]
    assert first.statement.id != second.statement.id


def test_a_deleted_company_is_out_of_sight_and_gives_its_symbol_away(company):
    from django.utils import timezone

    company.deleted_at = timezone.now()
    company.save()
    assert not Company.objects.filter(symbol="VERSIONED").exists()
    assert Company.all_objects.filter(symbol="VERSIONED").exists()
    factories.CompanyFactory(organization=company.organization, symbol="VERSIONED")

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


def draft(company, year=2023, confirmed=(), **amounts):
    return StatementDraft(
        company_id=company.id,
        kind=PeriodKind.ANNUAL,
        fiscal_year=year,
        fiscal_quarter=None,
        amounts={name: Decimal(value) for name, value in amounts.items()},
        source="typed",
        confirmed=frozenset(confirmed),
    )


def record_all(company, *drafts):
    return statements_record(drafts=drafts, organization_id=company.organization_id, actor=ACTOR)


def record(company, **amounts):
    return record_all(company, draft(company, **amounts))[0]


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


BOOKS = {"total_assets": "100", "total_liabilities": "60", "total_equity": "40", "net_sales": "80"}


def times(factor):
    return {name: str(Decimal(value) * factor) for name, value in BOOKS.items()}


def test_an_error_refuses_and_keeps_nothing_else_from_being_stored(company):
    found = record_all(
        company,
        draft(company, 2021, **BOOKS),
        draft(company, 2022, **{**BOOKS, "total_equity": "10"}),
        draft(company, 2023, **times(Decimal("1.1"))),
    )
    assert [r.outcome for r in found] == ["created", "refused", "created"]
    assert [f.code for f in found[1].errors] == ["balance_off"]
    assert found[1].statement is None
    assert set(Statement.objects.filter(company=company).values_list("fiscal_year", flat=True)) == {
        2021,
        2023,
    }


def test_findings_stay_with_the_statement(company):
    stored = record(company, **{**BOOKS, "total_equity": "37"}).statement
    stored.refresh_from_db()
    assert stored.quality == "warning"
    finding = next(f for f in stored.findings if f["code"] == "balance_off")
    assert (finding["code"], finding["level"]) == ("balance_off", "warning")
    assert finding["items"] == ["total_assets", "total_liabilities", "total_equity"]


def test_a_refused_year_says_nothing_about_the_next(company):
    """The slip is the year that leapt, not the one after it."""
    found = record_all(
        company,
        draft(company, 2023, **times(Decimal("1.1"))),
        draft(company, 2022, **times(1000)),
        draft(company, 2021, **BOOKS),
    )
    assert [r.outcome for r in found] == ["created", "refused", "created"]
    assert [f.code for f in found[1].errors] == ["unit_jump"]


def test_a_doubt_may_be_confirmed(company):
    record_all(company, draft(company, 2022, **BOOKS))
    leap = draft(company, 2023, **times(1000))
    assert record_all(company, leap)[0].outcome == "refused"
    sure = record_all(company, draft(company, 2023, confirmed={"unit_jump"}, **times(1000)))[0]
    assert sure.outcome == "created"
    assert [f["code"] for f in sure.statement.findings if f["confirmed"]] == ["unit_jump"]


def test_what_cannot_be_looked_at_is_refused(company):
    found = record_all(
        company,
        draft(company, goodwill="1"),
        StatementDraft(company.organization_id, PeriodKind.ANNUAL, 2023, None, {"cash": Decimal(1)}),
        StatementDraft(company.id, PeriodKind.QUARTERLY, 2023, None, {"cash": Decimal(1)}),
        draft(company, cash="NaN"),
    )
    assert [r.errors[0].code for r in found] == [
        "unknown_item", "unknown_company", "quarter_does_not_fit", "not_a_number",
    ]  # fmt: skip


def test_a_number_of_a_version_is_given_once(company):
    from django.utils import timezone

    first = record(company, **BOOKS).statement
    first.current, first.deleted_at = False, timezone.now()
    first.save()
    again = record(company, **BOOKS)
    assert (again.outcome, again.statement.version) == ("created", 2)
    assert again.statement.basis == Basis.REPORTED


def quarter(company, number, sales):
    return StatementDraft(
        company_id=company.id, kind=PeriodKind.QUARTERLY, fiscal_year=2023, fiscal_quarter=number,
        amounts={"net_sales": Decimal(sales), "total_assets": Decimal(500)}, source="typed",
    )  # fmt: skip


@pytest.mark.parametrize("first", ["year", "quarters", "together"])
def test_the_statement_that_completes_a_year_is_held_against_the_rest(company, first):
    year = draft(company, net_sales="1000", total_assets="500")
    four = [quarter(company, n, sales) for n, sales in enumerate(("200", "200", "200", "150"), start=1)]
    if first == "together":
        told = record_all(company, *four, year)
        completing = told[3]
    elif first == "year":
        record_all(company, year)
        completing = record_all(company, *four)[3]
    else:
        record_all(company, *four)
        completing = record_all(company, year)[0]
    assert completing.outcome == "created"
    assert "quarters_off" in {finding.code for finding in completing.findings}

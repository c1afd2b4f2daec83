"""What the database keeps by itself: which head stands now, and that something has changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.permissions import Role
from companies.models import Company
from organizations.models import ChangeStamp, Organization
from predictions.models import Prediction, Score
from tenants.kernel import stamps
from tenants.kernel.copying import copy_rows
from tenants.kernel.ids import uuid7
from tests.factories import CompanyFactory, PredictionFactory, ScoreFactory
from tests.fixtures import World


@pytest.fixture
def one(people: World):
    with people.within("alpha", "one"):
        yield Organization.objects.get()


def standing(company):
    rows = Prediction.objects.filter(company=company, latest=True)
    return sorted(rows.values_list("kind", "fiscal_year", "fiscal_quarter"))


def copied(company, heads):
    """Heads by COPY, as files bring them: kind, year, quarter, and whether they say that they stand."""
    now = timezone.now()
    fields = ("id", "company", "kind", "fiscal_year", "fiscal_quarter", "latest", "quarter_label")
    rows = [(uuid7(), company.id, *head, "", "LOW", now, now) for head in heads]
    copy_rows(
        Prediction,
        organization_id=company.organization_id,
        fields=(*fields, "risk_level", "created_at", "updated_at"),
        rows=rows,
    )


def test_the_newest_period_of_each_kind_stands(one):
    company = CompanyFactory(organization=one)
    make = {"organization": one, "company": company}
    newest = PredictionFactory(**make, fiscal_year=2024)
    PredictionFactory(**make, fiscal_year=2022)
    assert standing(company) == [("annual", 2024, None)]
    for quarter in (3, 1):
        PredictionFactory(**make, kind="quarterly", fiscal_year=2024, fiscal_quarter=quarter)
    assert standing(company) == [("annual", 2024, None), ("quarterly", 2024, 3)]
    newest.delete()
    assert standing(company)[0] == ("annual", 2022, None)


def test_a_head_that_moves_or_is_copied_in_takes_its_place(one):
    company, other = (CompanyFactory(organization=one) for _ in range(2))
    old = PredictionFactory(organization=one, company=company, fiscal_year=2020)
    PredictionFactory(organization=one, company=company, fiscal_year=2021)
    Prediction.objects.filter(pk=old.pk).update(fiscal_year=2023)
    assert standing(company) == [("annual", 2023, None)]
    Prediction.objects.filter(pk=old.pk).update(company=other)
    assert (standing(company), standing(other)) == ([("annual", 2021, None)], [("annual", 2023, None)])
    copied(company, [("annual", 2025, None, True), ("annual", 2019, None, True)])
    assert standing(company) == [("annual", 2025, None)]


@pytest.mark.parametrize(
    ("there", "come", "stands"),
    [
        ([], [(2024, None, True), (2023, None, False)], (2024, None)),
        ([], [(2024, None, False), (2023, None, True)], (2024, None)),
        ([], [(2024, None, False), (2023, None, False)], (2024, None)),
        ([], [(2024, 1, False), (2024, 2, True), (2024, 3, False), (2023, 4, False)], (2024, 3)),
        ([], [(2024, 1, False), (2024, 4, True), (2025, 1, False)], (2025, 1)),
        ([(2023, None)], [(2020, None, True)], (2023, None)),
        ([(2023, None)], [(2024, None, True), (2020, None, False)], (2024, None)),
    ],
)
def test_what_a_file_says_of_its_heads_is_held_against_what_is_there(one, there, come, stands):
    company = CompanyFactory(organization=one)
    kind = "annual" if stands[1] is None else "quarterly"
    for year, quarter in there:
        copied(company, [(kind, year, quarter, True)])
    copied(company, [(kind, *head) for head in come])
    assert standing(company) == [(kind, *stands)]


def test_heads_that_say_rightly_which_stands_are_not_written_again(one):
    company = CompanyFactory(organization=one)
    copied(company, [("annual", 2024, None, True), ("annual", 2023, None, False)])
    assert written_by(company) == 1
    copied(company, [("annual", 2025, None, False), ("annual", 2022, None, True)])
    assert written_by(company) > 1


def written_by(company) -> int:
    """How many commands of the transaction wrote the rows as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT cmin::text) FROM predictions_prediction WHERE company_id = %s",
            [company.id],
        )
        return cursor.fetchone()[0]


def test_a_head_that_comes_alone_is_judged_where_it_says_something_wrong(one):
    modest, gone = CompanyFactory(organization=one), CompanyFactory(organization=one)
    PredictionFactory(organization=one, company=modest, latest=False)
    assert standing(modest) == [("annual", 2024, None)]
    Company.all_objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    PredictionFactory(organization=one, company=gone)
    assert standing(gone) == []


def test_saving_a_stale_row_does_not_bring_it_back(one):
    company = CompanyFactory(organization=one)
    old = PredictionFactory(organization=one, company=company, fiscal_year=2020)
    PredictionFactory(organization=one, company=company, fiscal_year=2021)
    old.latest = True
    old.save()
    assert standing(company) == [("annual", 2021, None)]


def test_nothing_of_a_deleted_company_stands_until_it_is_restored(one):
    company = CompanyFactory(organization=one)
    PredictionFactory(organization=one, company=company)
    Company.all_objects.filter(pk=company.pk).update(deleted_at=timezone.now())
    assert standing(company) == []
    Company.all_objects.filter(pk=company.pk).update(deleted_at=None)
    assert standing(company) == [("annual", 2024, None)]


def test_a_version_is_new_after_each_write_and_old_after_none(one):
    seen = [stamps.version("companies")]
    company = CompanyFactory(organization=one)
    seen.append(stamps.version("companies"))
    Company.objects.filter(pk=company.pk).update(name="Other")
    seen.append(stamps.version("companies"))
    company.delete()
    seen.append(stamps.version("companies"))
    assert len(set(seen)) == 4
    assert stamps.version("companies") == seen[-1]
    assert stamps.version("jobs") not in seen[1:]


def test_what_is_rolled_back_leaves_no_version_and_no_figure(one):
    before = stamps.version("companies")
    count = stamps.total(Company.objects.all())
    with transaction.atomic():
        CompanyFactory(organization=one)
        within = stamps.version("companies")
        assert stamps.total(Company.objects.all()) == count + 1
        transaction.set_rollback(True)
    assert stamps.version("companies") == before
    assert stamps.total(Company.objects.all()) == count
    CompanyFactory(organization=one)
    assert stamps.version("companies") not in {before, within}


def test_drawing_stamps_together_keeps_every_version(one, monkeypatch):
    for _ in range(6):
        CompanyFactory(organization=one)
    before = stamps.version("companies")
    assert stamps.compact() > 0
    assert stamps.version("companies") == before
    assert ChangeStamp.objects.filter(topic="companies").count() == 1
    monkeypatch.setattr(stamps, "MANY", 1)
    CompanyFactory(organization=one)
    after = stamps.version("companies")
    assert ChangeStamp.objects.filter(topic="companies").count() == 1
    assert stamps.version("companies") == after != before


def test_the_past_changes_only_where_it_is_touched(one):
    head = PredictionFactory(organization=one)
    before = stamps.version(stamps.PAST)
    ScoreFactory(organization=one, prediction=head)
    Prediction.objects.filter(pk=head.pk).update(pd=0.5)
    assert stamps.version(stamps.PAST) == before
    long_ago = ScoreFactory(
        organization=one, prediction=head, created_at=timezone.now() - timedelta(days=100)
    )
    seen = [before, stamps.version(stamps.PAST)]
    Score.objects.filter(pk=long_ago.pk).delete()
    seen.append(stamps.version(stamps.PAST))
    Prediction.objects.filter(pk=head.pk).update(fiscal_year=2019)
    seen.append(stamps.version(stamps.PAST))
    Company.all_objects.filter(pk=head.company_id).update(deleted_at=timezone.now())
    seen.append(stamps.version(stamps.PAST))
    assert len(set(seen)) == len(seen)


def test_totals_of_lists_follow_the_rows_of_the_callers_reach(people: World):
    def total(role, tenant="alpha"):
        return people.client(role, tenant).get("/api/v1/companies?size=1").json()["total"]

    first = {role: total(role) for role in (Role.OWNER, Role.TENANT_ADMIN)}
    beta = total(Role.TENANT_ADMIN, "beta")
    with people.within("alpha", "two"):
        CompanyFactory(organization=Organization.objects.get())
    # Told afresh where it belongs, and nowhere else.
    assert total(Role.OWNER) == first[Role.OWNER]
    assert total(Role.TENANT_ADMIN) == first[Role.TENANT_ADMIN] + 1
    assert total(Role.TENANT_ADMIN, "beta") == beta


def test_a_page_of_nothing_asks_for_no_rows(people: World):
    client = people.client(Role.OWNER)

    def asked(address):
        assert client.get(address).json()["items"] == []  # fills what is kept
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return [query["sql"] for query in captured if 'FROM "companies_company"' in query["sql"]]

    assert asked("/api/v1/companies?country=IS") == []
    assert asked("/api/v1/companies?page=4000") == []

"""Scores hang on predictions and predictions on companies, checked in sets by the database itself."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import JSONField

from companies.models import Company
from organizations.models import Organization
from predictions.models import Prediction, Score
from tenants.kernel.ids import uuid7
from tests.factories import CompanyFactory, PredictionFactory, ScoreFactory
from tests.fixtures import World


@pytest.fixture
def one(people: World):
    with people.within("alpha", "one"):
        yield Organization.objects.get()


def refused(match: str, work):
    with pytest.raises(IntegrityError, match=match), transaction.atomic():
        work()


def test_a_score_needs_its_prediction(one):
    head = PredictionFactory(organization=one, company=CompanyFactory(organization=one))
    score = ScoreFactory(organization=one, prediction=head)
    refused("score without", lambda: Score.objects.filter(pk=score.pk).update(prediction=uuid7()))
    score.pk, score.prediction_id, score._state.adding = uuid7(), uuid7(), True
    refused("score without", lambda: score.save(force_insert=True))
    assert Score.objects.filter(prediction=head).count() == 2


def test_a_prediction_needs_its_company(one):
    head = PredictionFactory(organization=one, company=CompanyFactory(organization=one))
    refused("without its company", lambda: Prediction.objects.filter(pk=head.pk).update(company=uuid7()))
    head.pk, head.company_id, head._state.adding = uuid7(), uuid7(), True
    refused("without its company", lambda: head.save(force_insert=True))


def test_a_prediction_is_of_the_organization_of_its_company(people: World):
    with people.within("alpha"):
        mine, other = (
            Organization.objects.get(id=people.organizations["alpha", name]) for name in ("one", "two")
        )
        company = CompanyFactory(organization=other)
        refused("another organization", lambda: PredictionFactory(organization=mine, company=company))


def test_nothing_is_removed_under_what_hangs_on_it(one):
    company = CompanyFactory(organization=one)
    head = PredictionFactory(organization=one, company=company)
    heads, companies = Prediction.objects.filter(pk=head.pk), Company.objects.filter(pk=company.pk)
    refused("still has scores", lambda: heads._raw_delete("default"))
    refused("still has predictions", lambda: companies._raw_delete("default"))
    # Django takes away what hangs on it first.
    company.delete()
    assert not Prediction.objects.filter(pk=head.pk).exists()
    assert not Score.objects.filter(prediction=head.pk).exists()


def test_a_change_of_other_columns_asks_nothing(one):
    head = PredictionFactory(organization=one, company=CompanyFactory(organization=one))
    assert Prediction.objects.filter(pk=head.pk).update(pd=0.5) == 1
    assert Score.objects.filter(prediction=head).update(job=None) == 1


def test_analysing_scores_leaves_their_json_out(one):
    columns = [f.column for f in Score._meta.concrete_fields if isinstance(f, JSONField)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attstattarget = 0",
            [Score._meta.db_table],
        )
        assert sorted(name for (name,) in cursor.fetchall()) == sorted(columns)

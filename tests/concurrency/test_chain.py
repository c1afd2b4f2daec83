"""A prediction cannot go while somebody is hanging a score on it."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from organizations.models import Organization
from predictions.models import Prediction, Score
from tenants.kernel.ids import uuid7
from tests.concurrency.test_refresh import in_parallel
from tests.factories import CompanyFactory, PredictionFactory, ScoreFactory
from tests.fixtures import OwnTenant
from tests.worker import wait_until


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        # A transaction keeps what it has once seen of other connections.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query LIKE 'DELETE%predictions_prediction%'"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("first", ["the score", "the head"])
def test_a_prediction_waits_for_the_score_that_is_being_hung_on_it(own_tenant: OwnTenant, first: str):
    """Whether the score's writer locks the head, or has written it before (as files do)."""
    with own_tenant.within():
        one = Organization.objects.get()
        head = PredictionFactory(organization=one, company=CompanyFactory(organization=one))
        Score.objects.filter(prediction=head).delete()
    hung = threading.Event()

    def work(number: int) -> str:
        with own_tenant.within():
            if number == 0:
                with transaction.atomic():
                    score = uuid7()
                    if first == "the head":
                        Prediction.objects.filter(pk=head.pk).update(current=score)
                    ScoreFactory(id=score, organization=one, prediction=head)
                    hung.set()
                    wait_until(_somebody_waits, "the deletion to wait")
                return "scored"
            hung.wait(10)
            try:
                with transaction.atomic():
                    Prediction.objects.filter(pk=head.pk)._raw_delete("default")
            except IntegrityError:
                return "refused"
            return "deleted"

    assert in_parallel(2, work) == ["scored", "refused"]
    with own_tenant.within():
        assert Score.objects.get(prediction=head).prediction.pk == head.pk

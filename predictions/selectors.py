"""Reads of predictions: rows for lists, in a number of queries that does not grow with the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet

from predictions.models import Prediction, ScoringJob
from tenants.kernel import scope
from tenants.kernel.context import in_tenant
from tenants.selectors import reference_tenant


def predictions(kind: str) -> QuerySet[Any]:
    """Heads of a kind in the active scope with company and current score, newest first."""
    rows: QuerySet[Any] = Prediction.objects.filter(kind=kind).select_related("company", "current")
    return rows.order_by("-created_at", "-id")


def scores_of(job: ScoringJob) -> QuerySet[Any]:
    """A job's scores, the worst first."""
    rows: QuerySet[Any] = job.scores.select_related("prediction__company").order_by("-pd", "id")
    return rows


@contextmanager
def in_reference(*, reason: str) -> Iterator[None]:
    """The one door to the reference tenant's rows: everything must be read inside, nothing is joined."""
    with in_tenant(reference_tenant()), scope.every_organization(reason=reason):
        yield

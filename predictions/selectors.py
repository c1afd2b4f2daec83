"""Reads of predictions: rows for lists, in a number of queries that does not grow with the page."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from companies.selectors import in_reference
from predictions.models import Prediction, ScoringJob

__all__ = ["in_reference", "predictions", "scores_of"]


def predictions(kind: str) -> QuerySet[Any]:
    """Heads of a kind in the active scope with company and current score, newest first."""
    rows: QuerySet[Any] = Prediction.objects.filter(kind=kind)
    return rows.select_related("company", "current__statement").order_by("-created_at", "-id")


def scores_of(job: ScoringJob) -> QuerySet[Any]:
    """A job's scores, the worst first, without those of deleted companies (few, found by an index)."""
    hidden = Prediction.all_objects.exclude(company_deleted_at=None).values("id")
    rows: QuerySet[Any] = job.scores.exclude(prediction_id__in=hidden)
    return rows.select_related("prediction__company").order_by("-pd", "id")

"""What an institution keeps no longer than it has set: jobs with their files, superseded scores, its log."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from companies.imports.models import BUSY, OPEN, Import
from companies.imports.services import import_delete
from predictions.models import UNFINISHED, Prediction, Score, ScoringJob
from predictions.services import jobs
from tenants.kernel import audit, scope
from tenants.kernel.audit import upkeep
from tenants.kernel.context import TenantRef, in_tenant
from tenants.kernel.errors import Conflict
from tenants.kernel.request import SYSTEM

# Rows that go in one transaction.
BATCH = 2_000


def retain(tenant: TenantRef, *, now: datetime) -> int:
    """Remove what is past its time in one tenant; tells how many rows of each kind went."""
    kept = tenant.settings
    removed = 0
    with in_tenant(tenant), scope.every_organization(reason="retention"):
        if kept.job_retention_days is not None:
            removed += _jobs(now - timedelta(days=kept.job_retention_days))
            removed += _imports(now - timedelta(days=kept.job_retention_days))
        if kept.score_retention_days is not None:
            removed += _scores(now - timedelta(days=kept.score_retention_days))
        if kept.audit_retention_days is not None:
            before = now - timedelta(days=kept.audit_retention_days)
            removed += upkeep.retain(before=before, actor=SYSTEM)
        removed += _drafts(now - timedelta(days=settings.IMPORT_DRAFT_DAYS))
    return removed


def _jobs(before: datetime) -> int:
    """Ended jobs with their files and findings. Their scores stay, and say no longer from which job."""
    old = ScoringJob.objects.filter(created_at__lt=before).exclude(state__in=UNFINISHED)
    found = list(old)
    for job in found:
        jobs.job_delete(job=job, actor=SYSTEM)
    return len(found)


def _imports(before: datetime) -> int:
    """Ended imports with their files and findings. What they brought stays, and is undone no more."""
    return _without_imports(Import.objects.filter(created_at__lt=before).exclude(state__in=BUSY))


def _drafts(before: datetime) -> int:
    """Files that nobody has taken in, whatever the institution has set: they are of no use to anybody."""
    return _without_imports(Import.objects.filter(created_at__lt=before, state__in=OPEN))


def _without_imports(rows: QuerySet[Import]) -> int:
    removed = 0
    for row in list(rows):
        try:
            import_delete(row=row, actor=SYSTEM)
        except Conflict:  # started meanwhile
            continue
        removed += 1
    return removed


def _scores(before: datetime) -> int:
    """Scores that another has superseded; never the one that a prediction points to."""
    current = Prediction.objects.exclude(current=None).values("current_id")
    old = Score.objects.filter(created_at__lt=before).exclude(id__in=current)
    removed = 0
    while batch := list(old.values_list("id", flat=True)[:BATCH]):
        with transaction.atomic():
            # Once more under the condition: a score may have become the current one meanwhile.
            Score.objects.filter(id__in=batch).exclude(id__in=current).delete()
            change = {"scores": len(batch), "before": before.isoformat()}
            audit.record("predictions.scores.expired", changes=change, actor=SYSTEM)
        removed += len(batch)
    return removed

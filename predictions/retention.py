"""What an institution keeps no longer than it has set: jobs with their files, superseded scores, its log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from companies.imports.models import BUSY, OPEN, Import
from companies.imports.services import import_delete
from predictions.models import GOING, UNFINISHED, Prediction, Score, ScoringJob
from predictions.services import leaving
from tenants.kernel import audit, scope
from tenants.kernel.audit import upkeep
from tenants.kernel.context import TenantRef, current_tenant, in_tenant
from tenants.kernel.errors import Conflict
from tenants.kernel.files import remove_folder
from tenants.kernel.request import SYSTEM

# Rows that go in one transaction.
BATCH = 2_000
# Uploads that are coming in are younger than this.
STRAY_AGE = timedelta(days=1)
_IS_ID = re.compile(r"[0-9a-f-]{36}")


def retain(tenant: TenantRef, *, now: datetime) -> int:
    """Remove what is past its time in one tenant; tells how many rows of each kind went."""
    kept = tenant.settings
    removed = 0
    with in_tenant(tenant), scope.every_organization(reason="retention"):
        if kept.job_retention_days is not None:
            removed += _jobs(now - timedelta(days=kept.job_retention_days))
            removed += _imports(now - timedelta(days=kept.job_retention_days))
        removed += strays(now=now)
        if kept.score_retention_days is not None:
            removed += _scores(now - timedelta(days=kept.score_retention_days))
        if kept.audit_retention_days is not None:
            before = now - timedelta(days=kept.audit_retention_days)
            removed += upkeep.retain(before=before, actor=SYSTEM)
        removed += _drafts(now - timedelta(days=settings.IMPORT_DRAFT_DAYS))
    return removed


def _jobs(before: datetime) -> int:
    """Ended jobs with their files and findings. Their scores stay, and say no longer from which job."""
    old = ScoringJob.objects.filter(created_at__lt=before).exclude(state__in=(*UNFINISHED, *GOING))
    found = list(old)
    for job in found:
        leaving.job_delete(job=job, actor=SYSTEM)
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


def strays(*, now: datetime) -> int:
    """Remove files of uploads whose process died before their job was registered; tells of how many."""
    top = f"{current_tenant().schema_name}/jobs"
    try:
        names, _ = default_storage.listdir(top)
    except FileNotFoundError:
        return 0
    found = {UUID(name): name for name in names if _IS_ID.fullmatch(name)}
    registered = set(ScoringJob.objects.filter(id__in=found).values_list("id", flat=True))
    removed = 0
    for identifier, name in found.items():
        # A job's identifier says when its upload began (RFC 9562, version 7); one may be coming in just now.
        begun = datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)
        if identifier not in registered and begun < now - STRAY_AGE:
            remove_folder(f"{top}/{name}")
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
            Score.objects.filter(id__in=batch).exclude(id__in=current).only("id").delete()
            change = {"scores": len(batch), "before": before.isoformat()}
            audit.record("predictions.scores.expired", changes=change, actor=SYSTEM)
        removed += len(batch)
    return removed

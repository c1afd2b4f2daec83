"""What an organization may ask for: jobs that wait, rows of a day, and what may call itself urgent."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Sum
from django.utils import timezone

from predictions.models import UNFINISHED, JobPriority, ScoringJob
from tenants.kernel.errors import InvalidInput, TooMany

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# When to ask again where nobody knows when the next job ends.
SOON = 60


def check(*, organization_id: UUID, rows: int) -> None:
    """Raises TooMany (``too_many_jobs``, ``rows_spent``) where an organization may send nothing more now."""
    jobs = ScoringJob.objects.filter(organization_id=organization_id)
    most = settings.JOBS_UNFINISHED
    if most and jobs.filter(state__in=UNFINISHED).count() >= most:
        raise TooMany(
            f"{most} files are being scored or wait already; send this one when some are done.",
            code="too_many_jobs",
            retry_after=SOON,
        )
    daily = settings.JOB_ROWS_PER_DAY
    if daily and (spent := _rows(jobs, DAY)) + rows > daily:
        raise TooMany(
            f"{daily:,} rows may be uploaded in 24 hours, {max(daily - spent, 0):,} are left and the "
            f"file has {rows:,}.",
            code="rows_spent",
            retry_after=_until_free(jobs, DAY, spent + rows - daily),
        )


def priority_for(*, wanted: str, rows: int, organization_id: UUID) -> str:
    """The priority that a file gets. Who wants none gets one by size: small files are urgent.

    Raises InvalidInput (``too_large_for_urgent``) and TooMany (``urgent_spent``) where urgent is asked for
    and cannot be had.
    """
    if wanted not in {"", JobPriority.URGENT}:
        return wanted
    urgent = ScoringJob.objects.filter(organization_id=organization_id, priority=JobPriority.URGENT)
    left = settings.URGENT_ROWS_PER_HOUR - _rows(urgent, HOUR)
    if not wanted:
        small = rows <= settings.SMALL_FILE_ROWS and rows <= left
        return JobPriority.URGENT if small else JobPriority.NORMAL
    if rows > settings.URGENT_MAX_ROWS:
        raise InvalidInput(
            f"Only files of up to {settings.URGENT_MAX_ROWS:,} rows can be urgent; this one has {rows:,}.",
            code="too_large_for_urgent",
        )
    if rows > left:
        raise TooMany(
            f"{settings.URGENT_ROWS_PER_HOUR:,} rows may be urgent in an hour, {max(left, 0):,} are left; "
            "without a priority the file is scored in its turn.",
            code="urgent_spent",
            retry_after=_until_free(urgent, HOUR, rows - left),
        )
    return JobPriority.URGENT


def _rows(jobs: models.QuerySet[ScoringJob], span: timedelta) -> int:
    since = timezone.now() - span
    return jobs.filter(created_at__gt=since).aggregate(rows=Sum("total_rows"))["rows"] or 0


def _until_free(jobs: models.QuerySet[ScoringJob], span: timedelta, rows: int) -> int:
    """Seconds until so many rows have left the span; the whole span where they never do."""
    now = timezone.now()
    spent = (
        jobs.filter(created_at__gt=now - span).order_by("created_at").values_list("created_at", "total_rows")
    )
    freed_at: datetime = now + span
    for created_at, count in spent:
        rows -= count
        if rows <= 0:
            freed_at = created_at + span
            break
    return max(1, ceil((freed_at - now).total_seconds()))

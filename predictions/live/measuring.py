"""How far a job is, how fast it goes, and when it will be done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from predictions.models import GOING, UNFINISHED, JobState, ScoringJob

# The recent rate is that of so long a time: short enough to notice a stall, long enough for several chunks.
WINDOW = timedelta(seconds=30)
# Before so many rows or seconds no forecast is better than a wrong one.
FEWEST_CHUNKS = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of a job's speed. Rates in rows a second; None where nothing can be said."""

    overall: float | None
    recent: float | None
    seconds_left: int | None
    chunks_done: int
    chunks: int


def pace_of(job: ScoringJob, *, now: datetime | None = None) -> Pace:
    """The job's speed, by when its chunks were done.

    ``overall`` is all rows over all the time; ``recent`` the rows of the last WINDOW (or since the start,
    while that is shorter). What is left is divided by the recent rate: after a stall it falls, and the time
    left grows, as it must. Without a recent row there is no time left to tell.
    """
    now = now or timezone.now()
    if job.started_at is None:
        return Pace(None, None, None, 0, 0)
    done = Q(done_at__isnull=False)
    late = done & Q(done_at__gt=now - WINDOW)
    found = job.chunks.order_by().aggregate(
        chunks=Count("id"),
        done=Count("id", filter=done),
        late=Count("id", filter=late),
        scored=Sum("scored_rows", filter=late),
        refused=Sum("refused_rows", filter=late),
        last=Max("done_at"),
    )
    ended = job.state not in UNFINISHED
    spent = ((job.completed_at if ended and job.completed_at else now) - job.started_at).total_seconds()
    rows = job.processed_rows
    overall = rows / spent if rows and spent > 0 else None
    if ended:
        return Pace(overall, None, None, found["done"], found["chunks"])
    window = min(WINDOW.total_seconds(), max(spent, 0.001))
    fresh = (found["scored"] or 0) + (found["refused"] or 0)
    recent = fresh / window if fresh else None
    left = job.total_rows - rows
    known = recent is not None and (found["done"] >= FEWEST_CHUNKS or left <= 0)
    seconds_left = max(0, round(left / recent)) if recent is not None and known else None
    return Pace(overall, recent, seconds_left, found["done"], found["chunks"])


def phase_of(job: ScoringJob) -> str:
    """Where a job stands, in one word: waiting, reading, scoring, or how it ended."""
    if job.state not in UNFINISHED:
        return str(job.state)
    if job.planned_at is not None:
        return "scoring"
    return "waiting" if job.state == JobState.PENDING else "reading"


def progress_of(job: ScoringJob, *, now: datetime | None = None) -> dict[str, Any]:
    """Everything that changes while a job runs: for polling and for the stream alike."""
    pace = pace_of(job, now=now)
    return {
        "job_id": str(job.id),
        "organization_id": str(job.organization_id),
        "file": job.original_filename,
        "state": job.state,
        "phase": phase_of(job),
        "running": job.state in (*UNFINISHED, *GOING),
        "rows": job.total_rows,
        "rows_done": job.processed_rows,
        "rows_scored": job.scored_rows,
        "rows_refused": job.refused_rows,
        "warnings": job.warning_count,
        "percent": job.progress,
        "chunks": pace.chunks,
        "chunks_done": pace.chunks_done,
        "rows_per_second": _rounded(pace.overall),
        "recent_rows_per_second": _rounded(pace.recent),
        "seconds": None if job.seconds is None else round(job.seconds, 1),
        "seconds_left": pace.seconds_left,
        "by_risk_level": job.level_counts,
        "refused_by_reason": job.refused_counts,
        "error_message": job.error_message or None,
    }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


# What stays the same between two looks at a job on which nothing has happened.
_STANDING = (
    "state",
    "phase",
    "rows",
    "rows_done",
    "rows_refused",
    "warnings",
    "chunks_done",
    "error_message",
)
TAG_SECONDS = 10


def tag_of(progress: dict[str, Any], *, now: datetime | None = None) -> str:
    """An ETag: the same while no row was added. A running job's changes every TAG_SECONDS all the same, so
    that a stall is seen in its rate."""
    parts: Iterable[Any] = (progress[name] for name in _STANDING)
    beat = int((now or timezone.now()).timestamp() // TAG_SECONDS) if progress["running"] else "-"
    words = "|".join(str(part) for part in (*parts, beat))
    return f'"{hashlib.sha256(words.encode()).hexdigest()[:24]}"'

"""What has changed between two runs of a portfolio, company by company, in one pass over both.

Of each company the latest period counts that its file named. A change is large when the PD moved by more
than LARGE of what it was, and by at least LEAST in itself: below that it is rounding, not risk.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from predictions.models import JobState, RiskLevel, Score, ScoringJob

LARGE = 0.05
LEAST = 0.0005
# Changes that a report names.
NAMED = 100
_FIELDS = (
    "prediction__company_id",
    "prediction__company__symbol",
    "prediction__company__name",
    "prediction__company__sector",
    "prediction__fiscal_year",
    "prediction__fiscal_quarter",
    "prediction_id",
    "pd",
    "risk_level",
)
_RANK = {level: number for number, level in enumerate(RiskLevel.values)}


@dataclass(frozen=True, slots=True)
class Standing:
    """A company's latest score in a job."""

    company_id: UUID
    symbol: str
    name: str
    sector: str
    year: int
    quarter: int | None
    prediction_id: UUID
    pd: float
    level: str


@dataclass(slots=True)
class Comparison:
    """Two runs beside each other. PDs are shares, not percent."""

    previous: ScoringJob
    both: int = 0
    entered: int = 0
    left: int = 0
    higher: int = 0
    lower: int = 0
    upgraded: int = 0
    downgraded: int = 0
    large: int = 0
    sum_before: float = 0.0
    sum_now: float = 0.0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: list[dict[str, Any]] = field(default_factory=list)


def previous_run(job: ScoringJob) -> ScoringJob | None:
    """The last completed job of the same portfolio before this one: the same file name, kind and place."""
    earlier = ScoringJob.objects.filter(
        organization_id=job.organization_id,
        kind=job.kind,
        original_filename=job.original_filename,
        state=JobState.COMPLETED,
        created_at__lt=job.created_at,
        scored_rows__gt=0,
    )
    found: ScoringJob | None = earlier.exclude(id=job.id).order_by("-created_at", "-id").first()
    return found


def compare(job: ScoringJob, previous: ScoringJob) -> Comparison:
    """What has changed from one run to the other; the largest changes by name, deteriorations first."""
    found = Comparison(previous)
    kept: list[tuple[float, int, dict[str, Any]]] = []
    for number, (before, now) in enumerate(_beside(previous, job)):
        if before is None:
            found.entered += 1
        elif now is None:
            found.left += 1
        else:
            _count(found, before, now)
            change = now.pd - before.pd
            if abs(change) >= LEAST and abs(change) > LARGE * before.pd:
                found.large += 1
                entry = (abs(change), number, _told(before, now))
                (heapq.heappush if len(kept) < NAMED else heapq.heappushpop)(kept, entry)
    changes = [entry for _, _, entry in kept]
    found.changes = sorted(changes, key=lambda c: (c["change"] < 0, -abs(c["change"]), c["company_symbol"]))
    return found


def _count(found: Comparison, before: Standing, now: Standing) -> None:
    found.both += 1
    found.sum_before += before.pd
    found.sum_now += now.pd
    found.higher += now.pd > before.pd
    found.lower += now.pd < before.pd
    if before.level != now.level:
        found.moves[before.level, now.level] += 1
        worse = _RANK[now.level] > _RANK[before.level]
        found.downgraded += worse
        found.upgraded += not worse


def _told(before: Standing, now: Standing) -> dict[str, Any]:
    return {
        "company_id": str(now.company_id),
        "company_symbol": now.symbol,
        "company_name": now.name,
        "sector": now.sector or None,
        "prediction_id": str(now.prediction_id),
        "before": before.pd,
        "now": now.pd,
        "change": now.pd - before.pd,
        "relative": (now.pd - before.pd) / before.pd if before.pd else None,
        "level_before": before.level,
        "level_now": now.level,
    }


def _latest(job: ScoringJob) -> Iterator[Standing]:
    """The latest score of each company of a job, in the order of companies, one at a time."""
    order = ("prediction__company_id", "-prediction__fiscal_year", "-prediction__fiscal_quarter", "-id")
    rows = Score.objects.filter(job=job).order_by(*order).distinct("prediction__company_id")
    for values in rows.values_list(*_FIELDS).iterator(chunk_size=5_000):
        yield Standing(*values)


def _beside(previous: ScoringJob, job: ScoringJob) -> Iterator[tuple[Standing | None, Standing | None]]:
    """Both runs merged by company: each company once, with None on the side where it is missing."""
    old, new = _latest(previous), _latest(job)
    before, now = next(old, None), next(new, None)
    while before is not None or now is not None:
        if now is None or (before is not None and before.company_id < now.company_id):
            yield before, None
            before = next(old, None)
        elif before is None or now.company_id < before.company_id:
            yield None, now
            now = next(new, None)
        else:
            yield before, now
            before, now = next(old, None), next(new, None)

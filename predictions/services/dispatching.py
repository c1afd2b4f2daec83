"""Who is served next: the chunks of a tenant's jobs go into the queue a few at a time, in turn.

Every tenant that has work holds the same number of places in the queue, and the queue is served in order: so
all of them go on alike, whoever has brought how many files. Within a tenant the more urgent job goes first,
then the organization and the job that hold the fewest places, then those that have waited the longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from predictions.models import JobPriority, JobState, ScoringJob
from tenants.kernel import pieces, scope
from tenants.kernel.context import current_tenant, in_public
from tenants.kernel.jobs import enqueue
from tenants.kernel.locks import hold_alone
from tenants.models import JobTicket, TenantState
from tenants.selectors import organization_ids

# Celery's priority of a job's messages: 0 goes first. Everything else on the platform goes at 5.
URGENCY = {JobPriority.URGENT: 1, JobPriority.NORMAL: 5, JobPriority.LOW: 8}
_RANK = {JobPriority.URGENT: 0, JobPriority.NORMAL: 1, JobPriority.LOW: 2}
# A tenant whose jobs were not heard of for so long holds no places.
_ALIVE = timedelta(minutes=2)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def urgency(priority: str, *, passed_over: bool = False) -> int:
    """Celery's priority for a job's messages. One that others have always passed over goes like any other."""
    if passed_over and priority == JobPriority.LOW:
        priority = JobPriority.NORMAL
    return URGENCY[JobPriority(priority)]


@dataclass
class _Candidate:
    """A job that has chunks to hand out."""

    job: ScoringJob
    waiting: int
    under_way: int
    served_at: datetime
    chosen: int = 0

    @property
    def held(self) -> int:
        """Places in the queue, those just given included."""
        return self.under_way + self.chosen

    @property
    def urgent(self) -> bool:
        return self.job.priority == JobPriority.URGENT

    @property
    def may_have_more(self) -> bool:
        return self.chosen < self.waiting and self.held < settings.CHUNKS_PER_JOB


@transaction.atomic
def dispatch(*, passed_over: UUID | None = None) -> None:
    """Hand out the next chunks of the current tenant's jobs. Safe to call at any time.

    ``passed_over`` names a job that was silent for long: its chunks wait no longer behind everybody else's.
    """
    tenant = current_tenant()
    # Two who hand out at a time would give the same places twice. Nobody waits for a row with this lock held.
    hold_alone(tenant.id)
    active = organization_ids(tenant.id, {"active"})
    with scope.every_organization(reason="the chunks of a tenant in turn"):
        for candidate in _share_out(_candidates(active), share=share_of_tenant()):
            _send(candidate, passed_over=candidate.job.id == passed_over)


def share_of_tenant() -> int:
    """Places in the queue of each tenant that has work: all of them divided alike, one at the least."""
    with in_public():
        working = JobTicket.objects.filter(
            state=JobState.PROCESSING,
            tenant__state=TenantState.ACTIVE,
            heartbeat__gt=timezone.now() - _ALIVE,
        )
        tenants = working.order_by().values("tenant").distinct().count()
    return max(1, settings.CHUNKS_IN_FLIGHT // max(1, tenants))


def _candidates(active: frozenset[UUID]) -> list[_Candidate]:
    open_ = Q(chunks__done_at=None)
    running = ScoringJob.objects.filter(state=JobState.PROCESSING)
    jobs = running.exclude(planned_at=None).annotate(
        under_way=Count("chunks", filter=open_ & pieces.sent_lately(timezone.now(), "chunks__")),
        left=Count("chunks", filter=open_),
        served_at=Max("chunks__sent_at"),
    )
    found: list[Any] = list(jobs.order_by("created_at", "id"))
    return [
        _Candidate(job, job.left - job.under_way, job.under_way, job.served_at or _NEVER)
        for job in found
        if job.organization_id in active
    ]


def _share_out(candidates: list[_Candidate], *, share: int) -> list[_Candidate]:
    """Give each free place to whose turn it is; urgent jobs, which are small, take none of the share.

    Gives those who got one in the order of their turns: who is sent last waits the longest next time.
    """
    turns: list[_Candidate] = []
    held_by: dict[UUID, int] = {}
    served_at: dict[UUID, datetime] = {}
    for candidate in candidates:
        if candidate.urgent:
            candidate.chosen = max(0, min(candidate.waiting, settings.CHUNKS_PER_JOB - candidate.under_way))
            turns += [candidate] if candidate.chosen else []
        else:
            place = candidate.job.organization_id
            held_by[place] = held_by.get(place, 0) + candidate.under_way
            served_at[place] = max(served_at.get(place, _NEVER), candidate.served_at)

    def turn_of(c: _Candidate) -> tuple[Any, ...]:
        place = c.job.organization_id
        return (_RANK[JobPriority(c.job.priority)], held_by[place], served_at[place], c.held, c.served_at)

    while sum(held_by.values()) < share:
        free = [
            c
            for c in candidates
            if not c.urgent
            and c.may_have_more
            and held_by[c.job.organization_id] < settings.CHUNKS_PER_ORGANIZATION
        ]
        if not free:
            break
        # The list is in the order of arrival, and min() takes the first of equals.
        turn = min(free, key=turn_of)
        turn.chosen += 1
        held_by[turn.job.organization_id] += 1
        turns += [turn] if turn.chosen == 1 else []
    return turns


def _send(candidate: _Candidate, *, passed_over: bool) -> None:
    job = candidate.job
    chunks = pieces.hand_out(job.chunks.all(), window=candidate.held)
    # The work on a chunk sees its own organization, as if its owner had sent it.
    with scope.organizations({job.organization_id}, reason="a chunk of a job"):
        for chunk_id in chunks:
            enqueue(
                "predictions.score_chunk",
                actor=job.owner,
                queue="score",
                priority=urgency(job.priority, passed_over=passed_over),
                robust=True,
                chunk_id=str(chunk_id),
            )

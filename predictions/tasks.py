"""Tasks: fetch, call one service, own the retry."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from django.utils import timezone
from redis.exceptions import RedisError

from predictions import retention, shadowing, usage
from predictions.models import GOING, UNFINISHED, PredictionKind, ScoringJob
from predictions.registry.selectors import in_use
from predictions.services import chunks, cutting, jobs, leaving, shadow, statements
from tenants import selectors
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, current_tenant, in_public, in_tenant
from tenants.kernel.errors import StorageFull, Unavailable
from tenants.kernel.jobs import PlatformTask, TenantTask, each_tenant, enqueue
from tenants.kernel.request import SYSTEM
from tenants.models import JobTicket, Tenant, TenantState

logger = logging.getLogger(__name__)


@shared_task(bind=True, base=TenantTask, name="predictions.plan_job", max_retries=3)
def plan_job(self: Any, *, job_id: str) -> None:
    """Cut a job's file into chunks and hand out the first ones."""
    try:
        cutting.job_plan(job_id=UUID(job_id), actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            message = "The file could not be read because of a fault on our side."
            if isinstance(error, StorageFull):
                message = "There is no room to store the parts of the file. Upload it again later."
            jobs.job_fail(job_id=UUID(job_id), message=message, actor=self.actor)
            raise
        raise self.again(error) from error


@shared_task(
    bind=True,
    base=TenantTask,
    name="predictions.score_chunk",
    max_retries=3,
    soft_time_limit=settings.CHUNK_MAX_SECONDS,
    time_limit=settings.CHUNK_MAX_SECONDS + 30,
)
def score_chunk(self: Any, *, chunk_id: str) -> None:
    """Score one chunk, then bring its job forward."""
    try:
        job_id = chunks.chunk_score(chunk_id=UUID(chunk_id))
    except Unavailable as error:
        # Nothing is wrong with the rows: the job ends with a sentence, not with a thousand faulty rows.
        chunks.chunk_fail(chunk_id=UUID(chunk_id), message=error.detail, actor=self.actor)
        return
    except (OperationalError, InterfaceError, RedisError, OSError) as error:
        # A server that is away, not a row. When it stays away the sweep hands the chunk out again.
        with suppress(OperationalError, InterfaceError):
            chunks.chunk_forgive(chunk_id=UUID(chunk_id))
        if self.last_attempt:
            raise
        raise self.again(error) from error
    except Exception as error:
        # Once more, in case it was no fault of the rows; then in halves.
        if self.request.retries == 0 and chunks.is_whole(chunk_id=UUID(chunk_id)):
            raise self.again(error) from error
        logger.exception("a chunk fails and is split", extra={"chunk": chunk_id})
        job_id = chunks.chunk_failed(chunk_id=UUID(chunk_id))
    if job_id is not None:
        jobs.job_advance(job_id=job_id, actor=self.actor)


@shared_task(bind=True, base=TenantTask, name="predictions.take_away", max_retries=5)
def take_away(self: Any, *, job_id: str) -> None:
    """Go on with undoing or deleting a job, for some seconds; what is left is sent once more."""
    try:
        leaving.job_take_away(job_id=UUID(job_id), actor=self.actor)
    except Exception as error:
        if self.last_attempt:
            raise  # the sweep sends it again
        raise self.again(error) from error


@shared_task(bind=True, base=TenantTask, name="predictions.advance_job")
def advance_job(self: Any, *, job_id: str) -> None:
    """Look after one job that has not been heard of: hand its lost chunks out again, or close it."""
    job = ScoringJob.objects.filter(id=job_id).first()
    # The sweep sees every organization; from here on the work sees its own, and none that is not active.
    if job is None or job.organization_id not in selectors.organization_ids(current_tenant().id, {"active"}):
        return
    with scope.organizations({job.organization_id}, reason="a job that was silent"):
        jobs.job_advance(job_id=job.id, swept=True, actor=self.actor)


@shared_task(base=PlatformTask, name="predictions.sweep_jobs")
def sweep_jobs() -> int:
    """Find unfinished jobs that have been silent for too long and have each looked after."""
    now, span = timezone.now(), timedelta(seconds=settings.CHUNK_STALE_SECONDS)
    with in_public():
        tickets = JobTicket.objects.filter(
            # Heard of in the future: somebody has set the clock back since.
            Q(heartbeat__lt=now - span) | Q(heartbeat__gt=now + span),
            kind__in=PredictionKind.values,
            state__in=(*UNFINISHED, *GOING),
        )
        found = list(
            tickets.filter(tenant__state=TenantState.ACTIVE).values_list("id", "tenant__schema_name")
        )
        tickets.update(heartbeat=timezone.now())
    for job_id, schema in found:
        with in_tenant(selectors.tenant_by_schema(schema)), scope.every_organization(reason="sweep of jobs"):
            enqueue("predictions.advance_job", actor=SYSTEM, queue="default", job_id=str(job_id))
    return len(found)


@shared_task(base=PlatformTask, name="predictions.count_usage", ignore_result=False)
def count_usage() -> int:
    """Count afresh what each tenant holds, for the platform's figures; tells for how many it could."""
    with in_public():
        tenants = Tenant.objects.filter(state=TenantState.ACTIVE).refs()
    return sum(each_tenant(tenants, usage.count))


@shared_task(bind=True, base=TenantTask, name="predictions.score_shadow", max_retries=2)
def score_shadow(self: Any, *, first: str, last: str) -> None:
    """Let the challenger score what the champion has just stored."""
    try:
        shadow.scores_shadow(first=UUID(first), last=UUID(last))
    except Unavailable:
        # The challenger's files are the operator's matter, who finds the log; nobody waits for its scores.
        return
    except Exception as error:
        if self.last_attempt:
            raise
        raise self.again(error) from error


@shared_task(bind=True, base=TenantTask, name="predictions.score_companies", max_retries=5)
def score_companies(self: Any, *, organization_id: str, company_ids: str) -> None:
    """Bring the scores of companies (ids with commas between) up to date with their books."""
    try:
        statements.companies_score(
            company_ids=[UUID(part) for part in company_ids.split(",")],
            organization_id=UUID(organization_id),
            actor=self.actor,
        )
    except Exception as error:
        if self.last_attempt:
            raise
        raise self.again(error) from error


@shared_task(base=PlatformTask, name="predictions.catch_up_scores", ignore_result=False)
def catch_up_scores() -> int:
    """Have every tenant's statements scored that bear no score yet; tells for how many companies."""

    def catch_up(tenant: TenantRef) -> int:
        with in_tenant(tenant), scope.every_organization(reason="scores that are missing"):
            return statements.scores_catch_up(actor=SYSTEM)

    return sum(each_tenant(_active_tenants(), catch_up))


@shared_task(base=PlatformTask, name="predictions.compare_challenger", ignore_result=False)
def compare_challenger() -> int:
    """Count afresh how challenger and champion agree in each tenant; tells in how many."""
    used = in_use()
    if used.champion is None or used.challenger is None:
        return 0
    pair = (used.champion, used.challenger)
    return sum(each_tenant(_active_tenants(), lambda tenant: shadowing.count(tenant, *pair)))


@shared_task(base=PlatformTask, name="predictions.purge_shadows", ignore_result=False)
def purge_shadows() -> int:
    """Drop shadow scores past their retention; tells how many."""
    return sum(each_tenant(_active_tenants(), shadowing.purge))


def _active_tenants() -> list[TenantRef]:
    with in_public():
        return [tenant.ref for tenant in Tenant.objects.filter(state=TenantState.ACTIVE)]


@shared_task(base=PlatformTask, name="predictions.retain", ignore_result=False)
def retain() -> int:
    """Remove in every tenant what is past the time that its settings give; tells how many rows went."""
    now = timezone.now()
    with in_public():
        tenants = Tenant.objects.exclude(state=TenantState.CLOSING).refs()
    return sum(each_tenant(tenants, partial(retention.retain, now=now)))

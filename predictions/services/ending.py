"""What follows when a job has ended: its owner, and those who asked for it, are told."""

from __future__ import annotations

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from organizations.notices.services import notify
from predictions import wording
from predictions.models import JobState, ScoringJob
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor


def job_ended(*, job: ScoringJob, actor: Actor) -> None:
    """Tell the job's owner how it ended. In the transaction that ends it, so it is told once.

    Whoever has ended it himself needs no letter about it.
    """
    # Of a run by the clock its subscribers are told, once the two runs have been compared.
    run = job.scheduled_runs.first()
    if run is not None:
        enqueue("schedules.tell_run", actor=actor, queue="default", run_id=str(run.id))
        return
    owner = job.created_by_id
    if owner is None or (job.state == JobState.CANCELLED and actor.user_id == owner):
        return
    notify(
        user_ids=[owner],
        kind="job_finished",
        title=title_of(job),
        text=text_of(job),
        link=page_of(job),
        organization_id=job.organization_id,
        actor=actor,
    )


def title_of(job: ScoringJob) -> str:
    """How it ended, in a line."""
    words = {
        JobState.COMPLETED: "is scored",
        JobState.FAILED: "could not be scored",
        JobState.CANCELLED: "was cancelled",
    }
    return f"{job.original_filename} {words[JobState(job.state)]}"


def text_of(job: ScoringJob) -> str:
    """What came of it, in a few lines."""
    if job.state == JobState.FAILED:
        return job.error_message
    lines = [f"{job.scored_rows:,} of {job.total_rows:,} rows are scored, {job.refused_rows:,} refused."]
    if levels := [f"{wording.level(k)}: {n:,}" for k, n in job.level_counts.items() if n]:
        lines.append(f"By risk level: {', '.join(levels)}.")
    if job.seconds:
        lines.append(f"It took {wording.duration(job.seconds)}.")
    return "\n".join(lines)


def page_of(job: ScoringJob) -> str:
    """The job's page on the institution's console."""
    try:
        page = "admin:predictions_scoringjob_change"
        path: str = reverse(page, args=[job.pk], urlconf=settings.ROOT_URLCONF)
    except NoReverseMatch:
        return ""
    return path

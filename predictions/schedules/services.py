"""Writes of schedules and their runs."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.permissions import Role, extent
from accounts.selectors import standing_of
from companies.models import Company
from organizations.notices.services import notify
from predictions.models import UNFINISHED, JobPriority, JobState
from predictions.reports.comparing import compare, previous_run
from predictions.schedules.clock import next_due
from predictions.schedules.models import Run, Schedule, Source
from predictions.schedules.sheets import input_of
from predictions.services.ending import page_of, text_of, title_of
from predictions.services.jobs import job_create
from tenants import modules
from tenants.kernel import audit
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict, DomainError, InvalidInput
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

FIELDS = (
    "name", "kind", "source", "file_name", "symbols", "frequency", "at", "weekday", "day", "time_zone",
    "subscribers",
)  # fmt: skip
MOST_SYMBOLS = 5_000
MOST_SUBSCRIBERS = 50
# Changes that a notice names; the report has the others.
NAMED = 5


@transaction.atomic
def schedule_create(*, organization_id: UUID, data: dict[str, Any], now: datetime, actor: Actor) -> Schedule:
    """Save a portfolio with its clock. Without ``subscribers`` its maker is told. Raises InvalidInput."""
    schedule = Schedule(
        organization_id=organization_id,
        created_by_id=actor.user_id,
        created_by_label=actor.label,
        **{name: data[name] for name in FIELDS if name in data},
    )
    if "subscribers" not in data and actor.user_id is not None:
        schedule.subscribers = [str(actor.user_id)]
    _check(schedule)
    schedule.next_run_at = next_due(schedule.rule, now)
    schedule.save(force_insert=True)
    audit.record("predictions.schedule.created", on=schedule, changes=_shown(schedule), actor=actor)
    return schedule


@transaction.atomic
def schedule_update(*, schedule: Schedule, data: dict[str, Any], now: datetime, actor: Actor) -> Schedule:
    """Change what is given; the next run is counted anew. Raises InvalidInput."""
    locked: Schedule = Schedule.objects.select_for_update(of=("self",)).get(id=schedule.id)
    before = _shown(locked)
    for name in FIELDS:
        if name in data:
            setattr(locked, name, data[name])
    _check(locked)
    locked.next_run_at = next_due(locked.rule, now)
    locked.save()
    after = _shown(locked)
    changes = {name: [before[name], value] for name, value in after.items() if before[name] != value}
    if changes:
        audit.record("predictions.schedule.updated", on=locked, changes=changes, actor=actor)
    return locked


@transaction.atomic
def schedule_pause(*, schedule: Schedule, paused: bool, now: datetime, actor: Actor) -> Schedule:
    """Stop the clock, or let it go on: what was due meanwhile is not made up for."""
    locked: Schedule = Schedule.objects.select_for_update(of=("self",)).get(id=schedule.id)
    if paused == (locked.paused_at is not None):
        return locked
    locked.paused_at = now if paused else None
    locked.next_run_at = None if paused else next_due(locked.rule, now)
    locked.save(update_fields=["paused_at", "next_run_at"])
    action = "predictions.schedule.paused" if paused else "predictions.schedule.resumed"
    audit.record(action, on=locked, actor=actor)
    return locked


@transaction.atomic
def schedule_delete(*, schedule: Schedule, actor: Actor) -> None:
    """Remove a saved portfolio with the list of its runs; their jobs and scores stay."""
    audit.record("predictions.schedule.deleted", on=schedule, changes=_shown(schedule), actor=actor)
    schedule.delete()


def _shown(schedule: Schedule) -> dict[str, Any]:
    return {name: str(v) if name == "at" else v for name in FIELDS for v in [getattr(schedule, name)]}


def _check(schedule: Schedule) -> None:
    faults: list[dict[str, str]] = []

    def fault(pointer: str, code: str, detail: str) -> None:
        faults.append({"pointer": pointer, "code": code, "detail": detail})

    schedule.name = " ".join(schedule.name.split())
    others = Schedule.objects.filter(organization_id=schedule.organization_id, name=schedule.name)
    if not schedule.name:
        fault("/name", "blank", "A name is needed.")
    elif others.exclude(id=schedule.id).exists():
        fault("/name", "unique", "There is a portfolio of this name already.")
    if schedule.time_zone not in zoneinfo.available_timezones():
        fault("/time_zone", "invalid", "There is no such time zone in the IANA database.")
    if schedule.source == Source.FILE:
        schedule.symbols = []
        if not schedule.file_name:
            fault("/file_name", "required", "Name the uploaded file that is scored again.")
    else:
        schedule.file_name = ""
        schedule.symbols = sorted({str(s).strip().upper() for s in schedule.symbols if str(s).strip()})
        _check_symbols(schedule, fault)
    told = schedule.subscribers
    if len(told) > MOST_SUBSCRIBERS:
        fault("/subscribers", "too_many", f"At most {MOST_SUBSCRIBERS} people are told.")
    place = {"tenant_id": current_tenant().id, "organization_id": schedule.organization_id}
    schedule.subscribers = sorted({str(UUID(str(u))) for u in told[:MOST_SUBSCRIBERS]})
    strangers = [u for u in schedule.subscribers if standing_of(UUID(u), **place) is None]
    if strangers:
        fault("/subscribers", "not_a_member", "Only members of the organization are told.")
    if faults:
        raise InvalidInput(errors=faults)


def _check_symbols(schedule: Schedule, fault: Any) -> None:
    if not schedule.symbols or len(schedule.symbols) > MOST_SYMBOLS:
        fault("/symbols", "count", f"Name from 1 to {MOST_SYMBOLS:,} companies.")
        return
    known = Company.objects.filter(
        organization_id=schedule.organization_id, symbol__in=schedule.symbols
    ).values_list("symbol", flat=True)
    if unknown := sorted(set(schedule.symbols) - set(known)):
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        fault("/symbols", "unknown_company", f"Not among your companies: {', '.join(unknown[:5])}{more}.")


# -- runs ------------------------------------------------------------------------------------------------


@transaction.atomic
def due_hand_out(*, now: datetime, actor: Actor) -> int:
    """Start what is due in the scope's organizations; tells how many. A due time is started once.

    After a stop of the platform each schedule runs once, however many times it was due.
    """
    rows = Schedule.objects.select_for_update(of=("self",), skip_locked=True)
    due = list(rows.filter(paused_at=None, next_run_at__lte=now).order_by("next_run_at")[:500])
    for schedule in due:
        begun = schedule.next_run_at
        schedule.next_run_at = next_due(schedule.rule, now)
        schedule.save(update_fields=["next_run_at"])
        due_at = begun.isoformat() if begun else now.isoformat()
        enqueue("schedules.run", actor=actor, queue="io", schedule_id=str(schedule.id), due_at=due_at)
    return len(due)


def run_begin(*, schedule: Schedule, due_at: datetime, actor: Actor) -> Run:
    """Score a portfolio once for a due time; a second call for the same time gives the same run.

    The job is its maker's, as if he had uploaded the file. What cannot be scored is a run with a reason, and
    its subscribers are told.
    """
    with transaction.atomic():
        locked: Schedule = Schedule.objects.select_for_update(of=("self",)).get(id=schedule.id)
        there: Run | None = Run.objects.filter(schedule=locked, due_at=due_at).first()
        if there is not None:
            return there
        run = Run(
            organization_id=locked.organization_id, schedule=locked, due_at=due_at, begun_by_id=actor.user_id
        )
        try:
            with transaction.atomic():
                run.job = _job(locked)
        except DomainError as refusal:
            run.refusal = refusal.detail[:200]
        run.save(force_insert=True)
        changes = {"due_at": due_at.isoformat(), "refusal": run.refusal}
        audit.record("predictions.schedule.run", on=locked, changes=changes, actor=actor)
        if run.refusal:
            _tell(run, f"{locked.name} could not be scored", run.refusal, "", actor)
        return run


def _job(schedule: Schedule) -> Any:
    """The run's job, by the rights that its maker has now."""
    modules.require("bulk_scoring")
    organization_id = schedule.organization_id
    role = standing_of(schedule.created_by_id, tenant_id=current_tenant().id, organization_id=organization_id)
    if role is None or extent(role, "schedules.create") is None:
        raise Conflict("Whoever saved this portfolio may no longer score files here.", code="no_owner")
    own = role not in (Role.SUPER_ADMIN, Role.TENANT_ADMIN) and extent(role, "predictions.change") == "own"
    return job_create(
        kind=schedule.kind,
        organization_id=organization_id,
        only_own=own,
        # Nobody waits for a run by the clock.
        priority=JobPriority.LOW,
        actor=Actor(schedule.created_by_id, schedule.created_by_label),
        **input_of(schedule),
    )


def run_now(*, schedule: Schedule, now: datetime, actor: Actor) -> Run:
    """Score a portfolio at once, beside its clock. Raises Conflict while its last run is going on."""
    last: Run | None = schedule.runs.select_related("job").first()
    if last is not None and last.job is not None and last.job.state in UNFINISHED:
        raise Conflict("The last run is still going on.", code="run_going_on")
    return run_begin(schedule=schedule, due_at=now, actor=actor)


@transaction.atomic
def run_tell(*, run_id: UUID, actor: Actor) -> None:
    """Tell a run's subscribers what came of it, the large changes first. Told once."""
    run: Run | None = Run.objects.select_for_update(of=("self",)).filter(id=run_id, told_at=None).first()
    if run is None or run.job is None or run.job.state in UNFINISHED:
        return
    job, lines = run.job, []
    if job.state == JobState.COMPLETED and (previous := previous_run(job)) is not None:
        found = compare(job, previous)
        run.large_changes = found.large
        lines = [f"{found.large:,} of {found.both:,} companies changed by more than 5 %."]
        for change in found.changes[:NAMED]:
            lines.append(
                f"{change['company_symbol']} {change['company_name']}: "
                f"{100 * change['before']:.2f} % to {100 * change['now']:.2f} %"
            )
    _tell(
        run, f"{run.schedule.name}: {title_of(job)}", "\n".join([*lines, text_of(job)]), page_of(job), actor
    )
    run.save(update_fields=["large_changes", "told_at"])


def _tell(run: Run, title: str, text: str, link: str, actor: Actor) -> None:
    run.told_at = timezone.now()
    if not run._state.adding:
        run.save(update_fields=["told_at"])
    notify(
        user_ids=[UUID(user) for user in run.schedule.subscribers],
        kind="scheduled_runs",
        title=title,
        text=text,
        link=link,
        organization_id=run.organization_id,
        actor=actor,
    )

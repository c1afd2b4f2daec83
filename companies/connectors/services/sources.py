"""Sources: set up, changed, run by hand or by schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from companies.connectors.circuits import Circuit
from companies.connectors.models import UNFINISHED, Run, RunState, Source, Trigger
from companies.connectors.registry import KINDS, circuit_name
from tenants.kernel import audit
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

TASK = "connectors.run_source"
SHORTEST_MINUTES = 15


@transaction.atomic
def source_create(
    *,
    kind: str,
    name: str,
    options: Mapping[str, Any],
    organization_id: UUID,
    every_minutes: int | None = None,
    enabled: bool = True,
    actor: Actor,
) -> Source:
    """Set a source up. Raises InvalidInput with every fault, Conflict where the name is taken."""
    _assert_kind(kind)
    _assert_pace(every_minutes)
    source = Source(
        organization_id=organization_id,
        kind=kind,
        name=name.strip(),
        options=KINDS[kind].check(options),
        every_minutes=every_minutes,
        enabled=enabled,
        next_run_at=timezone.now() if every_minutes else None,
        created_by_id=actor.user_id,
    )
    _save(source, force_insert=True)
    audit.record(
        "connectors.source.created", on=source, changes={"name": source.name, "kind": kind}, actor=actor
    )
    return source


@transaction.atomic
def source_update(*, source: Source, changes: Mapping[str, Any], actor: Actor) -> Source:
    """Change name, options, pace or whether it runs; what is left out stays."""
    source = Source.objects.select_for_update().get(id=source.id)
    told: dict[str, Any] = {}
    if "options" in changes:
        changes = {**changes, "options": KINDS[source.kind].check(changes["options"])}
    if "every_minutes" in changes:
        _assert_pace(changes["every_minutes"])
    for name in ("name", "options", "every_minutes", "enabled"):
        if name in changes and getattr(source, name) != changes[name]:
            told[name] = [getattr(source, name), changes[name]]
            setattr(source, name, changes[name])
    if "every_minutes" in told:
        source.next_run_at = timezone.now() if source.every_minutes else None
    if told:
        _save(source)
        audit.record("connectors.source.changed", on=source, changes=told, actor=actor)
    return source


@transaction.atomic
def source_delete(*, source: Source, actor: Actor) -> None:
    """Remove a source with its reports. What was taken from it stays."""
    if Run.objects.filter(source=source, state__in=UNFINISHED).exists():
        raise Conflict("The source is running; wait until it has finished.", code="source_running")
    audit.record("connectors.source.deleted", on=source, changes={"name": source.name}, actor=actor)
    source.delete()


@transaction.atomic
def run_request(*, source: Source, trigger: Trigger = Trigger.HAND, actor: Actor) -> Run:
    """Have a source run now, in the background. Raises Conflict where it is running or not enabled."""
    source = Source.objects.select_for_update().get(id=source.id)
    if not source.enabled:
        raise Conflict("The source is not enabled.", code="source_disabled")
    if Run.objects.filter(source=source, state__in=UNFINISHED).exists():
        raise Conflict("The source is running already.", code="source_running")
    run = Run(
        organization_id=source.organization_id, source=source, trigger=trigger, created_by_id=actor.user_id
    )
    run.save(force_insert=True)
    audit.record("connectors.run.requested", on=run, changes={"source": source.name}, actor=actor)
    enqueue(TASK, actor=actor, queue="io", robust=True, run_id=str(run.id))
    return run


def runs_due(*, now: datetime, actor: Actor) -> int:
    """Start what is due in the active scope, and take up runs whose worker died; tells how many."""
    started = 0
    due = Source.objects.filter(enabled=True, next_run_at__lte=now, every_minutes__isnull=False)
    for source in due.order_by("next_run_at"):
        with transaction.atomic():
            later = now + timedelta(minutes=source.every_minutes or 0)
            # Of two schedulers one moves the time on.
            if not Source.objects.filter(id=source.id, next_run_at=source.next_run_at).update(
                next_run_at=later
            ):
                continue
            if Run.objects.filter(source=source, state__in=UNFINISHED).exists():
                continue
            run_request(source=source, trigger=Trigger.SCHEDULE, actor=actor)
            started += 1
    silent = now - timedelta(seconds=settings.CONNECTOR_SILENT_SECONDS)
    lost = Run.objects.filter(
        Q(state=RunState.RUNNING, heartbeat_at__lt=silent)
        | Q(state=RunState.RUNNING, heartbeat_at=None, started_at__lt=silent)
        | Q(state=RunState.QUEUED, queued_at__lt=silent)
    )
    for run in lost.exclude(trigger=Trigger.COMMAND):
        enqueue(TASK, actor=actor, queue="io", run_id=str(run.id))
        started += 1
    return started


def circuit_close(*, source: Source, actor: Actor) -> None:
    """Let calls to a source through again at once: somebody has seen that it works."""
    Circuit(circuit_name(source)).close()
    audit.record("connectors.circuit.closed", on=source, changes={"name": source.name}, actor=actor)


def _assert_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidInput(errors=[_fault("kind", "unknown", "There is no such connector.")])
    if KINDS[kind].reference_only and not current_tenant().is_reference:
        detail = "This connector fills the platform's reference data; track its companies instead."
        raise InvalidInput(errors=[_fault("kind", "reference_only", detail)])


def _assert_pace(minutes: int | None) -> None:
    if minutes is not None and minutes < SHORTEST_MINUTES:
        detail = f"At least {SHORTEST_MINUTES} minutes lie between two runs."
        raise InvalidInput(errors=[_fault("every_minutes", "too_often", detail)])


def _save(source: Source, **how: Any) -> None:
    try:
        with transaction.atomic():
            source.save(**how)
    except IntegrityError as error:
        raise Conflict("There is a connector of this name already.", code="name_taken") from error


def _fault(field: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "code": code, "detail": detail}

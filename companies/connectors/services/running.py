"""A run of a source, document by document: what is done is kept, so that a run can be taken up again."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from companies.connectors.base import Connector, FetchedDocument, Refused
from companies.connectors.errors import Unreadable
from companies.connectors.models import KEPT_REFUSALS, UNFINISHED, Document, Run, RunState, Source
from companies.connectors.registry import connector_for
from companies.connectors.services.ingesting import Counts, Writer
from tenants.kernel import audit
from tenants.kernel.errors import DomainError
from tenants.kernel.request import Actor

logger = structlog.get_logger(__name__)


def run_begin(*, run_id: UUID) -> Run | None:
    """Take a run up, also one whose worker died; None where it is finished or another worker has it."""
    with transaction.atomic():
        run: Run | None = (
            Run.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("source")
            .filter(id=run_id)
            .first()
        )
        if run is None or run.state not in UNFINISHED:
            return None
        now = timezone.now()
        alive = now - timedelta(seconds=settings.CONNECTOR_SILENT_SECONDS)
        if run.state == RunState.RUNNING and run.heartbeat_at is not None and run.heartbeat_at > alive:
            return None
        run.state, run.started_at, run.heartbeat_at = RunState.RUNNING, run.started_at or now, now
        run.save(update_fields=["state", "started_at", "heartbeat_at"])
    return run


def run_execute(
    *, run: Run, connector: Connector | None = None, seconds: float | None = None, actor: Actor
) -> bool:
    """Fetch, normalise and ingest what the source holds; False where time ran out before the end.

    A document that cannot be read is refused with its reason and stops no other. A source that does not
    answer ends the run as failed, with what was done until then kept.
    """
    until = None if seconds is None else time.monotonic() + seconds
    try:
        connector = connector or connector_for(run.source)
        finished = _documents(run, connector, until, actor)
    except DomainError as error:
        _finish(run, RunState.FAILED, error.detail, actor)
        return True
    except Exception:
        # The next attempt may take it up at once.
        Run.objects.filter(id=run.id).update(heartbeat_at=None)
        raise
    if finished:
        _finish(run, RunState.DONE, "", actor)
    else:
        Run.objects.filter(id=run.id).update(heartbeat_at=None)
    return finished


def run_abandon(*, run_id: UUID, actor: Actor) -> None:
    """End a run that has failed by a fault of ours, after the last attempt."""
    run = Run.objects.select_related("source").filter(id=run_id).first()
    if run is not None and run.state in UNFINISHED:
        _finish(run, RunState.FAILED, "The run failed because of a fault on our side.", actor)


def _documents(run: Run, connector: Connector, until: float | None, actor: Actor) -> bool:
    source = run.source
    rows = Document.objects.filter(source=source)
    known = dict(rows.values_list("key", "content_hash"))
    done = set(rows.filter(run=run).values_list("key", flat=True))
    for document in connector.fetch(done=done):
        if document.key in done and not connector.always_reads(document):
            continue
        content_hash = document.content_hash
        same = known.get(document.key) == content_hash
        counts = Counts()
        if not same or connector.always_reads(document):
            counts = _take(connector, document, source, actor)
        with transaction.atomic():
            if document.key not in done:
                _keep(run, counts, unchanged=same)
                Document.objects.update_or_create(
                    source=source,
                    key=document.key[:300],
                    defaults={
                        "organization_id": source.organization_id,
                        "content_hash": content_hash,
                        "run": run,
                        "taken_at": timezone.now(),
                    },
                )
        # What is read in every slice, and was handled before, is no progress.
        if document.key not in done and until is not None and time.monotonic() > until:
            return False
    return True


def _take(connector: Connector, document: FetchedDocument, source: Source, actor: Actor) -> Counts:
    writer = Writer(organization_id=source.organization_id, actor=actor)
    try:
        for batch in connector.normalise(document):
            connector.ingest(batch, writer)
    except Unreadable as error:
        writer.counts.refused.append(Refused(document.key, "unreadable", str(error)))
    return writer.counts


def _keep(run: Run, counts: Counts, *, unchanged: bool) -> None:
    """Add to the run's report what one document gave."""
    run.documents += 1
    run.documents_unchanged += unchanged
    for name in ("companies_new", "companies_changed", "fetched", "new", "restated", "unchanged"):
        setattr(run, name, getattr(run, name) + getattr(counts, name))
    run.refused += len(counts.refused)
    room = KEPT_REFUSALS - len(run.refusals)
    run.refusals += [
        {"where": refused.where[:300], "code": refused.code, "reason": refused.reason[:300]}
        for refused in counts.refused[: max(room, 0)]
    ]
    for form, number in counts.by_form.items():
        run.by_form[form] = run.by_form.get(form, 0) + number
    run.heartbeat_at = timezone.now()
    run.save()


@transaction.atomic
def _finish(run: Run, state: RunState, error: str, actor: Actor) -> None:
    run.state, run.error, run.finished_at = state, error[:500], timezone.now()
    run.save(update_fields=["state", "error", "finished_at"])
    changes = {
        "state": state.value,
        "new": run.new,
        "restated": run.restated,
        "refused": run.refused,
        "error": run.error,
    }
    audit.record("connectors.run.finished", on=run, changes=changes, actor=actor)
    logger.info("a connector has run", source=str(run.source_id), **changes)

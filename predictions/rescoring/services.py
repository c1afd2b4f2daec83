"""Runs: begun, carried out part by part, taken up again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.models import Company
from predictions.registry.selectors import active_model, model_at
from predictions.rescoring.models import RescorePart, RescoreRun
from predictions.services.statements import companies_score
from tenants.kernel import audit
from tenants.kernel.errors import Conflict
from tenants.kernel.jobs import enqueue
from tenants.kernel.locks import hold_alone
from tenants.kernel.request import Actor

PART_SIZE = 200


@transaction.atomic
def run_begin(
    *, organization_id: UUID, company_ids: Sequence[UUID] | None, about: str, actor: Actor
) -> RescoreRun:
    """Score companies of an organization (all of them with None) again on the version that scores now.

    Asking for the same while it runs gives the run that is there. Raises Conflict where there is nothing to
    score.
    """
    model = active_model()
    rows = Company.objects.filter(organization_id=organization_id).order_by("symbol")
    if company_ids is not None:
        rows = rows.filter(id__in=list(company_ids))
    ids = list(rows.values_list("id", flat=True))
    if not ids:
        raise Conflict("There is no company to score.", code="nothing_to_score")
    subject = "all" if company_ids is None else _subject(ids)
    # Two who ask at once queue here.
    hold_alone(organization_id)
    there = RescoreRun.objects.filter(
        organization_id=organization_id, model_sha256=model.sha256, subject=subject, finished_at=None
    ).first()
    if there is not None:
        found: RescoreRun = there
        return found
    run: RescoreRun = RescoreRun.objects.create(
        organization_id=organization_id,
        model_version_id=model.id,
        model_sha256=model.sha256,
        subject=subject,
        about=about[:200],
        companies=len(ids),
        created_by_id=actor.user_id,
        created_by_label=actor.label,
    )
    RescorePart.objects.bulk_create(
        RescorePart(
            organization_id=organization_id,
            run=run,
            number=number,
            company_ids=ids[start : start + PART_SIZE],
        )
        for number, start in enumerate(range(0, len(ids), PART_SIZE), start=1)
    )
    changes = {"companies": len(ids), "model": model.version}
    audit.record("rescoring.run.begun", on=run, changes=changes, actor=actor)
    _send(run, actor)
    return run


@transaction.atomic
def run_resume(*, run: RescoreRun, actor: Actor) -> RescoreRun:
    """Hand out again what is not done; Conflict where everything is."""
    locked: RescoreRun = RescoreRun.objects.select_for_update().get(id=run.id)
    if locked.finished_at is not None:
        raise Conflict("The run has ended.", code="run_ended")
    locked.parts.filter(done_at=None).update(failed=False)
    audit.record("rescoring.run.resumed", on=locked, actor=actor)
    _send(locked, actor)
    return locked


@transaction.atomic
def part_score(*, part_id: UUID, actor: Actor) -> int:
    """Carry out one part, unless it is done or somebody is at it; tells how many scores it made.

    It is scored by the version that the run began with, whatever is promoted meanwhile.
    """
    rows = RescorePart.objects.select_for_update(skip_locked=True, of=("self",)).select_related("run")
    part: RescorePart | None = rows.filter(id=part_id, done_at=None).first()
    if part is None:
        return 0
    outcome = companies_score(
        company_ids=part.company_ids,
        organization_id=part.organization_id,
        model=model_at(part.run.model_version_id),
        anew=True,
        actor=actor,
    )
    part.scored, part.refused = outcome.scored, outcome.refused
    part.failed, part.done_at = False, timezone.now()
    part.save(update_fields=["scored", "refused", "failed", "done_at"])
    # Of two last parts each would see the other undone: they queue here.
    run = RescoreRun.objects.select_for_update().get(id=part.run_id)
    if run.finished_at is None and not run.parts.filter(done_at=None).exists():
        run.finished_at = timezone.now()
        run.save(update_fields=["finished_at"])
        audit.record("rescoring.run.completed", on=run, changes=run_figures(run), actor=actor)
    return outcome.scored


def part_give_up(*, part_id: UUID) -> None:
    """Mark a part that keeps failing; the run says so and can be taken up again."""
    RescorePart.objects.filter(id=part_id, done_at=None).update(failed=True)


def run_figures(run: RescoreRun) -> dict[str, int]:
    """Scores made and periods refused so far."""
    parts = list(run.parts.values_list("scored", "refused"))
    return {"scored": sum(s for s, _ in parts), "refused": sum(r for _, r in parts)}


def _send(run: RescoreRun, actor: Actor) -> None:
    for part_id in run.parts.filter(done_at=None).values_list("id", flat=True):
        enqueue("rescoring.score_part", actor=actor, queue="score", priority=8, part_id=str(part_id))


def _subject(ids: Sequence[UUID]) -> str:
    return hashlib.sha256(",".join(sorted(map(str, ids))).encode()).hexdigest()

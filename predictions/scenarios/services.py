"""Writes to scenarios: kept, changed, removed, and run over a portfolio part by part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from companies.models import Company
from ml.scenario import apply
from predictions.models import Prediction
from predictions.registry.selectors import ActiveModel, active_model, model_at
from predictions.scenarios import summaries
from predictions.scenarios.definitions import Definition, definition_read
from predictions.scenarios.models import RunResult, RunState, Scenario, ScenarioRun
from predictions.scenarios.whatif import Base, base_of
from predictions.services.scoring import score_requests
from tenants.kernel import audit
from tenants.kernel.copying import copy_rows
from tenants.kernel.errors import Conflict, InvalidInput
from tenants.kernel.etags import Precondition
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.jobs import enqueue
from tenants.kernel.request import Actor

# Companies that are taken in one transaction; a run of no more than one part is done in the request.
PART = 500
MOST_LISTED = 1_000
_TEXTS = ("name", "description", "shared")


def _content(given: Mapping[str, Any], before: Scenario | None = None) -> dict[str, Any]:
    """The definition as it is kept, what is not said taken from before."""
    parts = ("shocks", "assumptions", "sector_factors")
    whole = {name: given.get(name, getattr(before, name, None)) for name in parts}
    read = definition_read(whole).as_json()
    # Only what was said: a rule that is as usual follows the usual.
    read["assumptions"] = {name: read["assumptions"][name] for name in (whole["assumptions"] or {})}
    return read


@transaction.atomic
def scenario_create(*, organization_id: UUID, given: Mapping[str, Any], actor: Actor) -> Scenario:
    """Keep a scenario. Raises InvalidInput for what cannot be, Conflict where the name is taken."""
    row = Scenario(
        organization_id=organization_id,
        created_by_id=actor.user_id,
        **{name: given[name] for name in _TEXTS if name in given},
        **_content(given),
    )
    _save(row)
    audit.record("scenarios.scenario.created", on=row, changes={"name": row.name}, actor=actor)
    return row


@transaction.atomic
def scenario_update(
    *, scenario: Scenario, given: Mapping[str, Any], expected: Precondition, actor: Actor
) -> Scenario:
    """Change what is said; runs keep what they ran. Raises Stale, InvalidInput, Conflict."""
    row: Scenario = Scenario.objects.select_for_update().get(id=scenario.id)
    expected.check(row)
    changes = {}
    content = _content(given, row)
    for name, value in {**{n: given[n] for n in _TEXTS if n in given}, **content}.items():
        if getattr(row, name) != value:
            changes[name] = [getattr(row, name), value]
            setattr(row, name, value)
    if not changes:
        return row
    row.version += 1
    _save(row)
    audit.record("scenarios.scenario.changed", on=row, changes=changes, actor=actor)
    return row


def _save(row: Scenario) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict("There is a scenario of that name already.", code="duplicate_scenario") from None


@transaction.atomic
def scenario_delete(*, scenario: Scenario, actor: Actor) -> None:
    """Remove a scenario; what ran under it stays."""
    audit.record("scenarios.scenario.deleted", on=scenario, changes={"name": scenario.name}, actor=actor)
    scenario.delete()


# -- runs -----------------------------------------------------------------------------------------


def selected(kind: str, selection: Mapping[str, Any], organization_id: UUID) -> Any:
    """The heads that a run looks at: what stands now of the companies, or of a sector, or of all."""
    rows = Prediction.objects.filter(organization_id=organization_id, kind=kind, latest=True)
    if ids := selection.get("company_ids"):
        rows = rows.filter(company_id__in=ids)
    if sector := selection.get("sector"):
        rows = rows.filter(company__sector__iexact=sector)
    if level := selection.get("risk_level"):
        rows = rows.filter(risk_level=level)
    return rows


@transaction.atomic
def run_create(
    *,
    organization_id: UUID,
    name: str,
    definition: Definition,
    scenario: Scenario | None,
    kind: str,
    selection: Mapping[str, Any],
    lgd: float,
    actor: Actor,
) -> ScenarioRun:
    """Run a scenario over a portfolio: a small one at once, a large one in the background.

    Raises InvalidInput where nothing stands that could be shocked, or a company is not the organization's.
    """
    ids = selection.get("company_ids") or []
    if len(ids) > MOST_LISTED:
        raise InvalidInput(f"Up to {MOST_LISTED:,} companies can be listed; leave them out to take all.")
    if ids and Company.objects.filter(id__in=ids, organization_id=organization_id).count() < len(set(ids)):
        fault = {"pointer": "/company_ids", "code": "unknown_company", "detail": "One of them is not yours."}
        raise InvalidInput(errors=[fault])
    model = active_model()
    names = selected(kind, selection, organization_id).count()
    if not names:
        raise InvalidInput("There is no score in this selection yet.", code="nothing_selected")
    run = ScenarioRun(
        organization_id=organization_id,
        scenario=scenario,
        name=name,
        definition=definition.as_json(),
        kind=kind,
        selection={key: value if key != "company_ids" else [str(i) for i in value]
                   for key, value in selection.items() if value},
        lgd=lgd,
        model_version_id=model.id,
        model_sha256=model.sha256,
        names=names,
        created_by_id=actor.user_id,
    )  # fmt: skip
    run.save()
    changes = {"scenario": name, "kind": kind, "companies": names}
    audit.record("scenarios.run.created", on=run, changes=changes, actor=actor)
    if names > PART:
        _send(run, actor)
        return run
    return _part(run, model, actor, now=timezone.now())


def _send(run: ScenarioRun, actor: Actor) -> None:
    enqueue("scenarios.run_part", actor=actor, queue="score", priority=7, run_id=str(run.id))


@transaction.atomic
def run_part(*, run_id: UUID, actor: Actor) -> int:
    """Take the next part of a run; tells how many companies. Twice is once: the row is locked meanwhile."""
    run = ScenarioRun.objects.select_for_update(skip_locked=True).filter(id=run_id).first()
    if run is None or run.state != RunState.RUNNING:
        return 0
    before = run.done
    model = model_at(run.model_version_id)
    run = _part(run, model, actor, now=timezone.now())
    if run.state == RunState.RUNNING:
        _send(run, actor)
    return int(run.done - before)


@transaction.atomic
def run_fail(*, run_id: UUID, message: str, actor: Actor) -> None:
    """End a run that cannot go on, with a sentence."""
    run = ScenarioRun.objects.select_for_update().filter(id=run_id, state=RunState.RUNNING).first()
    if run is not None:
        run.state, run.error_message, run.completed_at = RunState.FAILED, message[:200], timezone.now()
        run.save(update_fields=["state", "error_message", "completed_at"])
        audit.record("scenarios.run.failed", on=run, changes={"reason": message}, actor=actor)


@transaction.atomic
def run_delete(*, run: ScenarioRun, actor: Actor) -> None:
    """Remove a run with its results."""
    audit.record("scenarios.run.deleted", on=run, changes={"scenario": run.name}, actor=actor)
    run.delete()


def _part(run: ScenarioRun, model: ActiveModel, actor: Actor, *, now: datetime) -> ScenarioRun:
    """Results of the next companies by id; the last part closes the run."""
    rows = selected(run.kind, run.selection, run.organization_id)
    rows = rows.filter(created_at__lte=run.created_at).select_related("company", "current")
    if run.reached_id is not None:
        rows = rows.filter(company_id__gt=run.reached_id)
    heads = list(rows.order_by("company_id")[:PART])
    definition = definition_read(run.definition)
    _write(run, heads, definition, model)
    run.done += len(heads)
    if heads:
        run.reached_id = heads[-1].company_id
    if len(heads) < PART:
        run.state, run.completed_at = RunState.DONE, now
        run.names = run.done  # companies that went meanwhile are not waited for
        run.summary = summaries.summary(run, model)
        audit.record("scenarios.run.completed", on=run, changes={"companies": run.done}, actor=actor)
    run.save()
    return run


_FIELDS = (
    *("id", "run", "company", "score_id", "fiscal_year", "outcome", "base_pd", "pd", "change"),
    *("base_level", "level", "exposure", "notes"),
)


def _write(run: ScenarioRun, heads: list[Prediction], definition: Definition, model: ActiveModel) -> None:
    found = [base_of(head) for head in heads]
    bases = [base for base in found if isinstance(base, Base)]
    shocked = [
        apply(
            base.amounts,
            definition.for_sector(base.prediction.company.sector),
            definition.assumptions,
            periods=base.periods,
        )
        for base in bases
    ]
    requests = [base.request() for base in bases]
    requests += [base.request(after.amounts) for base, after in zip(bases, shocked, strict=True)]
    drafts = score_requests(run.kind, requests, model=model, drivers=0)
    sides = iter(zip(bases, shocked, drafts[: len(bases)], drafts[len(bases) :], strict=True))
    rows = []
    for identifier, head, base in zip(uuid7_batch(len(heads)), heads, found, strict=True):
        place = (identifier, run.id, head.company_id, head.current_id, head.fiscal_year)
        if not isinstance(base, Base):
            rows.append((*place, base, None, None, None, "", "", None, "[]"))
            continue
        _, after, one, other = next(sides)
        rows.append((*place, *summaries.result_columns(base, after, one, other)))
    copy_rows(RunResult, organization_id=run.organization_id, fields=_FIELDS, rows=rows)

"""Looking at a week's scores: their number and distribution, and their drift from the development sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Avg, Count, Max
from django.utils import timezone

from ml.features import FEATURES, RATIOS
from ml.inputs import design_matrix, prepare
from ml.shapes import SHAPES
from predictions.models import PredictionKind, Score
from predictions.monitoring.models import Alert, AlertLevel, Observation
from predictions.registry.selectors import ActiveModel, active_model
from predictions.services.scoring import Inputs, engine_kind, frames
from tenants.kernel import audit
from tenants.kernel.request import Actor

if TYPE_CHECKING:
    from ml.drift import Drift

MOST_LOOKED_AT = 20_000
"""Scores whose inputs are compared: the stability index of more says no more."""
LEAST_LOOKED_AT = 30
WEEKS_BACK = 8
MOST_ALERTS = 5
"""Variables of an observation with an alert each; more than so many have moved together, and share one."""
_MISSING_WATCH, _MISSING_ALARM = 0.15, 0.30
_RANGE_WATCH, _RANGE_ALARM = 0.20, 0.40


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


@transaction.atomic
def organization_observe(*, organization_id: UUID, today: date | None = None, actor: Actor) -> int:
    """Observe this week and those before it that nobody has looked at; gives the number of observations.

    Only scores by the model that scores now are compared: another one has another development sample.
    Alerts follow the latest week.
    """
    model = active_model()
    this = monday(today or timezone.now().date())
    seen = set(
        Observation.objects.filter(
            organization_id=organization_id, model_sha256=model.sha256, week__lt=this
        ).values_list("week", flat=True)
    )
    made = 0
    for back in range(WEEKS_BACK, -1, -1):
        week = this - timedelta(weeks=back)
        if week not in seen:
            made += len(_observe_week(organization_id, week, model))
    alerts_refresh(organization_id=organization_id, actor=actor)
    return made


def _observe_week(organization_id: UUID, week: date, model: ActiveModel) -> list[Observation]:
    start = datetime.combine(week, time(), UTC)
    rows = Score.objects.filter(
        organization_id=organization_id,
        model_sha256=model.sha256,
        prediction__company_deleted_at=None,
        created_at__gte=start,
        created_at__lt=start + timedelta(weeks=1),
    )
    found = []
    for kind in PredictionKind.values:
        of_kind = rows.filter(prediction__kind=kind)
        counted = of_kind.values_list("shape").annotate(n=Count("id"), mean=Avg("pd")).order_by("shape")
        for shape, number, mean in counted:
            if shape not in model.engine.models:
                continue
            chosen = of_kind.filter(shape=shape)
            levels = dict(chosen.values_list("risk_level").annotate(n=Count("id")).order_by())
            looked, missing, beyond, drift = _look(kind, shape, chosen, model)
            row, _ = Observation.objects.update_or_create(
                organization_id=organization_id,
                week=week,
                kind=kind,
                shape=shape,
                model_sha256=model.sha256,
                defaults={
                    "scores": number,
                    "looked_at": looked,
                    "mean_pd": mean,
                    "levels": levels,
                    "missing": missing,
                    "out_of_range": beyond,
                    "drift": [_entry(row) for row in drift],
                    "observed_at": timezone.now(),
                },
            )
            found.append(row)
    return found


def _look(kind: str, shape: str, rows: Any, model: ActiveModel) -> tuple[int, float, float, Sequence[Drift]]:
    """Number looked at, share missing, share beyond the development range, drift of score and variables."""
    from ml.drift import compare, observed  # its libraries take a second to import

    kept = list(rows.order_by("-id").values_list("inputs", flat=True)[:MOST_LOOKED_AT])
    inputs = [Inputs(k.get("ratios", {}), k.get("statement", {}), tuple(k.get("prior", ()))) for k in kept]
    frame, history = frames(inputs)
    prepared = prepare(frame, kind=engine_kind(kind), history=history, shape=None)
    fitted = model.engine.models[shape]
    positions = np.flatnonzero(prepared.shape == shape)
    X = design_matrix(fitted.shape, prepared, positions)
    if not len(X):
        return 0, 0.0, 0.0, []
    seen = fitted.development
    beyond = ((seen.low > X) | (seen.high < X)).any(axis=1)
    columns = observed(X, fitted.shape.features, fitted.log_odds(X))
    drift = compare(fitted.reference, columns) if fitted.reference is not None else []
    return len(X), float(np.isnan(X).mean()), float(beyond.mean()), drift


def _entry(row: Drift) -> dict[str, Any]:
    return {
        "variable": row.column,
        "label": label_of(row.column),
        "psi": row.psi,
        "watch_from": row.watch_from,
        "alarm_from": row.alarm_from,
        "missing": row.missing,
        "missing_reference": row.missing_reference,
        "level": row.level,
    }


def label_of(variable: str) -> str:
    """A variable as people call it."""
    if variable == "score":
        return "Score"
    known = FEATURES.get(variable) or RATIOS.get(variable)
    return known.label if known else variable


@transaction.atomic
def alerts_refresh(*, organization_id: UUID, actor: Actor) -> int:
    """Open, renew and close the alerts of an organization by its latest week; gives how many are open."""
    rows = Observation.objects.filter(organization_id=organization_id)
    latest = rows.filter(week=rows.aggregate(last=Max("week"))["last"])
    wanted = {breach[0]: breach[1:] for row in latest for breach in _breaches(row)}
    open_alerts = {
        alert.subject: alert
        for alert in Alert.objects.select_for_update().filter(
            organization_id=organization_id, closed_at__isnull=True
        )
    }
    now = timezone.now()
    for subject, alert in open_alerts.items():
        if subject not in wanted:
            alert.closed_at = now
            alert.save(update_fields=["closed_at"])
            audit.record("monitoring.alert.closed", on=alert, actor=actor)
    for subject, (level, value, limit, text) in wanted.items():
        alert = open_alerts.get(subject)
        if alert is None:
            alert = Alert(organization_id=organization_id, subject=subject, opened_at=now)
        worse = alert.level == AlertLevel.WATCH and level == AlertLevel.ALARM
        if worse:
            alert.acknowledged_at, alert.acknowledged_by = None, ""
        fresh = alert._state.adding
        alert.level, alert.value, alert.limit, alert.text, alert.seen_at = level, value, limit, text, now
        alert.save()
        if fresh or worse:
            changes = {"level": level, "value": round(value, 4), "limit": round(limit, 4)}
            audit.record("monitoring.alert.opened", on=alert, changes=changes, actor=actor)
    return len(wanted)


def _breaches(row: Observation) -> Iterator[tuple[str, str, float, float, str]]:
    """Subject, level, value, limit and sentence of every figure of an observation beyond its limit."""
    where = f"{row.kind}:{row.shape}"
    place = f"{row.get_kind_display().lower()} scores ({SHAPES[row.shape].label.lower()})"
    moved = [entry for entry in row.drift if entry["level"] in AlertLevel.values]
    variables = [entry for entry in moved if entry["variable"] != "score"]
    together = len(variables) > MOST_ALERTS
    if together:
        worst = max(variables, key=lambda entry: (entry["level"] == AlertLevel.ALARM, entry["psi"]))
        text = (
            f"{len(variables)} variables of {place} have moved from the development sample, "
            f"most of all {worst['label']}: index {worst['psi']:.2f}."
        )
        yield f"drift:{where}", worst["level"], worst["psi"], _limit(worst), text
    for entry in moved:
        if together and entry["variable"] != "score":
            continue
        text = f"{entry['label']} of {place} has moved from the development sample: index {entry['psi']:.2f}."
        yield f"drift:{where}:{entry['variable']}", entry["level"], entry["psi"], _limit(entry), text
    if row.looked_at < LEAST_LOOKED_AT:
        return
    shares = (
        ("missing", row.missing, _MISSING_WATCH, _MISSING_ALARM, "of the variables are missing"),
        ("range", row.out_of_range, _RANGE_WATCH, _RANGE_ALARM, "have an input beyond the development range"),
    )
    for name, value, watch, alarm, words in shares:
        if value >= watch:
            level = AlertLevel.ALARM if value >= alarm else AlertLevel.WATCH
            text = f"{100 * value:.0f} % {words} in {place}."
            yield f"{name}:{where}", level, value, alarm if value >= alarm else watch, text


def _limit(entry: dict[str, Any]) -> float:
    """The limit that a variable has crossed."""
    crossed: float = entry["alarm_from" if entry["level"] == AlertLevel.ALARM else "watch_from"]
    return crossed

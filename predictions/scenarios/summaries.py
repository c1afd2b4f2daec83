"""What a scenario did to a portfolio: categories, mean PD, expected loss, and who was hit most."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import Avg, Count, F, Q, Sum

from ml.scenario import Shocked
from predictions.models import Prediction
from predictions.registry.selectors import ActiveModel
from predictions.scenarios.definitions import definition_read
from predictions.scenarios.models import RunResult, ScenarioRun
from predictions.scenarios.whatif import LEVELS, Base, base_of, bridge, whatif
from predictions.services.scoring import ScoreDraft

SCORED, NOT_SCORABLE = "scored", "not_scorable"
# So many of the worst hit are told with what moved them.
EXPLAINED, PARTS = 5, 3

__all__ = ["NOT_SCORABLE", "SCORED", "bridge", "result_columns", "summary"]


def result_columns(base: Base, shocked: Shocked, before: ScoreDraft, after: ScoreDraft) -> tuple[Any, ...]:
    """A result's values from ``outcome`` on, as they are copied."""
    notes = json.dumps(list(shocked.notes))
    exposure = base.amounts.get("total_debt", base.amounts.get("total_long_term_debt"))
    size = None if exposure is None else float(exposure)
    if before.pd is None or after.pd is None:
        return (NOT_SCORABLE, before.pd, after.pd, None, before.risk_level, after.risk_level, size, notes)
    levels = (before.risk_level, after.risk_level)
    return (SCORED, before.pd, after.pd, after.pd - before.pd, *levels, size, notes)


def summary(run: ScenarioRun, model: ActiveModel) -> dict[str, Any]:
    """The figures of a whole run, from its results."""
    rows = RunResult.objects.filter(run=run)
    outcomes = dict(rows.values_list("outcome").annotate(n=Count("id")).order_by())
    scored = rows.filter(outcome=SCORED)
    figures = scored.aggregate(
        names=Count("id"),
        base_mean_pd=Avg("base_pd"),
        mean_pd=Avg("pd"),
        exposed=Count("id", filter=Q(exposure__isnull=False)),
        owed=Sum("exposure"),
        base_weighted=Sum(F("base_pd") * F("exposure")),
        weighted=Sum(F("pd") * F("exposure")),
        worse=Count("id", filter=Q(change__gt=0)),
        better=Count("id", filter=Q(change__lt=0)),
    )
    moves = scored.values_list("base_level", "level").annotate(n=Count("id")).order_by()
    counts = {(old, new): number for old, new, number in moves}
    migration = {old: {new: counts.get((old, new), 0) for new in LEVELS} for old in LEVELS}
    down = sum(n for (old, new), n in counts.items() if LEVELS.index(new) > LEVELS.index(old))
    up = sum(n for (old, new), n in counts.items() if LEVELS.index(new) < LEVELS.index(old))
    return {
        "outcomes": outcomes,
        "scored": figures["names"],
        "base_mean_pd": figures["base_mean_pd"],
        "mean_pd": figures["mean_pd"],
        "worse": figures["worse"],
        "better": figures["better"],
        "downgraded": down,
        "upgraded": up,
        "base_levels": {level: sum(migration[level].values()) for level in LEVELS},
        "levels": {level: sum(migration[old][level] for old in LEVELS) for level in LEVELS},
        "migration": migration,
        "expected_loss": {
            "lgd": run.lgd,
            "names": figures["exposed"],
            "exposure": figures["owed"],
            "base": _times(run.lgd, figures["base_weighted"]),
            "shocked": _times(run.lgd, figures["weighted"]),
        },
        "most_affected": _most_affected(run, scored),
    }


def _times(lgd: float, weighted: float | None) -> float | None:
    return None if weighted is None else lgd * weighted


def _most_affected(run: ScenarioRun, scored: Any) -> list[dict[str, Any]]:
    """Those whose PD rose most, with the largest parts of the bridge."""
    worst = list(scored.filter(change__gt=0).order_by("-change", "id").select_related("company")[:EXPLAINED])
    heads = {
        head.company_id: head
        for head in Prediction.objects.filter(
            company__in=[row.company_id for row in worst], kind=run.kind, latest=True
        ).select_related("company", "current")
    }
    told = []
    definition = definition_read(run.definition)
    for row in worst:
        base = base_of(heads[row.company_id]) if row.company_id in heads else None
        parts: list[dict[str, Any]] = []
        if isinstance(base, Base):
            change = whatif(base, definition).change
            parts = [
                {"name": part.name, "label": part.label, "text": part.text, "points": part.points}
                for part in (change.components[:PARTS] if change else ())
            ]
        told.append(
            {
                "company_id": str(row.company_id),
                "company_symbol": row.company.symbol,
                "company_name": row.company.name,
                "base_pd": row.base_pd,
                "pd": row.pd,
                "base_level": row.base_level,
                "level": row.level,
                "drivers": parts,
            }
        )
    return told

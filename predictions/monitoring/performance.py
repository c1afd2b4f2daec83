"""Realised defaults against PDs, cohort by cohort, with the definition of the development data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from django.utils import timezone

from ml.features import Array
from predictions.grading import master_scale
from predictions.models import PredictionKind, Score
from predictions.monitoring.realised import WINDOW, Outcomes, followed, known_outcomes, period_end

LEAST_DEFAULTS = 5
"""Below it an AUC says more about chance than about the model."""


@dataclass
class Cohort:
    """First scores of one kind and period: identifier of the company, end of the period, PD."""

    kind: str
    period: str
    end: date
    companies: list[UUID] = field(default_factory=list)
    pds: list[float] = field(default_factory=list)
    defaults: list[bool] = field(default_factory=list)


def performance(today: date | None = None) -> dict[str, Any]:
    """Discrimination and calibration of the active scope's scores, by cohort and over all closed ones.

    A prediction counts with the first score it got. A cohort is closed once its window has passed; an open
    one is shown with what is known so far and left out of the totals: its survivors are none yet.
    """
    today = today or timezone.now().date()
    outcomes = known_outcomes()
    cohorts = sorted(_cohorts(outcomes), key=lambda c: (c.kind, c.end))
    closed = [c for c in cohorts if c.end + WINDOW <= today]
    return {
        "outcomes": sum(len(dates) for dates in outcomes.values()),
        "window_days": WINDOW.days,
        "definition": "An annual statement counts as followed by a default when it is the last before it, "
        f"and the default came within {WINDOW.days} days of 31 December of its fiscal year; a quarter "
        "counts when a default came within that time of its end.",
        "cohorts": [_figures(c, closed=c in closed) for c in cohorts],
        "total": {kind: _total([c for c in closed if c.kind == kind]) for kind in PredictionKind.values},
    }


def _cohorts(outcomes: Outcomes) -> Iterable[Cohort]:
    rows = list(_first_scores())
    flags = followed([row[:4] for row in rows], outcomes)
    found: dict[tuple[str, int, int | None], Cohort] = {}
    for (company, kind, year, quarter, pd_), bad in zip(rows, flags, strict=True):
        period = f"{year} Q{quarter}" if quarter else str(year)
        end = period_end(year, quarter)
        cohort = found.setdefault((kind, year, quarter), Cohort(kind, period, end))
        cohort.companies.append(company)
        cohort.pds.append(pd_)
        cohort.defaults.append(bad)
    return found.values()


def _first_scores() -> Iterator[tuple[UUID, str, int, int | None, float]]:
    present = Score.objects.filter(prediction__company_deleted_at=None)
    first = present.order_by("prediction_id", "id").distinct("prediction_id")
    rows: Iterator[tuple[UUID, str, int, int | None, float]] = first.values_list(
        "prediction__company_id", "prediction__kind", "prediction__fiscal_year",
        "prediction__fiscal_quarter", "pd",
    ).iterator(chunk_size=5000)  # fmt: skip
    return rows


def _figures(cohort: Cohort, *, closed: bool) -> dict[str, Any]:
    return {
        "kind": cohort.kind,
        "period": cohort.period,
        "closed": closed,
        "closes_on": cohort.end + WINDOW,
        **_measured(np.array(cohort.pds), np.array(cohort.defaults, dtype=np.float64)),
    }


def _total(cohorts: list[Cohort]) -> dict[str, Any] | None:
    """All closed cohorts of a kind together, with calibration by grade."""
    from ml import validation  # its libraries take a second to import

    if not cohorts:
        return None
    pd_ = np.concatenate([c.pds for c in cohorts])
    target = np.concatenate([np.array(c.defaults, dtype=np.float64) for c in cohorts])
    scale = master_scale()
    grades = np.asarray(scale.assign(pd_))
    rows = []
    for grade in scale.grades:
        inside = grades == grade.grade
        names, bad = int(inside.sum()), int(target[inside].sum())
        if names:
            mean = float(pd_[inside].mean())
            p = validation.jeffreys_p(names, bad, mean)
            rows.append(
                {
                    "grade": grade.grade,
                    "names": names,
                    "defaults": bad,
                    "mean_pd": mean,
                    "default_rate": bad / names,
                    "jeffreys_p": p,
                    "verdict": "too_low" if p < 0.025 else "too_high" if p > 0.975 else "fits",
                }
            )
    return {"cohorts": len(cohorts), **_measured(pd_, target), "grades": rows}


def _measured(pd_: Array, target: Array) -> dict[str, Any]:
    from ml import validation  # as above

    names, bad = len(target), int(target.sum())
    judged = bad >= LEAST_DEFAULTS and bad < names
    area = validation.auc_interval(target, pd_, repeats=300) if judged else None
    return {
        "names": names,
        "defaults": bad,
        "mean_pd": float(pd_.mean()),
        "default_rate": bad / names,
        "jeffreys_p": validation.jeffreys_p(names, bad, float(pd_.mean())),
        "auc": asdict(area) if area else None,
        "recall_worst_tenth": validation.recall_in_worst(target, pd_) if judged else None,
    }

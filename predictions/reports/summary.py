"""The figures of a job's summary. One function gives them all, so the three forms cannot differ."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, Avg, Count, FloatField, Max, Min, Q
from django.utils import timezone

from organizations.selectors import names_of
from predictions import selectors, wording
from predictions.models import GOING, UNFINISHED, RiskLevel, ScoringJob, Severity
from predictions.registry.selectors import versions
from predictions.reports.comparing import LARGE, LEAST, NAMED, compare, previous_run
from tenants.kernel.errors import Conflict

WORST = 20
SECTORS = 15
EXAMPLES = 5
# Upper ends of the classes of the distribution, as shares.
EDGES = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.15, 0.25, 0.50, 1.0)
QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
DEFINITIONS = (
    ("PD", "One-year probability of default after the floor of the institution. 0.05 is 5 %."),
    ("Risk level", "The band of the PD by the institution's cut-offs: low, medium, high, critical."),
    ("Grade", "The band of the PD on the institution's master scale when the row was scored."),
    ("Rows", "Lines of the file below its header. Scored and refused rows add up to all rows."),
    ("Refused", "A row that could not be scored; the reason is told for each, and the others are scored."),
    ("Worst names", f"The {WORST} rows with the highest PD; with equal PDs the earlier scored one first."),
    (
        "Last run",
        "The last completed job of the same organization and kind with the same file name before this one.",
    ),
    (
        "Change",
        "PD of this run less PD of the last run, for companies that both hold; of each the latest period "
        "in its file.",
    ),
    (
        "Large change",
        f"A PD that moved by more than {LARGE:.0%} of what it was, and by at least {100 * LEAST:.2f} "
        "percentage points.",
    ),
    ("Upgraded, downgraded", "The company's risk level is a better or a worse one than in the last run."),
    ("Median, p5 to p95", "Quantiles of the PDs of all scored rows, interpolated."),
)


class Quantile(Aggregate):
    """PostgreSQL's percentile_cont."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: str, fraction: float) -> None:
        super().__init__(expression, fraction=fraction)


def summary_of(job: ScoringJob) -> dict[str, Any]:
    """Everything the report tells. Raises Conflict for a job that is still running."""
    if job.state in (*UNFINISHED, *GOING):
        raise Conflict("The job is still running; its report comes with its end.", code="job_running")
    run = job.scheduled_runs.select_related("schedule").first()
    return {
        "job": _head(job),
        "scheduled": run.schedule.name if run is not None else None,
        "counts": {
            "rows": job.total_rows,
            "scored": job.scored_rows,
            "refused": job.refused_rows,
            "warnings": job.warning_count,
            "companies": job.total_companies,
        },
        "distribution": _distribution(job),
        "worst": _worst(job),
        "changes": _changes(job),
        "errors": _errors(job),
        "definitions": [{"term": term, "meaning": meaning} for term, meaning in DEFINITIONS],
        "made_at": timezone.now().isoformat(),
    }


def _head(job: ScoringJob) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "file": job.original_filename,
        "kind": job.kind,
        "state": job.state,
        "organization_id": str(job.organization_id),
        "organization": names_of({job.organization_id}).get(job.organization_id, ""),
        "created_by": job.created_by_label or None,
        "created_at": job.created_at.isoformat(),
        "completed_at": job.completed_at.isoformat() if job.completed_at else None,
        "seconds": round(job.seconds, 2) if job.seconds else None,
        "model_version": versions().get(job.model_version_id, "") if job.model_version_id else "",
        "model_sha256": job.model_sha256,
        "file_sha256": job.sha256,
    }


def _distribution(job: ScoringJob) -> dict[str, Any]:
    scores = job.scores.order_by()
    wanted = {name: Quantile("pd", fraction) for name, fraction in QUANTILES.items()}
    found = scores.aggregate(mean=Avg("pd"), least=Min("pd"), most=Max("pd"), **wanted)
    scored = job.scored_rows or 1
    levels = [
        {
            "level": level.value,
            "rows": job.level_counts.get(level.value, 0),
            "share": job.level_counts.get(level.value, 0) / scored,
        }
        for level in RiskLevel
    ]
    bands, low = [], 0.0
    counted = _banded(job)
    for number, high in enumerate(EDGES):
        bands.append({"from": low, "to": high, "rows": counted[number]})
        low = high
    sectors = (
        scores.values("prediction__company__sector")
        .annotate(rows=Count("id"), mean=Avg("pd"), most=Max("pd"))
        .order_by("-rows", "prediction__company__sector")[:SECTORS]
    )
    grades = scores.exclude(grade="").values("grade").annotate(rows=Count("id"), mean=Avg("pd"))
    return {
        **found,
        "by_risk_level": levels,
        "by_pd": bands,
        "by_grade": [
            {"grade": r["grade"], "rows": r["rows"], "mean": r["mean"]} for r in grades.order_by("mean")
        ],
        "by_sector": [
            {
                "sector": r["prediction__company__sector"] or None,
                "rows": r["rows"],
                "mean": r["mean"],
                "most": r["most"],
            }
            for r in sectors
        ],
    }


def _banded(job: ScoringJob) -> list[int]:
    """Rows of each class of PD; a PD on an edge belongs to the class above it, 1 to the last."""
    lows = (0.0, *EDGES[:-1])
    wanted = {}
    for number, (low, high) in enumerate(zip(lows, EDGES, strict=True)):
        inside = Q(pd__gte=low) if high == 1.0 else Q(pd__gte=low, pd__lt=high)
        wanted[f"b{number}"] = Count("id", filter=inside)
    found = job.scores.order_by().aggregate(**wanted)
    return [found[f"b{number}"] for number in range(len(EDGES))]


def _worst(job: ScoringJob) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "row": score.row_number,
            "prediction_id": str(score.prediction_id),
            "company_symbol": score.prediction.company.symbol,
            "company_name": score.prediction.company.name,
            "sector": score.prediction.company.sector or None,
            "fiscal_year": score.prediction.fiscal_year,
            "quarter": score.prediction.quarter_text,
            "pd": score.pd,
            "low": score.low,
            "high": score.high,
            "risk_level": score.risk_level,
            "grade": score.grade,
            "confidence": score.confidence_level,
        }
        for rank, score in enumerate(selectors.scores_of(job)[:WORST], start=1)
    ]


def _changes(job: ScoringJob) -> dict[str, Any] | None:
    previous = previous_run(job)
    if previous is None or not job.scored_rows:
        return None
    found = compare(job, previous)
    return {
        "previous": {
            "id": str(previous.id),
            "created_at": previous.created_at.isoformat(),
            "model_version": versions().get(previous.model_version_id, "")
            if previous.model_version_id
            else "",
            "same_model": previous.model_sha256 == job.model_sha256,
        },
        "companies_in_both": found.both,
        "entered": found.entered,
        "left": found.left,
        "higher": found.higher,
        "lower": found.lower,
        "upgraded": found.upgraded,
        "downgraded": found.downgraded,
        "mean_before": found.sum_before / found.both if found.both else None,
        "mean_now": found.sum_now / found.both if found.both else None,
        "large": found.large,
        "large_named": min(found.large, NAMED),
        "level_moves": [
            {"from": old, "to": new, "companies": n} for (old, new), n in sorted(found.moves.items())
        ],
        "largest": found.changes,
    }


def _errors(job: ScoringJob) -> list[dict[str, Any]]:
    """Refused rows by reason, the most frequent first, with the first rows of each."""
    found = []
    faults = job.issues.filter(severity=Severity.ERROR)
    for code, rows in sorted(job.refused_counts.items(), key=lambda pair: (-pair[1], pair[0])):
        first = faults.filter(code=code).order_by("row_number")[:EXAMPLES]
        found.append(
            {
                "code": code,
                "reason": wording.refusal(code),
                "rows": rows,
                "examples": [{"row": i.row_number, "column": i.column, "value": i.value} for i in first],
            }
        )
    return found

"""Shapes of predictions and jobs as clients read them. No rule lives here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import reduce
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.selectors import emails_of
from ml.features import ANNUAL_RATIOS, QUARTERLY_RATIOS
from organizations.selectors import names_of
from predictions.changes import Bridge
from predictions.detail import classic_scores, floor_effect, term_structure
from predictions.periods import quarter_text
from predictions.registry.selectors import versions
from predictions.staleness import Yardstick
from tenants.kernel.context import current_tenant

if TYPE_CHECKING:
    from predictions.models import Prediction, RowIssue, Score, ScoringJob

STATUS = {
    "pending": "pending",
    "processing": "processing",
    "completed": "completed",
    "failed": "failed",
    # Clients know five words; the exact state stands beside.
    "cancelled": "failed",
    "undoing": "processing",
    "undone": "failed",
    "deleting": "processing",
}
RATIOS = {"annual": ANNUAL_RATIOS, "quarterly": QUARTERLY_RATIOS}

# What a row is made of, as a query names it. Plain values: a thousand rows as objects of three tables each
# take a third longer.
LISTED = (
    *("id", "organization_id", "kind", "fiscal_year", "fiscal_quarter", "quarter_label"),
    *("created_by_id", "created_at", "updated_at", "company_id", "company__symbol", "company__name"),
    *("company__sector", "company__market_cap", "current__inputs", "current__members", "current__shape"),
    *("current__pd", "current__pd_raw", "current__low", "current__high", "current__risk_level"),
    *("current__grade", "current__confidence", "current__confidence_level", "current__confidence_reasons"),
    *("current__model_version_id", "current__model_sha256", "current__statement_id"),
    *("current__statement__current", "current__statement__period_end"),
)

_ENDED = {"cancelled": "Cancelled by user", "undone": "Undone by user"}


def _probability(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def prediction_rows(found: Collection[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Flat rows for lists from the values that LISTED names, with three look-ups whatever their number."""
    emails = emails_of({v["created_by_id"] for v in found if v["created_by_id"]})
    tenant = current_tenant()
    names: dict[UUID, str] = {}
    if not tenant.is_personal and not tenant.is_reference:
        names = names_of({v["organization_id"] for v in found})
    access = "personal" if tenant.is_personal else "system" if tenant.is_reference else "organization"
    known, yardstick = versions(), Yardstick.now()
    return [_row(values, emails, names, access, known, yardstick) for values in found]


def _values(prediction: Prediction) -> dict[str, Any]:
    """The same values of a prediction that is at hand."""

    def value(name: str) -> Any:
        return reduce(
            lambda row, part: None if row is None else getattr(row, part), name.split("__"), prediction
        )

    return {name: value(name) for name in LISTED}


def _row(
    v: Mapping[str, Any],
    emails: dict[UUID, str],
    names: dict[UUID, str],
    access: str,
    known: dict[UUID, str],
    yardstick: Yardstick,
) -> dict[str, Any]:
    pd, inputs, members = v["current__pd"], v["current__inputs"], v["current__members"]
    if inputs is None:  # a head is always stored with its score
        raise LookupError(f"prediction {v['id']} has no score")
    kind, cap, owner = v["kind"], v["company__market_cap"], v["created_by_id"]
    ratios = inputs.get("ratios") or {}
    probability = _probability(pd)
    return {
        "id": v["id"],
        "company_id": v["company_id"],
        "company_symbol": v["company__symbol"],
        "company_name": v["company__name"],
        "sector": v["company__sector"] or None,
        "market_cap": None if cap is None else float(cap),
        "reporting_year": str(v["fiscal_year"]),
        "reporting_quarter": quarter_text(v["fiscal_quarter"], v["quarter_label"]),
        "probability": probability,
        "probability_raw": _probability(v["current__pd_raw"]),
        "probability_low": _probability(v["current__low"]),
        "probability_high": _probability(v["current__high"]),
        "ensemble_probability": probability,
        "logistic_probability": _probability(members.get("logistic")),
        "gbm_probability": _probability(members.get("gradient_boosting")),
        "random_forest_probability": _probability(members.get("random_forest")),
        "risk_level": v["current__risk_level"],
        "grade": v["current__grade"],
        "confidence": round(v["current__confidence"], 4),
        "confidence_level": v["current__confidence_level"],
        "confidence_reasons": v["current__confidence_reasons"],
        "input_shape": v["current__shape"],
        # Line items need no ratio.
        "missing_inputs": [] if inputs.get("statement") else [n for n in RATIOS[kind] if n not in ratios],
        "model_version": known.get(v["current__model_version_id"], ""),
        "model_sha256": v["current__model_sha256"],
        "statement_id": v["current__statement_id"],
        "stale_reasons": yardstick.reasons(
            year=v["fiscal_year"],
            model_sha256=v["current__model_sha256"],
            statement_holds=v["current__statement__current"],
            statement_end=v["current__statement__period_end"],
        ),
        "access_level": access,
        "organization_id": v["organization_id"] if access == "organization" else None,
        "organization_name": names.get(v["organization_id"]),
        "created_by": owner,
        "created_by_email": emails.get(owner) if owner else None,
        "created_at": v["created_at"],
        "updated_at": v["updated_at"],
        **{n: None if ratios.get(n) is None else round(ratios[n], 4) for n in RATIOS[kind]},
    }


def prediction(row: Prediction, drivers: list[dict[str, Any]]) -> dict[str, Any]:
    """One prediction with its drivers and warnings, its term structure and the classic scores."""
    current = row.current
    whole = {**prediction_rows([_values(row)])[0], "drivers": drivers}
    if current is None:
        return {**whole, "warnings": []}
    return {
        **whole,
        "warnings": current.warnings,
        "floor_effect": floor_effect(current),
        "term_structure": term_structure(current),
        "classic_scores": [asdict(found) for found in classic_scores(row)],
    }


def change(found: Bridge) -> dict[str, Any]:
    """The bridge between two scores."""
    return {
        "from": score(found.old),
        "to": score(found.new),
        "probability_change": found.change.new_pd - found.change.old_pd,
        "log_odds_change": found.change.log_odds,
        "summary": found.change.text,
        "components": [asdict(part) for part in found.change.components],
    }


def score(row: Score) -> dict[str, Any]:
    """One run of a prediction's history."""
    return {
        "id": row.id,
        "probability": _probability(row.pd),
        "risk_level": row.risk_level,
        "grade": row.grade,
        "model_version": versions().get(row.model_version_id, ""),
        "model_sha256": row.model_sha256,
        "input_hash": row.input_hash,
        "input_shape": row.shape,
        "job_id": row.job_id,
        "row": row.row_number,
        "statement_id": row.statement_id,
        "history_ids": row.history_ids or [],
        "fx": row.inputs.get("fx"),
        "created_at": row.created_at,
    }


def upload(form: dict[str, Any]) -> dict[str, Any]:
    """An upload form as ``job_create`` takes it."""
    names = ("unit", "currency", "sheet", "priority")
    return {"upload": form["file"], **{name: form[name] for name in names}}


def job(row: ScoringJob) -> dict[str, Any]:
    """A job; ``status`` in the client's words."""
    rate = row.processed_rows / row.seconds if row.seconds and row.processed_rows else None
    left = row.total_rows - row.processed_rows
    message = _ENDED.get(row.state) or row.error_message or None
    return {
        "id": row.id,
        "job_id": row.id,
        "task_id": str(row.id),
        "status": STATUS[row.state],
        "state": row.state,
        "priority": row.priority,
        "job_type": row.kind,
        "original_filename": row.original_filename,
        "file_size": row.file_size,
        "sheet": row.sheet or None,
        "total_rows": row.total_rows,
        # Unknown until the file is cut: a zero would be shown as a count.
        "total_companies": row.total_companies or None,
        "processed_rows": row.processed_rows,
        "successful_rows": row.scored_rows,
        "failed_rows": row.refused_rows,
        "warning_count": row.warning_count,
        "progress_percentage": row.progress,
        "counts_by_risk_level": row.level_counts,
        "refused_by_reason": row.refused_counts,
        "undone": row.undone,
        "columns": row.columns,
        "unknown_columns": row.unknown_columns,
        "rows_per_second": round(rate, 1) if rate else None,
        "seconds": round(row.seconds, 2) if row.seconds else None,
        # Before the first rows are done the guess rests on a cautious rate.
        "estimated_time_minutes": max(1, round(left / (rate or 1000) / 60)) if left else 0,
        "error_message": message,
        "created_by": row.created_by_id,
        "created_by_email": row.created_by_label or None,
        "organization_id": row.organization_id,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
    }


def issue(row: RowIssue) -> dict[str, Any]:
    """A finding about a row of a file."""
    return {
        "row": row.row_number,
        "severity": row.severity,
        "column": row.column or None,
        "code": row.code,
        "message": row.message,
        "value": row.value or None,
    }


def result_row(row: Score, rank: int | None) -> dict[str, Any]:
    """A scored row of a job in its ranking."""
    head, company = row.prediction, row.prediction.company
    return {
        "rank": rank,
        "row": row.row_number,
        "prediction_id": head.id,
        "company_symbol": company.symbol,
        "company_name": company.name,
        "sector": company.sector or None,
        "reporting_year": str(head.fiscal_year),
        "reporting_quarter": head.quarter_text,
        "probability": _probability(row.pd),
        "risk_level": row.risk_level,
        "grade": row.grade,
        "confidence": round(row.confidence, 4),
        "confidence_level": row.confidence_level,
    }


def results(
    job_: ScoringJob, scores: list[Score], errors: list[dict[str, Any]], companies: int
) -> dict[str, Any]:
    """Everything of a job in one answer, as the client's results dialog reads it."""
    done = job_.processed_rows
    return {
        "success": job_.state == "completed",
        "job_id": job_.id,
        "status": STATUS[job_.state],
        "job_summary": {
            "job_type": job_.kind,
            "file_name": job_.original_filename,
            "total_rows": job_.total_rows,
            "successful_rows": job_.scored_rows,
            "failed_rows": job_.refused_rows,
            "success_rate": round(100 * job_.scored_rows / done, 2) if done else 0.0,
            "processing_time_seconds": round(job_.seconds, 2) if job_.seconds else 0.0,
            "rows_per_second": round(done / job_.seconds, 1) if job_.seconds else 0.0,
        },
        "created_data": {
            "predictions_count": job_.scored_rows,
            "companies_count": companies,
            "predictions": [_result_prediction(row) for row in scores],
        },
        "errors": {
            "has_errors": job_.refused_rows > 0,
            "error_count": job_.refused_rows,
            "error_details": {"errors": errors},
        },
    }


def _result_prediction(row: Score) -> dict[str, Any]:
    head, company = row.prediction, row.prediction.company
    return {
        "id": head.id,
        "reporting_year": str(head.fiscal_year),
        "reporting_quarter": head.quarter_text,
        "company": {
            "id": company.id,
            "symbol": company.symbol,
            "name": company.name,
            "sector": company.sector or None,
        },
        "financial_metrics": row.inputs.get("ratios") or {},
        "prediction": {
            "probability": _probability(row.pd),
            "logistic_probability": _probability(row.members.get("logistic")),
            "gbm_probability": _probability(row.members.get("gradient_boosting")),
            "ensemble_probability": _probability(row.pd),
            "risk_level": row.risk_level,
            "confidence": round(row.confidence, 4),
        },
    }

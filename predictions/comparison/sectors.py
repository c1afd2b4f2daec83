"""Sectors side by side, and who stands where."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, Avg, Count, F, FloatField, Max, Q
from django.db.models.functions import Lower, Trim

from predictions.models import Prediction, RiskLevel
from predictions.selectors import in_reference
from tenants.kernel import stamps
from tenants.kernel.context import current_tenant

WEAK = (RiskLevel.HIGH, RiskLevel.CRITICAL)
_TOPICS = ("companies", "predictions")


class Quantile(Aggregate):
    """A quantile by linear interpolation, as NumPy's."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: Any, *, share: float) -> None:
        super().__init__(expression, share=float(share))


def sectors(kind: str, *, reference: bool) -> dict[str, Any]:
    """The sectors of one's own companies, and beside them those of the reference data."""
    found = {"own": _sectors(kind), "reference": []}
    if reference and not current_tenant().is_reference:
        with in_reference(reason="sectors"):
            found["reference"] = _sectors(kind)
    return found


def _sectors(kind: str) -> list[dict[str, Any]]:
    return stamps.remembered(f"sectors:{kind}", _TOPICS, lambda: _count(kind))


def _count(kind: str) -> list[dict[str, Any]]:
    rows = Prediction.objects.filter(latest=True, kind=kind, pd__isnull=False)
    grouped = (
        rows.order_by()
        .annotate(key=Lower(Trim("company__sector")))
        .values("key")
        .annotate(
            sector=Max("company__sector"),
            names=Count("id"),
            mean_pd=Avg("pd"),
            q1=Quantile(F("pd"), share=0.25),
            median_pd=Quantile(F("pd"), share=0.5),
            q3=Quantile(F("pd"), share=0.75),
            worst_pd=Max("pd"),
            **{level: Count("id", filter=Q(risk_level=level)) for level in RiskLevel.values},
        )
    )
    found = [
        {
            "sector": row["sector"],
            "names": row["names"],
            "mean_pd": row["mean_pd"],
            "q1": row["q1"],
            "median_pd": row["median_pd"],
            "q3": row["q3"],
            "worst_pd": row["worst_pd"],
            "levels": {level: row[level] for level in RiskLevel.values},
            "weak_share": sum(row[level] for level in WEAK) / row["names"],
        }
        for row in grouped
    ]
    return sorted(found, key=lambda row: (-row["mean_pd"], row["sector"]))


def ranked(kind: str) -> Any:
    """What stands, the worst first."""
    rows = Prediction.objects.filter(latest=True, kind=kind, pd__isnull=False)
    return rows.select_related("company", "current").order_by("-pd", "id")


def before(heads: list[Prediction]) -> dict[Any, Prediction]:
    """By company, what stood for the period before, for one page of heads of one kind."""
    if not heads:
        return {}
    rows = Prediction.objects.filter(
        company__in=[head.company_id for head in heads], kind=heads[0].kind, latest=False
    ).order_by("company_id", "-fiscal_year", "-fiscal_quarter", "-id")
    return {row.company_id: row for row in rows.distinct("company_id")}

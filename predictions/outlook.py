"""What is thought of companies now: the latest PD of each, its level, and how it has moved.

Named in COMPANY_OUTLOOK: lists of companies ask for it, and know nothing else of predictions.
The annual PD speaks for a company; the quarterly one where there is no other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from companies.models import Company
from predictions.models import Prediction, PredictionKind
from tenants.kernel import stamps

# So many companies without a PD are remembered by name.
FEW = 1_000


def of(company_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """The outlook of each company that has a prediction, in one query."""
    rows = (
        Prediction.objects.filter(company_id__in=company_ids)
        .exclude(pd=None)
        .order_by("company_id", "kind", "-fiscal_year", "-fiscal_quarter")
        .values_list("company_id", "kind", "id", "fiscal_year", "fiscal_quarter", "pd", "risk_level")
    )
    found: dict[UUID, dict[str, Any]] = {}
    for company_id, kind, identifier, year, quarter, pd, level in rows:
        known = found.get(company_id)
        if known is None:
            found[company_id] = {
                "prediction_id": identifier,
                "kind": kind,
                "reporting_year": str(year),
                "reporting_quarter": f"Q{quarter}" if quarter else None,
                "probability": round(pd, 6),
                "risk_level": level,
                "previous_probability": None,
                "previous_risk_level": None,
                "change": None,
            }
        elif known["kind"] == kind and known["previous_probability"] is None:
            known |= {
                "previous_probability": round(pd, 6),
                "previous_risk_level": level,
                "change": round(known["probability"] - pd, 6),
            }
    return found


def narrowed(
    rows: QuerySet[Any],
    *,
    has: bool | None = None,
    risk_levels: Sequence[str] = (),
    lowest: float | None = None,
    highest: float | None = None,
) -> QuerySet[Any]:
    """Companies with such an outlook; ``has`` asks whether there is one at all."""
    if has is not None:
        rows = rows.filter(id__in=_scored() if has else _unscored())
    if risk_levels or lowest is not None or highest is not None:
        # The annual head that stands now, the quarterly one where there is no annual.
        standing = Prediction.objects.filter(latest=True, pd__isnull=False)
        annual = standing.filter(company_id=OuterRef("company_id"), kind=PredictionKind.ANNUAL)
        speaking = standing.filter(Q(kind=PredictionKind.ANNUAL) | ~Exists(annual))
        if risk_levels:
            speaking = speaking.filter(risk_level__in=risk_levels)
        if lowest is not None:
            speaking = speaking.filter(pd__gte=lowest)
        if highest is not None:
            speaking = speaking.filter(pd__lte=highest)
        rows = rows.filter(id__in=speaking.order_by().values("company_id"))
    return rows


def _scored() -> QuerySet[Any]:
    """Identifiers of the companies that have a PD, once for each of its kinds."""
    standing: QuerySet[Any] = Prediction.objects.filter(latest=True, pd__isnull=False)
    return standing.order_by().values("company_id")


def _unscored() -> QuerySet[Any] | list[UUID]:
    """Identifiers of the companies that have none.

    They are found by one look at either side: asked of each company in turn it takes a second where nearly
    all are scored. That look takes long enough to be remembered where few are found; where there are many, a
    page is soon full.
    """
    missing = Company.objects.order_by().values("id").difference(_scored())
    few: list[UUID] = stamps.remembered(
        "companies without a PD",
        ("companies", "predictions"),
        lambda: [row["id"] for row in missing[: FEW + 1]],
    )
    return few if len(few) <= FEW else missing

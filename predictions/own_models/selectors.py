"""How an own model stands beside the champion."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import F, FloatField
from django.db.models.functions import Abs, Ln

from ml.categories import CATEGORIES, Cutoffs, categorise
from predictions.own_models.models import OwnModel
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Conflict

FARTHEST = 20


def comparison(model: OwnModel) -> dict[str, Any]:
    """Agreement on the same predictions: rank correlation, mean PDs, categories, the widest differences.

    Raises Conflict where no comparison was made yet.
    """
    from scipy.stats import spearmanr  # takes half a second to import

    if model.compared_at is None:
        raise Conflict("No comparison was made yet; ask for one first.", code="not_compared")
    rows = list(_present(model).values_list("pd", "champion_pd"))
    own, champion = np.array(rows, dtype=np.float64).reshape(-1, 2).T
    cutoffs = Cutoffs(*current_tenant().cutoffs)
    ours, theirs = categorise(own, cutoffs), categorise(champion, cutoffs)
    several = len(own) > 1 and len(set(own)) > 1 and len(set(champion)) > 1
    return {
        "compared_at": model.compared_at,
        "predictions": len(own),
        "rank_correlation": float(spearmanr(own, champion).statistic) if several else None,
        "mean_pd": float(own.mean()) if len(own) else None,
        "champion_mean_pd": float(champion.mean()) if len(own) else None,
        "same_category": float(np.mean(ours == theirs)) if len(own) else None,
        "categories": {
            theirs_name: {ours_name: int(np.sum((theirs == theirs_name) & (ours == ours_name)))
                          for ours_name in CATEGORIES}
            for theirs_name in CATEGORIES
        },
        "farthest": _farthest(model),
    }  # fmt: skip


def _present(model: OwnModel) -> Any:
    """Its scores of companies that nobody has deleted since."""
    return model.scores.filter(prediction__company_deleted_at=None)


def _farthest(model: OwnModel) -> list[dict[str, Any]]:
    """The predictions on which the two differ most in log-odds."""
    apart = Abs(
        Ln(F("pd") / (1 - F("pd")), output_field=FloatField())
        - Ln(F("champion_pd") / (1 - F("champion_pd")), output_field=FloatField())
    )
    inside = _present(model).filter(pd__gt=0, pd__lt=1, champion_pd__gt=0, champion_pd__lt=1)
    rows = inside.annotate(apart=apart).order_by("-apart", "id").values(
        "prediction_id", "prediction__company__symbol", "prediction__fiscal_year",
        "prediction__fiscal_quarter", "pd", "champion_pd", "missing",
    )[:FARTHEST]  # fmt: skip
    return [
        {
            "prediction_id": row["prediction_id"],
            "company_symbol": row["prediction__company__symbol"],
            "reporting_year": str(row["prediction__fiscal_year"]),
            "reporting_quarter": row["prediction__fiscal_quarter"]
            and f"Q{row['prediction__fiscal_quarter']}",
            "probability": row["pd"],
            "champion_probability": row["champion_pd"],
            "missing_share": row["missing"],
        }
        for row in rows
    ]

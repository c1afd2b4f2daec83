"""How challenger and champion agree: counted in each tenant, added up for the platform.

Public holds counts only: a table of PD by PD on a fine grid, one of category by category, and the first once
more for survivors and defaults of periods that are over. Ranks, means, shares and realised discrimination
follow from them, exact up to the width of a cell (0.2 in log-odds).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone

from predictions.models import RiskLevel, ShadowScore
from predictions.monitoring.performance import LEAST_DEFAULTS
from predictions.monitoring.realised import followed, is_closed, known_outcomes
from predictions.registry.models import ModelVersion, ShadowComparison
from predictions.registry.selectors import ModelRef
from predictions.services.shadow import shadows_purge
from tenants.kernel import scope
from tenants.kernel.context import TenantRef, in_public, in_tenant

# The newest scores of a tenant that are counted: enough for every figure to the third digit.
MOST = 200_000
CELLS = 60
LOWEST, WIDTH = -10.0, 0.2
LEVELS = [str(level.value) for level in RiskLevel]


def count(tenant: TenantRef, champion: ModelRef, challenger: ModelRef) -> int:
    """Count one tenant's pairs of scores and keep the counts in public; 1 for the tenant counted."""
    with in_tenant(tenant), scope.every_organization(reason="comparison of models"):
        rows = ShadowScore.objects.filter(
            model_version_id=challenger.id,
            score__model_version_id=champion.id,
            score__prediction__company_deleted_at=None,
        ).order_by("-id")
        pairs = list(rows.values_list("score__pd_raw", "pd", "score__risk_level", "risk_level")[:MOST])
        realised = _realised(rows)
    with in_public():
        ShadowComparison.objects.update_or_create(
            challenger_id=challenger.id,
            champion_id=champion.id,
            tenant_id=tenant.id,
            defaults={
                "scores": len(pairs),
                "counts": tally(pairs) | {"realised": realised},
                "updated_at": timezone.now(),
            },
        )
    return 1


def purge(tenant: TenantRef) -> int:
    """Drop one tenant's old shadow scores; tells how many."""
    with in_tenant(tenant), scope.every_organization(reason="retention of shadow scores"):
        return shadows_purge()


def tally(pairs: Iterable[tuple[float, float, str, str]]) -> dict[str, Any]:
    """Counts of pairs of PDs (champion's, challenger's) and levels: what is kept of them."""
    grid: dict[str, int] = {}
    levels = [[0] * len(LEVELS) for _ in LEVELS]
    champion_sum = challenger_sum = 0.0
    for ours, theirs, level, other in pairs:
        cell = f"{_cell(ours)},{_cell(theirs)}"
        grid[cell] = grid.get(cell, 0) + 1
        levels[LEVELS.index(level)][LEVELS.index(other)] += 1
        champion_sum += ours
        challenger_sum += theirs
    return {"grid": grid, "levels": levels, "sums": [champion_sum, challenger_sum]}


def _realised(rows: QuerySet[Any]) -> dict[str, list[int]]:
    """Survivors and defaults by cell of the grid: the first pair of every prediction whose period is over."""
    today = timezone.now().date()
    first = rows.order_by("score__prediction_id", "id").distinct("score__prediction_id")
    pairs = list(
        first.values_list(
            "score__prediction__company_id",
            "score__prediction__kind",
            "score__prediction__fiscal_year",
            "score__prediction__fiscal_quarter",
            "score__pd_raw",
            "pd",
        )[:MOST]
    )
    flags = followed([pair[:4] for pair in pairs], known_outcomes())
    found: dict[str, list[int]] = {}
    for (_, _, year, quarter, ours, theirs), bad in zip(pairs, flags, strict=True):
        if is_closed(year, quarter, today):
            found.setdefault(f"{_cell(ours)},{_cell(theirs)}", [0, 0])[bad] += 1
    return found


def _cell(pd_: float) -> int:
    log_odds = np.log(max(pd_, 1e-9) / max(1.0 - pd_, 1e-9))
    return int(np.clip((log_odds - LOWEST) / WIDTH, 0, CELLS - 1))


def comparison(challenger: ModelVersion) -> dict[str, Any]:
    """How a version agreed with the champion over all tenants, from what was counted last."""
    with in_public():
        rows = list(challenger.comparisons.select_related("champion").filter(scores__gt=0))
        if rows:
            newest = max(rows, key=lambda row: row.updated_at).champion
            rows = [row for row in rows if row.champion_id == newest.id]
    total = sum(row.scores for row in rows)
    found: dict[str, Any] = {
        "challenger": str(challenger.id),
        "champion": str(rows[0].champion_id) if rows else None,
        "champion_version": rows[0].champion.version if rows else None,
        "scores": total,
        "tenants": len(rows),
        "counted_at": max((row.updated_at for row in rows), default=None),
        "agreement": None,
        "rank_correlation": None,
        "mean_pd": None,
        "levels": LEVELS,
        "migration": None,
        "outcomes": None,
    }
    if not total:
        return found
    grid = np.zeros((CELLS, CELLS))
    for row in rows:
        for cell, number in row.counts["grid"].items():
            ours, theirs = cell.split(",")
            grid[int(ours), int(theirs)] += number
    levels = np.sum([row.counts["levels"] for row in rows], axis=0)
    sums = np.sum([row.counts["sums"] for row in rows], axis=0) / total
    return found | {
        "agreement": float(np.trace(levels) / total),
        "rank_correlation": rank_correlation(grid),
        "mean_pd": {"champion": float(sums[0]), "challenger": float(sums[1])},
        "migration": levels.tolist(),
        "outcomes": realised_difference([row.counts.get("realised", {}) for row in rows]),
    }


def realised_difference(counted: Iterable[Mapping[str, Sequence[int]]]) -> dict[str, Any] | None:
    """Realised AUC of champion and challenger on the same rows, and their difference with its 95 % interval.

    None below ``LEAST_DEFAULTS`` defaults: it would say more about chance than about the models.
    """
    from ml.validation import auc, auc_difference  # its libraries take a second to import

    places, target = [], []
    for counts in counted:
        for cell, numbers in counts.items():
            place = [int(part) for part in cell.split(",")]
            for bad, number in enumerate(numbers):
                places += [place] * number
                target += [bad] * number
    defaults = sum(target)
    if defaults < LEAST_DEFAULTS or defaults == len(target):
        return None
    truth, cells = np.array(target, dtype=np.float64), np.array(places, dtype=np.float64)
    gain = auc_difference(truth, cells[:, 1], cells[:, 0], repeats=300)
    return {
        "names": len(target),
        "defaults": defaults,
        "champion_auc": auc(truth, cells[:, 0]),
        "challenger_auc": auc(truth, cells[:, 1]),
        "difference": gain.value,
        "difference_low": gain.low,
        "difference_high": gain.high,
    }


def rank_correlation(grid: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    """Spearman's correlation of a table of counts, ties at mean rank; None where a side is constant."""
    total = grid.sum()
    ranks = []
    for axis in (1, 0):
        margin = grid.sum(axis=axis)
        ranks.append((np.cumsum(margin) - 0.5 * margin) / total - 0.5)
    spread = [float((grid.sum(axis=axis) * rank**2).sum()) for axis, rank in zip((1, 0), ranks, strict=True)]
    if min(spread) <= 0:
        return None
    return float(ranks[0] @ grid @ ranks[1] / np.sqrt(spread[0] * spread[1]))

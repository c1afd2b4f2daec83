"""What a company's file is made of, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db.models import QuerySet

from companies.line_items import LineItems
from companies.models import Company, PeriodKind, Statement
from ml.features import (
    CLASSIC_RATIOS,
    LINE_ITEMS,
    RATIOS,
    Items,
    classic_ratios,
    complete_items,
    ratios_from_items,
)
from predictions.detail import classic_scores
from predictions.explaining import drivers_of
from predictions.exporting.company_file.beside import Beside, beside
from predictions.models import Prediction, PredictionKind, Score
from predictions.registry.selectors import versions

# The file of a company holds no more than this of its past.
MOST_PERIODS: Final = 200
MOST_SCORES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Point:
    """A score at a period, for the history."""

    period: float
    """The year, a quarter being a quarter of it."""
    words: str
    score: Score


@dataclass(slots=True)
class CompanyFile:
    """A company with all that its file tells."""

    company: Company
    statements: list[Statement]
    """The versions that hold now, the newest first."""
    prediction: Prediction | None
    """The newest period that is scored; annual before quarterly."""
    history: list[Point]
    """The scores that hold now by period, the oldest first, of the same kind as the prediction."""
    drivers: list[dict[str, Any]]
    classic: list[Any]
    model_version: str
    beside: Beside | None
    """Where it stands among its peers."""

    @property
    def score(self) -> Score | None:
        return self.prediction.current if self.prediction is not None else None


def gather(company: Company, *, reference: bool | None = None) -> CompanyFile:
    """Read what there is of a company, in a handful of queries.

    Its peers are the organization's own companies, with ``reference`` those of the platform too; with None
    they are left out.
    """
    heads = list(
        Prediction.objects.filter(company=company, current__isnull=False)
        .select_related("company", "current")
        .order_by("-fiscal_year", "-fiscal_quarter", "-id")[:MOST_PERIODS]
    )
    annual = [head for head in heads if head.kind == PredictionKind.ANNUAL]
    chosen = annual or heads
    newest = chosen[0] if chosen else None
    score = newest.current if newest is not None else None
    return CompanyFile(
        company=company,
        statements=list(statements(company)),
        prediction=newest,
        history=[point for head in reversed(chosen) if (point := _point(head)) is not None],
        drivers=drivers_of(newest) if newest is not None else [],
        classic=classic_scores(newest) if newest is not None else [],
        model_version=versions().get(score.model_version_id, "") if score is not None else "",
        beside=None if reference is None else beside(company, newest, reference=reference),
    )


def statements(company: Company) -> QuerySet[Any]:
    """The versions that hold now, annual first, the newest first."""
    rows: QuerySet[Any] = Statement.objects.filter(company=company, current=True)
    return rows.order_by("kind", "-fiscal_year", "-fiscal_quarter")[:MOST_PERIODS]


def _point(head: Prediction) -> Point | None:
    if head.current is None:
        return None
    quarter = head.fiscal_quarter or 0
    words = f"{head.fiscal_year} Q{quarter}" if quarter else str(head.fiscal_year)
    return Point(head.fiscal_year + (quarter - 1) / 4 if quarter else head.fiscal_year, words, head.current)


@dataclass(frozen=True, slots=True)
class RatioLine:
    """One ratio over the statements."""

    name: str
    label: str
    formula: str
    unit: str
    values: list[float | None]


def ratio_lines(rows: Sequence[Statement]) -> list[RatioLine]:
    """Every ratio of the engine for each statement, in its order; flows of part-years as they stand."""
    if not rows:
        return []
    items = _items(rows)
    named = ratios_from_items(items, tuple(RATIOS))
    lines = [
        RatioLine(name, spec.label, spec.formula, spec.unit, _known(named[name]))
        for name, spec in RATIOS.items()
    ]
    others = classic_ratios(items)
    for name, spec in CLASSIC_RATIOS.items():
        if name not in named and name in others:
            lines.append(RatioLine(name, spec.label, spec.formula, spec.unit, _known(others[name])))
    return lines


def _items(rows: Sequence[Statement]) -> Items:
    """Line items as columns, shape (n,), completed by what follows from others."""
    columns = {name: np.full(len(rows), np.nan) for name in LINE_ITEMS}
    for place, row in enumerate(rows):
        for name in LineItems.item_names():
            value = getattr(row, name)
            if value is not None and name in columns:
                columns[name][place] = float(value)
    return complete_items(columns)


def _known(values: Any) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def period_words(row: Statement) -> str:
    """2024, 2024 Q3, 2024 Q3 TTM."""
    quarter = f" Q{row.fiscal_quarter}" if row.fiscal_quarter else ""
    return f"{row.fiscal_year}{quarter}{' TTM' if row.kind == PeriodKind.TRAILING else ''}"

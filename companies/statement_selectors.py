"""Reads of statements: a period's ratios over the years, and what changed between versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from companies.models import PeriodKind, Statement
from companies.ratios import YEARS_BACK, RatioValue, ratios_of

# Periods that a history of ratios goes back at most.
MOST_PERIODS = 40
_COMPARED = ("currency", "period_end", "months", "unit", "filing_id", "filed_on", "source")


@dataclass(frozen=True, slots=True)
class Rated:
    """A period with its ratios."""

    statement: Statement
    basis: str
    """``year``, ``trailing_year`` (flows of twelve months from four quarters), or ``quarter``."""
    ratios: list[RatioValue]


def ratios_for(statements: Sequence[Statement]) -> list[Rated]:
    """The ratios of each statement with the company's current statements of earlier years.

    A quarter's ratios are those of the twelve months to its end where these are known, else of its own three
    months. One query whatever the number.
    """
    rows = Statement.objects.filter(company__in={s.company_id for s in statements}, current=True)
    books: dict[tuple[UUID, str], dict[tuple[int, int | None], Statement]] = {}
    for row in rows:
        books.setdefault((row.company_id, row.kind), {})[row.fiscal_year, row.fiscal_quarter] = row
    periods, bases = [], []
    for statement in statements:
        kind, of, basis = statement.kind, statement, "year"
        if kind != PeriodKind.ANNUAL:
            trailing = books.get((statement.company_id, PeriodKind.TRAILING), {})
            found = trailing.get((statement.fiscal_year, statement.fiscal_quarter))
            basis = "trailing_year"
            if kind == PeriodKind.QUARTERLY and statement.current and found is not None:
                kind, of = PeriodKind.TRAILING, found
            elif kind == PeriodKind.QUARTERLY:
                basis = "quarter"
        mine = books.get((statement.company_id, kind), {})
        earlier = [mine.get((of.fiscal_year - n, of.fiscal_quarter)) for n in range(1, YEARS_BACK + 1)]
        same = [row.amounts() if row is not None and row.currency == of.currency else {} for row in earlier]
        periods.append((of.amounts(), same))
        bases.append(basis)
    return [
        Rated(statement, basis, ratios)
        for statement, basis, ratios in zip(statements, bases, ratios_of(periods), strict=True)
    ]


def ratio_history(*, company_id: UUID, kind: str) -> list[Rated]:
    """The ratios of a company's current statements of a kind, from old to new."""
    rows = Statement.objects.filter(company_id=company_id, kind=kind, current=True)
    latest = list(rows.order_by("-fiscal_year", "-fiscal_quarter")[:MOST_PERIODS])
    return ratios_for(latest[::-1])


def versions_of(statement: Statement) -> list[Statement]:
    """Every version of the statement's period that nobody has deleted, from old to new."""
    return list(
        Statement.objects.filter(
            company_id=statement.company_id,
            kind=statement.kind,
            fiscal_year=statement.fiscal_year,
            fiscal_quarter=statement.fiscal_quarter,
        )
        .select_related("company")
        .order_by("version")
    )


def difference(old: Statement, new: Statement) -> list[dict[str, Any]]:
    """What changed from one version to another: amounts first, each with its change."""
    found: list[dict[str, Any]] = []
    for name in Statement.item_names():
        before, now = getattr(old, name), getattr(new, name)
        if before == now:
            continue
        both = before is not None and now is not None
        found.append(
            {
                "item": name,
                "before": _number(before),
                "after": _number(now),
                "change": float(now - before) if both else None,
                "percent": float(100 * (now - before) / abs(before)) if both and before else None,
            }
        )
    for name in _COMPARED:
        before, now = getattr(old, name), getattr(new, name)
        if before != now:
            texts = {"before": _text(before), "after": _text(now)}
            found.append({"item": name, **texts, "change": None, "percent": None})
    return found


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)

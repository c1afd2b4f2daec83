"""How things stood on a day: which score of a company held then, and what became of it.

Of the scores that were there by the end of the day (UTC), the one of the newest period holds, and of one
period the newest score: as the platform would have shown it that evening. Past days change only where scores
go, come with an old date, or move to another period or company (the topic ``past``), so what was counted once
is kept. Companies that have been deleted are not counted, nor are scores that retention has removed.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Avg, Count, Value
from django.utils import timezone

from predictions.models import Prediction, RiskLevel, Score
from tenants.kernel import stamps

LEVELS = tuple(RiskLevel.values)
# Beside the categories: not scored yet, and no longer.
NONE = "NONE"
_NOW = ("predictions", "scores", stamps.PAST)
_KEPT = 90 * stamps.DAY


def held(day: date, kind: str) -> Any:
    """The scores that held at the end of the day, one a company."""
    evening = datetime.combine(day + timedelta(days=1), time(), UTC)
    rows = Score.objects.filter(
        created_at__lt=evening, prediction__kind=kind, prediction__company__deleted_at=None
    )
    newest = ("-prediction__fiscal_year", "-prediction__fiscal_quarter", "-created_at", "-id")
    return rows.order_by("prediction__company_id", *newest).distinct("prediction__company_id")


def _topics(*days: date) -> tuple[str, ...]:
    """What can change an answer about these days."""
    return (stamps.PAST,) if max(days) < timezone.now().date() else _NOW


def migration(start: date, end: date, kind: str) -> dict[str, Any]:
    """Companies by their category on two days, with those that were scored on one of them only."""
    name = f"migration:{kind}:{start}:{end}"
    return stamps.remembered(name, _topics(start, end), lambda: _migration(start, end, kind), seconds=_KEPT)


def _migration(start: date, end: date, kind: str) -> dict[str, Any]:
    fields = ("prediction__company_id", "risk_level")
    before, after = (dict(held(day, kind).values_list(*fields)) for day in (start, end))
    moves = Counter((level, after.get(company, NONE)) for company, level in before.items())
    moves.update((NONE, level) for company, level in after.items() if company not in before)
    places = (*LEVELS, NONE)
    matrix = {old: {new: moves[old, new] for new in places if (old, new) != (NONE, NONE)} for old in places}
    both = {pair: n for pair, n in moves.items() if NONE not in pair}
    steps = Counter[int]()
    for (old, new), number in both.items():
        steps[(LEVELS.index(new) > LEVELS.index(old)) - (LEVELS.index(new) < LEVELS.index(old))] += number
    whole = sum(both.values())
    return {
        "names": whole,
        "matrix": matrix,
        "shares": {
            old: {new: _share(both.get((old, new), 0), old, both) for new in LEVELS} for old in LEVELS
        },
        "stayed": steps[0],
        "worse": steps[1],
        "better": steps[-1],
        "came": sum(matrix[NONE].values()),
        "went": sum(row.get(NONE, 0) for row in matrix.values()),
    }


def _share(number: int, old: str, both: dict[tuple[str, str], int]) -> float | None:
    row = sum(n for (level, _), n in both.items() if level == old)
    return number / row if row else None


def quarter_ends(count: int, today: date) -> list[date]:
    """The last days of the quarters before this one, then today: ``count`` days, the oldest first."""
    found = [today]
    first = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    while len(found) < count:
        end = first - timedelta(days=1)
        found.append(end)
        first = date(end.year, 3 * ((end.month - 1) // 3) + 1, 1)
    return found[::-1]


def distribution(count: int, kind: str, *, today: date | None = None) -> list[dict[str, Any]]:
    """Companies by category and their mean PD at the end of each quarter, and now.

    Asked again, only what is new is counted: one look at the stamps and one at the standing heads.
    """
    days = quarter_ends(count, today or timezone.now().date())
    past = days[:-1]
    kept: dict[date, Any] = {}
    if past:
        name = f"distribution:{kind}:{past[0]}:{past[-1]}"
        kept = stamps.remembered(name, (stamps.PAST,), lambda: _counts(past, kind), seconds=_KEPT)
    rows = [{"day": day, "quarter": _quarter(day), **kept[day]} for day in past]
    return [*rows, {"day": days[-1], "quarter": _quarter(days[-1]), **standing(kind)}]


def _counts(days: list[date], kind: str) -> dict[date, dict[str, Any]]:
    """All days in one query."""
    parts = [
        Score.objects.filter(id__in=held(day, kind).values("id"))
        .order_by()
        .annotate(place=Value(place))
        .values("place", "risk_level")
        .annotate(n=Count("id"), mean=Avg("pd"))
        .values_list("place", "risk_level", "n", "mean")
        for place, day in enumerate(days)
    ]
    found: dict[int, list[tuple[str, int, float]]] = {}
    for place, *counted in parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]:
        found.setdefault(place, []).append(tuple(counted))
    return {day: _summed(found.get(place, [])) for place, day in enumerate(days)}


def standing(kind: str) -> dict[str, Any]:
    """The same of what stands now."""
    topics = ("predictions",)
    return stamps.remembered(
        f"standing:{kind}",
        topics,
        lambda: _by_level(Prediction.objects.filter(latest=True, kind=kind, pd__isnull=False)),
    )


def _by_level(rows: Any) -> dict[str, Any]:
    return _summed(list(rows.order_by().values_list("risk_level").annotate(n=Count("id"), mean=Avg("pd"))))


def _summed(rows: list[tuple[str, int, float]]) -> dict[str, Any]:
    counted = {level: (number, mean) for level, number, mean in rows}
    names = sum(number for number, _ in counted.values())
    total = sum(number * mean for number, mean in counted.values())
    return {
        "names": names,
        "levels": {level: counted.get(level, (0, 0.0))[0] for level in LEVELS},
        "mean_pd": total / names if names else None,
    }


def _quarter(day: date) -> str:
    return f"{day.year} Q{(day.month - 1) // 3 + 1}"

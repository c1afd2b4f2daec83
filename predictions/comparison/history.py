"""How things stood on a day: which score of a company held then, and what became of it.

Of the scores that were there by the end of the day (UTC), the one of the newest period holds, and of one
period the newest score: as the platform would have shown it that evening. Past days change only where scores
go, come with an old date, or move to another period or company (the topic ``past``), so what was counted once
is kept. Companies that have been deleted are not counted, nor are scores that retention has removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Avg, Case, Count, F, FloatField, Func, Max, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from predictions.models import Prediction, RiskLevel, Score
from tenants.kernel import stamps

LEVELS = tuple(RiskLevel.values)
# Beside the categories: not scored yet, and no longer.
NONE = "NONE"
_NOW = ("predictions", "scores", stamps.PAST)
_KEPT = 90 * stamps.DAY


_PD, _LEVEL = 3, 4
_PLACES = {level: float(place) for place, level in enumerate(LEVELS)}


class _Item(Func):
    """One item of an array, the first being 1."""

    def __init__(self, array: Any, place: int) -> None:
        super().__init__(array, template=f"(%(expressions)s)[{place}]", output_field=FloatField())


def _as_array() -> Func:
    """A score as period, moment, PD, level: of two arrays the one that holds is the larger."""
    period = F("prediction__fiscal_year") * 5 + Coalesce(F("prediction__fiscal_quarter"), 0)
    moment = Func("created_at", template="EXTRACT(EPOCH FROM %(expressions)s)", output_field=FloatField())
    level = Case(
        *(When(risk_level=name, then=Value(place)) for name, place in _PLACES.items()),
        output_field=FloatField(),
    )
    return Func(
        *(period, moment, F("pd"), level),
        template="ARRAY[%(expressions)s]::double precision[]",
        output_field=ArrayField(FloatField()),
    )


def held(days: Sequence[date], kind: str) -> QuerySet[Any, Any]:
    """For each company PD and level that held at the end of each day: ``pd0``, ``level0``, ``pd1``, ...

    One pass over the scores, whatever the number of days: the newest of each company is the largest of its
    arrays, so nothing is sorted.
    """
    evenings = [datetime.combine(day + timedelta(days=1), time(), UTC) for day in days]
    rows = Score.objects.filter(
        created_at__lt=max(evenings), prediction__kind=kind, prediction__company_deleted_at=None
    )
    columns = {}
    for place, evening in enumerate(evenings):
        newest = Max(_as_array(), filter=Q(created_at__lt=evening))
        columns[f"pd{place}"] = _Item(newest, _PD)
        columns[f"level{place}"] = _Item(newest, _LEVEL)
    positions: QuerySet[Any, Any] = rows.order_by().values("prediction__company_id").annotate(**columns)
    return positions


def _topics(*days: date) -> tuple[str, ...]:
    """What can change an answer about these days."""
    return (stamps.PAST,) if max(days) < timezone.now().date() else _NOW


def migration(start: date, end: date, kind: str) -> dict[str, Any]:
    """Companies by their category on two days, with those that were scored on one of them only."""
    name = f"migration:{kind}:{start}:{end}"
    return stamps.remembered(name, _topics(start, end), lambda: _migration(start, end, kind), seconds=_KEPT)


def _migration(start: date, end: date, kind: str) -> dict[str, Any]:
    until_now = end >= timezone.now().date()
    moves = _moves_until_now(start, kind) if until_now else _moves_in_the_past(start, end, kind)
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


def _moves_in_the_past(start: date, end: date, kind: str) -> Counter[tuple[str, str]]:
    """How many companies went from which category to which, counted by the database."""
    places = {**_PLACES, NONE: None}
    pairs = [(old, new) for old in places for new in places if (old, new) != (NONE, NONE)]
    wanted = {
        f"n{number}": Count(
            "prediction__company_id", filter=_at("level0", places[old]) & _at("level1", places[new])
        )
        for number, (old, new) in enumerate(pairs)
    }
    counted = held((start, end), kind).aggregate(**wanted)
    return Counter({pair: counted[f"n{number}"] for number, pair in enumerate(pairs)})


def _at(name: str, place: float | None) -> Q:
    return Q(**{f"{name}__isnull": True}) if place is None else Q(**{name: place})


def _moves_until_now(start: date, kind: str) -> Counter[tuple[str, str]]:
    """The same until what stands now: the past is kept, and only the standing heads are read."""
    topics = (stamps.PAST,)
    packed = stamps.remembered(f"held:{kind}:{start}", topics, lambda: _packed(start, kind), seconds=_KEPT)
    before = {ids[at : at + 16]: level for level, ids in packed.items() for at in range(0, len(ids), 16)}
    heads = Prediction.objects.filter(latest=True, kind=kind, pd__isnull=False).order_by()
    moves: Counter[tuple[str, str]] = Counter()
    for company, level in heads.values_list("company_id", "risk_level").iterator(chunk_size=20_000):
        moves[before.pop(company.bytes, NONE), level] += 1
    moves.update((level, NONE) for level in before.values())
    return moves


def _packed(day: date, kind: str) -> dict[str, bytes]:
    """Companies by their category at the end of the day, as bytes: small enough to be kept."""
    found: dict[str, list[bytes]] = {level: [] for level in LEVELS}
    rows = held([day], kind).values_list("prediction__company_id", "level0")
    for company, place in rows.iterator(chunk_size=20_000):
        found[LEVELS[int(place)]].append(company.bytes)
    return {level: b"".join(ids) for level, ids in found.items()}


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
    """All days in one pass."""
    wanted: dict[str, Any] = {}
    for place in range(len(days)):
        wanted[f"mean{place}"] = Avg(f"pd{place}")
        for number, level in enumerate(LEVELS):
            chosen = Q(**{f"level{place}": _PLACES[level]})
            wanted[f"n{place}_{number}"] = Count("prediction__company_id", filter=chosen)
    counted = held(days, kind).aggregate(**wanted)
    found = {}
    for place, day in enumerate(days):
        levels = {level: counted[f"n{place}_{number}"] for number, level in enumerate(LEVELS)}
        found[day] = {"names": sum(levels.values()), "levels": levels, "mean_pd": counted[f"mean{place}"]}
    return found


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

"""The inverse: the smallest movement within bounds that brings a statement's PD below a target.

The PD is a staircase of trees under a blend: it has no slope to follow. So many statements are tried at once,
all of them with balanced books: each lever alone, each pair, and mixtures; what succeeds is made smaller step
by step. Nothing is said of a candidate but what scoring it has said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from itertools import combinations

import numpy as np

from ml.features import Array
from ml.scenario.books import Assumptions, Shocked, apply
from ml.scenario.kinds import Mode, Shock, checked
from ml.scenario.sums import Amounts

MOST_LEVERS = 10
_ALONE, _PAIRED, _MIXED = 16, 6, 384
_SHRINK = (0.0, 0.5, 0.75, 0.9, 0.97)
_ROUNDS = 4
_USED = 1e-9


@dataclass(frozen=True)
class Lever:
    """What may move, and how far: from nothing to ``limit``."""

    kind: str
    mode: Mode
    limit: Decimal
    weight: float = 1.0
    """What using all of its room costs against the others."""

    def at(self, share: Decimal) -> Shock:
        return Shock(self.kind, self.mode, self.limit * share)


@dataclass(frozen=True)
class Alternative:
    """One way to the target, as it was scored."""

    shocks: tuple[Shock, ...]
    shares: dict[str, float]
    """Part of each lever's room that is used."""
    cost: float
    """Weighted sum of the shares."""
    pd: float
    shocked: Shocked


@dataclass(frozen=True)
class Reached:
    """What was found."""

    start: float
    target: float
    """PDs below this are in the wanted category."""
    alternatives: tuple[Alternative, ...]
    """The cheapest first; empty where no movement within the bounds reaches the target."""
    nearest: Alternative
    """The lowest PD of all that was tried."""
    tried: int


@dataclass
class _Search:
    base: Amounts
    levers: Sequence[Lever]
    score: Callable[[list[Shocked]], Array]
    target: float
    rules: Assumptions | None
    periods: int
    tried: int = 0
    found: list[tuple[float, Array, float]] = field(default_factory=list)
    nearest: tuple[float, Array] | None = None

    def shocks(self, shares: Array) -> tuple[Shock, ...]:
        """The shocks of a point, rounded away from nothing to what a person would write down."""
        used = []
        for lever, share in zip(self.levers, shares.tolist(), strict=True):
            if share > _USED:
                step = Decimal("0.001") if lever.mode == "relative" else Decimal("0.01")
                value = (lever.limit * Decimal(repr(share))).quantize(step, rounding=ROUND_UP)
                bounded = min(value, lever.limit) if lever.limit > 0 else max(value, lever.limit)
                used.append(Shock(lever.kind, lever.mode, bounded))
        return tuple(used)

    def shocked(self, shares: Array) -> Shocked:
        return apply(self.base, self.shocks(shares), self.rules, periods=self.periods)

    def cost(self, shares: Array) -> float:
        return float(np.dot(shares, [lever.weight for lever in self.levers]))

    def evaluate(self, points: Array) -> Array:
        """PDs of the points; successes are kept."""
        if not len(points):
            return np.empty(0)
        pds = self.score([self.shocked(point) for point in points])
        self.tried += len(points)
        for point, pd_ in zip(points, pds.tolist(), strict=True):
            if np.isnan(pd_):
                continue
            if self.nearest is None or pd_ < self.nearest[0]:
                self.nearest = (pd_, point)
            if pd_ < self.target:
                self.found.append((self.cost(point), point, pd_))
        return pds

    def alternative(self, point: Array, pd_: float) -> Alternative:
        shares = {
            lever.kind: round(share, 6)
            for lever, share in zip(self.levers, point.tolist(), strict=True)
            if share > _USED
        }
        return Alternative(self.shocks(point), shares, self.cost(point), pd_, self.shocked(point))


def reach(
    base: Amounts,
    levers: Sequence[Lever],
    score: Callable[[list[Shocked]], Array],
    *,
    target: float,
    assumptions: Assumptions | None = None,
    periods: int = 1,
    alternatives: int = 3,
    seed: int = 0,
) -> Reached:
    """The smallest movements that bring the PD below the target.

    Parameters
    ----------
    base : mapping of line item to Decimal, USD millions
    levers : sequence of Lever, 1 to 10
    score : callable
        PDs, shape (n,), of a list of statements.
    target : float
        PDs below it are in the wanted category.
    assumptions, periods : as for `apply`
    alternatives : int
        How many ways to give, each with other levers.
    seed : int
        Of the mixtures that are tried.

    Raises
    ------
    ShockError
        For a lever that cannot be moved like that.
    ValueError
        Without a lever, or with too many, or with the same one twice.
    """
    names = [lever.kind for lever in levers]
    if not 1 <= len(levers) <= MOST_LEVERS or len(set(names)) < len(names):
        raise ValueError(f"one to {MOST_LEVERS} levers, each once")
    for lever in levers:
        checked(lever.at(Decimal(1)))
    search = _Search(base, levers, score, target, assumptions, periods)
    start = float(search.evaluate(np.zeros((1, len(levers))))[0])
    points = np.vstack([*_alone(len(levers)), *_paired(len(levers)), *_mixed(len(levers), seed)])
    search.evaluate(points)
    for point in _cheapest(search, alternatives + 2):
        _shrink(search, point)
    chosen = [search.alternative(point, pd_) for _, point, pd_ in _distinct(search)[:alternatives]]
    nearest_pd, nearest = search.nearest or (start, np.zeros(len(levers)))
    return Reached(start, target, tuple(chosen), search.alternative(nearest, nearest_pd), search.tried)


def _alone(count: int) -> Iterator[Array]:
    for place in range(count):
        points = np.zeros((_ALONE, count))
        points[:, place] = np.linspace(1.0 / _ALONE, 1.0, _ALONE)
        yield points


def _paired(count: int) -> Iterator[Array]:
    steps = np.linspace(1.0 / _PAIRED, 1.0, _PAIRED)
    first, second = (axis.ravel() for axis in np.meshgrid(steps, steps))
    for one, other in combinations(range(count), 2):
        points = np.zeros((len(first), count))
        points[:, one], points[:, other] = first, second
        yield points


def _mixed(count: int, seed: int) -> Iterator[Array]:
    if count < 3:
        return
    random = np.random.default_rng(seed)
    points = random.random((_MIXED, count))
    # Corners too: half of the levers are often not needed at all.
    points[: _MIXED // 2] *= random.random((_MIXED // 2, count)) < 0.5
    yield points
    yield np.outer(np.linspace(0.125, 1.0, 8), np.ones(count))


def _levers_of(point: Array) -> tuple[int, ...]:
    return tuple(np.flatnonzero(point > _USED).tolist())


def _distinct(search: _Search) -> list[tuple[float, Array, float]]:
    """Successes, the cheapest first, each set of levers once."""
    seen: set[tuple[int, ...]] = set()
    kept = []
    for entry in sorted(search.found, key=lambda entry: entry[0]):
        used = _levers_of(entry[1])
        # Whoever needs a lever more than one that already suffices has found nothing new.
        if used and not any(set(known) <= set(used) for known in seen):
            seen.add(used)
            kept.append(entry)
    return kept


def _cheapest(search: _Search, count: int) -> list[Array]:
    return [point for _, point, _ in _distinct(search)[:count]]


def _shrink(search: _Search, point: Array) -> None:
    """Give back, lever by lever, what the target does not need."""
    for _ in range(_ROUNDS):
        tries = []
        for place in _levers_of(point):
            for factor in _SHRINK:
                smaller = point.copy()
                smaller[place] *= factor
                tries.append(smaller)
        tries += [point * factor for factor in _SHRINK[1:]]
        candidates = np.array([t for t in tries if _levers_of(t)])
        if not len(candidates):
            return
        pds = search.evaluate(candidates)
        enough = [c for c, pd_ in zip(candidates, pds.tolist(), strict=True) if pd_ < search.target]
        if not enough:
            return
        point = min(enough, key=search.cost)

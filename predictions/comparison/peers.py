"""Groups of peers: by sector and size, from the reference data and the organization's own companies.

A group that is too small is widened (sector and size, then sector, then all) and the answer says so. The two
sources are read apart, each in its own tenant and scope, and kept apart in the cache; only figures meet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import CharField, Q
from django.db.models.functions import MD5, Cast

from companies.models import Company
from predictions.comparison.metrics import METRICS, Array, values_of
from predictions.models import Prediction
from predictions.selectors import in_reference
from tenants.kernel import stamps
from tenants.kernel.context import current_tenant

# Fewer names than this tell little of an industry and something of each other.
LEAST = 10
# Values below which no quartiles of a single ratio are given.
LEAST_VALUES = 5
# Of larger groups so many are looked at, drawn by a hash of their ids.
MOST = 2_000
# Lower bounds by total assets in USD millions; the first three of the SME definition of the European Union
# (Recommendation 2003/361/EC, balance sheet totals, euros taken for dollars).
SIZES = {"micro": 0.0, "small": 2.0, "medium": 10.0, "large": 43.0, "very_large": 1_000.0}
LEVELS = ("sector_and_size", "sector", "all")
TOPICS = ("companies", "predictions", "scores")


def size_class(total_assets: float | None) -> str | None:
    """The size class of a company by its total assets in USD millions; None where they are not known."""
    if total_assets is None or not total_assets > 0:
        return None
    return [name for name, least in SIZES.items() if total_assets >= least][-1]


@dataclass(frozen=True)
class Source:
    """The values of one source's part of a group, sorted, by metric."""

    names: int = 0
    whole: int = 0
    """Names before a sample was drawn."""
    values: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """A group of peers, and how it came to be that wide."""

    level: str
    sector: str
    size: str | None
    own: Source
    reference: Source
    passed: tuple[tuple[str, int], ...] = ()
    """Narrower groups that were too small, with their names."""

    @property
    def names(self) -> int:
        return self.own.names + self.reference.names

    def values(self, metric: str) -> Array:
        """All known values of a metric, sorted."""
        parts = [s.values[metric] for s in (self.own, self.reference) if metric in s.values]
        merged: Array = np.sort(np.concatenate(parts)) if parts else np.empty(0)
        return merged

    @property
    def text(self) -> str:
        what = {
            "sector_and_size": f"{self.sector}, {(self.size or '').replace('_', ' ')} companies",
            "sector": f"{self.sector}, every size",
            "all": "every sector and size",
        }[self.level]
        if not self.passed:
            return f"{self.names:,} names: {what}."
        narrow = ", ".join(f"{level.replace('_', ' ')} has {names}" for level, names in self.passed)
        return f"{self.names:,} names: {what}. Widened, since fewer than {LEAST} were there ({narrow})."


def group_for(kind: str, sector: str, size: str | None, *, reference: bool) -> Group:
    """The narrowest group that is large enough, or all there is."""
    passed: list[tuple[str, int]] = []
    for level in LEVELS:
        if (level != "all" and not sector) or (level == "sector_and_size" and size is None):
            continue
        group = group_at(level, kind, sector, size, reference=reference)
        if group.names >= LEAST or level == "all":
            return Group(level, sector, size, group.own, group.reference, tuple(passed))
        passed.append((level, group.names))
    raise AssertionError("the widest group is always taken")


def group_at(level: str, kind: str, sector: str, size: str | None, *, reference: bool) -> Group:
    """The group of just this width."""
    wanted = (sector.strip().lower() if level != "all" else "", size if level == "sector_and_size" else None)
    # In the reference tenant itself the own companies are the reference.
    reference = reference and not current_tenant().is_reference
    own = _source(kind, *wanted, without_followed=reference)
    other = Source()
    if reference:
        with in_reference(reason="peers"):
            other = _source(kind, *wanted, without_followed=False)
    return Group(level, sector, size, own, other)


def _source(kind: str, sector: str, size: str | None, *, without_followed: bool) -> Source:
    name = f"peers:{kind}:{sector}:{size}:{without_followed}"
    return stamps.remembered(name, TOPICS, lambda: _read(kind, sector, size, without_followed))


_INPUTS = ("current__inputs__statement", "current__inputs__ratios")


def _read(kind: str, sector: str, size: str | None, without_followed: bool) -> Source:
    rows = Prediction.objects.filter(latest=True, kind=kind, pd__isnull=False)
    if sector:
        rows = rows.filter(company__sector__iexact=sector)
    if without_followed:
        rows = rows.filter(company__reference_id=None)
    if size is not None:
        rows = rows.filter(_of_size(size))
    whole = rows.count()
    rows = rows.order_by(MD5(Cast("id", CharField())))[:MOST] if whole > MOST else rows.order_by("id")
    found = [as_row(*values) for values in rows.values_list("pd", *_INPUTS)]
    values = {name: _known(column) for name, column in values_of(found).items()} if found else {}
    return Source(len(found), whole, values)


def _of_size(size: str) -> Q:
    bounds = list(SIZES.values())
    place = list(SIZES).index(size)
    assets = "current__inputs__statement__total_assets"
    wanted = Q(**{f"{assets}__gte": bounds[place]}) if bounds[place] else Q(**{f"{assets}__gt": 0})
    return wanted & Q(**{f"{assets}__lt": bounds[place + 1]}) if place + 1 < len(bounds) else wanted


def _known(column: Array) -> Array:
    known: Array = np.sort(column[~np.isnan(column)])
    return known


def as_row(pd_: float | None, statement: Any, ratios: Any) -> dict[str, Any]:
    """What ``values_of`` takes, of a score's PD and inputs."""
    return {"pd": pd_, "statement": statement, "ratios": ratios}


@dataclass(frozen=True)
class Standing:
    """What stands of a company now, with every metric."""

    company: Company
    head: Prediction | None
    values: dict[str, float | None]
    size: str | None


def standings(company_ids: list[UUID], kind: str) -> list[Standing]:
    """What stands of these companies of the caller's reach, in the order asked; the others are left out."""
    companies = {c.id: c for c in Company.objects.filter(id__in=company_ids)}
    heads = {
        h.company_id: h
        for h in Prediction.objects.filter(company__in=list(companies), kind=kind, latest=True)
        .select_related("current")
    }  # fmt: skip
    rows, order = [], []
    for company_id in company_ids:
        if company_id in companies:
            head = heads.get(company_id)
            inputs = head.current.inputs if head is not None and head.current is not None else {}
            rows.append(as_row(head.pd if head else None, inputs.get("statement"), inputs.get("ratios")))
            order.append((companies[company_id], head, inputs))
    columns = values_of(rows) if rows else {}
    return [
        Standing(
            company=company,
            head=head,
            values={name: _plain(columns[name][place]) for name in METRICS},
            size=size_class((inputs.get("statement") or {}).get("total_assets")),
        )
        for place, (company, head, inputs) in enumerate(order)
    ]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def compared(metric: str, value: float | None, group: Group) -> dict[str, Any]:
    """A metric's quartiles in the group, and where the value stands in it."""
    spec, known = METRICS[metric], group.values(metric)
    enough = len(known) >= LEAST_VALUES
    quartiles = np.quantile(known, (0.25, 0.5, 0.75)).tolist() if enough else [None] * 3
    percentile = None
    if enough and value is not None:
        below = np.searchsorted(known, value, side="left")
        upto = np.searchsorted(known, value, side="right")
        percentile = float(50.0 * (below + upto) / len(known))
    better = None
    if percentile is not None and spec.direction:
        better = 100.0 - percentile if spec.direction > 0 else percentile
    return {
        "name": metric,
        "label": spec.label,
        "family": spec.family,
        "unit": spec.unit,
        "direction": spec.direction,
        "formula": spec.formula,
        "value": value,
        "q1": quartiles[0],
        "median": quartiles[1],
        "q3": quartiles[2],
        "known": len(known),
        "percentile": percentile,
        "better_than": better,
    }


def benchmark(group: Group, values: dict[str, float | None] | None = None) -> list[dict[str, Any]]:
    """Every metric of the group, with a company's values where they are given."""
    return [compared(name, (values or {}).get(name), group) for name in METRICS]

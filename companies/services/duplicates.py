"""Companies that are probably one: the same number, the same ticker, the same name but for its legal form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from companies.models import Company
from tenants.kernel import stamps

MOST_GROUPS: Final = 100
MOST_MEMBERS: Final = 10
# What two entries agree in, with the fields that must be equal; the surest first.
_REASONS: Final = (
    ("national_id", ("country", "national_id"), "national_id"),
    ("ticker", ("ticker", "exchange"), "ticker"),
    ("name", ("name_key",), "name_key"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Companies of one organization that agree in something."""

    reason: str
    value: str
    companies: list[Company]


def candidates() -> list[Candidate]:
    """Groups of the active scope, each company set once, by its surest reason.

    All companies are looked through for it; the groups are remembered until one of them changes.
    """
    groups = stamps.remembered("duplicates", ("companies",), _groups)
    companies = Company.objects.in_bulk({identifier for _, _, ids in groups for identifier in ids})
    found = [
        # One that has just gone is not shown, nor what it leaves alone.
        Candidate(reason, value, [companies[i] for i in ids if i in companies])
        for reason, value, ids in groups
    ]
    return [candidate for candidate in found if len(candidate.companies) > 1]


def _groups() -> list[tuple[str, str, list[UUID]]]:
    """Reason, what is shared, and the companies from the oldest on."""
    seen: set[frozenset[UUID]] = set()
    found: list[tuple[str, str, list[UUID]]] = []
    for reason, fields, shown in _REASONS:
        for key, ids in _shared(fields, shown).items():
            value = key[fields.index(shown)]
            if frozenset(ids) not in seen:
                seen.add(frozenset(ids))
                found.append((reason, value, ids))
    return found[:MOST_GROUPS]


def _shared(fields: tuple[str, ...], shown: str) -> dict[tuple[Any, ...], list[UUID]]:
    """The first keys that several companies have, each with the oldest of its companies."""
    rows: QuerySet[Any] = Company.objects.exclude(**{shown: ""})
    key_of = (*fields, "organization_id")
    several = rows.order_by().values(*key_of).annotate(n=Count("id")).filter(n__gt=1)
    keys = several.order_by(*key_of).values_list(*key_of)[:MOST_GROUPS]
    members: dict[tuple[Any, ...], list[UUID]] = {key: [] for key in keys}
    if not members:
        return {}
    any_key = reduce(or_, (Q(**dict(zip(key_of, key, strict=True))) for key in members))
    place = Window(RowNumber(), partition_by=[F(name) for name in key_of], order_by=["created_at", "id"])
    oldest = rows.filter(any_key).alias(place=place).filter(place__lte=MOST_MEMBERS)
    for *key, identifier in oldest.order_by("created_at", "id").values_list(*key_of, "id"):
        members[tuple(key)].append(identifier)
    return members

"""Companies that are probably one: the same number, the same ticker, the same name but for its legal form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, QuerySet

from companies.models import Company

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
    """Groups of the active scope, each company set once, by its surest reason."""
    seen: set[frozenset[Any]] = set()
    found: list[Candidate] = []
    for reason, fields, shown in _REASONS:
        for key in _shared(fields, shown):
            match = {name: key[name] for name in ("organization_id", *fields)}
            companies = list(Company.objects.filter(**match).order_by("created_at", "id")[:MOST_MEMBERS])
            ids = frozenset(company.id for company in companies)
            if len(ids) < 2 or ids in seen:
                continue
            seen.add(ids)
            found.append(Candidate(reason, key[shown], companies))
            if len(found) >= MOST_GROUPS:
                return found
    return found


def _shared(fields: tuple[str, ...], shown: str) -> Iterator[dict[str, Any]]:
    rows: QuerySet[Any] = Company.objects.exclude(**{shown: ""}).order_by()
    groups = rows.values("organization_id", *fields).annotate(n=Count("id")).filter(n__gt=1)
    yield from groups.order_by(*fields)[:MOST_GROUPS]

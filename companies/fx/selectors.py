"""Which rate holds on a day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from companies.fx.models import FxRate
from tenants.kernel.context import in_public

DOLLAR = "USD"
OLDEST = timedelta(days=10)
"""How long before a day its rate may have been published: markets close over holidays."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with where it comes from."""

    currency: str
    on: date
    usd_per_unit: Decimal
    source: str

    def as_json(self) -> dict[str, Any]:
        """As a score keeps it with its inputs."""
        return {
            "currency": self.currency,
            "usd_per_unit": float(self.usd_per_unit),
            "on": self.on.isoformat(),
            "source": self.source,
        }


Wanted = tuple[str, date]


def rates_on(wanted: Iterable[Wanted]) -> Mapping[Wanted, Rate]:
    """The rate of each currency on each day, or the latest of the ten days before; what is unknown is left
    out. One query whatever their number; the dollar needs none."""
    asked = {(currency, on) for currency, on in wanted if currency != DOLLAR}
    if not asked:
        return {}
    days = [on for _, on in asked]
    with in_public():
        rows = FxRate.objects.filter(
            currency__in={currency for currency, _ in asked},
            on__gte=min(days) - OLDEST,
            on__lte=max(days),
        ).order_by("currency", "on")
        known: dict[str, list[Rate]] = {}
        for currency, on, rate, source in rows.values_list("currency", "on", "usd_per_unit", "source"):
            known.setdefault(currency, []).append(Rate(currency, on, rate, source))
    found: dict[Wanted, Rate] = {}
    for currency, on in asked:
        series = known.get(currency, [])
        place = bisect_right(series, on, key=lambda rate: rate.on)
        if place and on - series[place - 1].on <= OLDEST:
            found[currency, on] = series[place - 1]
    return found

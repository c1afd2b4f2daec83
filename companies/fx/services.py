"""Rates are loaded by whoever looks after the platform."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from companies.fx.files import read_rates
from companies.fx.models import FxRate
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import InvalidInput
from tenants.kernel.request import Actor


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file of rates brought."""

    rates: int
    changed: int
    """Rates that were new or other than before."""
    currencies: int


def rates_load(*, text: str, source: str, actor: Actor) -> Loaded:
    """Take in a file of rates; one that is there already is replaced. Raises InvalidInput.

    A score keeps the rate that it was made with, so a corrected rate changes no score by itself.
    """
    rows = {(row.currency, row.on): row.usd_per_unit for row in read_rates(text)}
    if not rows:
        raise InvalidInput(
            errors=[{"pointer": "/file", "code": "no_rows", "detail": "The file has no rate."}]
        )
    with in_public(), transaction.atomic():
        days = {on for _, on in rows}
        known = FxRate.objects.filter(on__gte=min(days), on__lte=max(days))
        there = {(c, on): rate for c, on, rate in known.values_list("currency", "on", "usd_per_unit")}
        fresh = [
            FxRate(currency=c, on=on, usd_per_unit=rate, source=source, loaded_by_label=actor.label)
            for (c, on), rate in rows.items()
            if there.get((c, on)) != rate
        ]
        FxRate.objects.bulk_create(
            fresh,
            batch_size=5000,
            update_conflicts=True,
            unique_fields=["currency", "on"],
            update_fields=["usd_per_unit", "source", "loaded_at", "loaded_by_label"],
        )
        found = Loaded(len(rows), len(fresh), len({c for c, _ in rows}))
        audit.record(
            "fx.rates.loaded",
            changes={
                "source": source,
                "rates": found.rates,
                "changed": found.changed,
                "from": min(days).isoformat(),
                "to": max(days).isoformat(),
            },
            actor=actor,
        )
    return found

"""Companies of a file in sets: found, made and brought up to date in four statements, however many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils import timezone

from companies.models import Company
from companies.sectors import sector_named
from tenants.kernel import audit
from tenants.kernel.arrays import AnyOf
from tenants.kernel.copying import insert_missing, update_rows
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.request import Actor

LEARNT = ("name", "sector", "market_cap", "currency")


@dataclass(frozen=True, slots=True)
class CompanySet:
    """The companies of some rows."""

    symbols: list[str]
    """Each once, in the order of their first row."""
    places: np.ndarray[Any, np.dtype[np.int64]]
    """For each row the place of its symbol, shape (n,)."""
    ids: list[UUID]
    """By place."""
    made: set[str]
    """Symbols that were not there before."""


@transaction.atomic
def companies_take(
    *,
    symbols: Sequence[str],
    facts: Mapping[str, Any],
    organization_id: UUID,
    only_own: bool = False,
    actor: Actor,
) -> CompanySet:
    """The companies of these rows, made where missing and brought up to date where more is said.

    The last word wins for a symbol that comes several times, silence ("", None or NaN) never empties a field,
    and with ``only_own`` a company of somebody else only learns what it lacks. Rows are made and then locked
    in the order of their symbols, so that two workers with the same companies queue instead of blocking each
    other. ``facts`` holds the columns name, sector, currency (texts) and market_cap (millions, floats or
    Decimals), each of length n. The symbols must be checked.
    """
    places, distinct = pd.factorize(np.asarray(symbols, dtype=object))
    said = _last_said(places, len(distinct), facts)
    order = np.argsort(distinct).tolist()
    names = [distinct[place] for place in order]
    rows = Company.objects.filter(organization_id=organization_id)
    known = set(rows.filter(AnyOf("symbol", names)).values_list("symbol", flat=True))
    missing = [place for place in order if distinct[place] not in known]
    ids: dict[str, UUID] = {}
    made: set[str] = set()
    if missing:
        fresh = uuid7_batch(len(missing))
        symbols_of = [distinct[place] for place in missing]
        now = timezone.now()
        made = insert_missing(
            Company,
            organization_id=organization_id,
            columns={
                "id": fresh,
                "symbol": symbols_of,
                "name": [said["name"][place] or "" for place in missing],
                "sector": [said["sector"][place] or "" for place in missing],
                "currency": [said["currency"][place] or "USD" for place in missing],
                "market_cap": [said["market_cap"][place] for place in missing],
            },
            constants={"created_at": now, "updated_at": now, "created_by_id": actor.user_id},
            returning="symbol",
        )
        ids = {symbol: id_ for symbol, id_ in zip(symbols_of, fresh, strict=True) if symbol in made}
    if len(made) < len(names):
        place_of = {symbol: place for place, symbol in enumerate(distinct.tolist())}
        others = [symbol for symbol in names if symbol not in made]
        ids |= _brought_up_to_date(
            rows.filter(AnyOf("symbol", others)), place_of, said, organization_id, only_own, actor
        )
    return CompanySet(distinct.tolist(), places, [ids[symbol] for symbol in distinct], made)


def _last_said(places: Any, count: int, facts: Mapping[str, Any]) -> dict[str, list[Any]]:
    """By distinct symbol the last value that is not silent; None where nothing is said."""
    said: dict[str, list[Any]] = {}
    for field in LEARNT:
        values = np.asarray(facts[field], dtype=None if field == "market_cap" else object)
        if field == "market_cap":
            spoken = np.flatnonzero(~pd.isna(values))
        else:
            if field == "sector":
                names = {text: sector_named(text) for text in set(values.tolist())}
                values = np.array([names[text] for text in values.tolist()], dtype=object)
            spoken = np.flatnonzero(values != "")
        # Of several values for one place the assignment keeps the last.
        last = np.full(count, -1)
        last[places[spoken]] = spoken
        picked = [None if row < 0 else values[row] for row in last.tolist()]
        said[field] = [money(value) for value in picked] if field == "market_cap" else picked
    return said


def money(value: float | Decimal | None) -> Decimal | None:
    """A number of a file or a request as the tables keep money; None and NaN are None."""
    if value is None or value != value:
        return None
    if isinstance(value, Decimal):
        return value.quantize(Decimal("0.000001"))
    return Decimal(repr(float(value))).quantize(Decimal("0.000001"))


def _brought_up_to_date(
    rows: Any,
    place_of: dict[str, int],
    said: dict[str, list[Any]],
    organization_id: UUID,
    only_own: bool,
    actor: Actor,
) -> dict[str, UUID]:
    """Lock the rows in the order of their symbols and write what they learn; their ids by symbol."""
    ids: dict[str, UUID] = {}
    changed: list[tuple[Any, ...]] = []
    noted: list[tuple[Company, dict[str, Any]]] = []
    now = timezone.now()
    locked = rows.order_by("symbol").select_for_update(no_key=True)
    about = ("symbol", "id", "created_by_id", "reference_id", "version")
    for symbol, identifier, owner, followed, version, *before in locked.values_list(*about, *LEARNT):
        ids[symbol] = identifier
        place = place_of[symbol]
        # What follows the platform's data says who it is by that alone.
        gaps_only = followed is not None or (only_own and owner != actor.user_id)
        after, changes = list(before), {}
        for n, field in enumerate(LEARNT):
            value, known = said[field][place], before[n] not in (None, "")
            if value is None or value == before[n] or (known and gaps_only):
                continue
            after[n] = value
            changes[field] = [str(before[n]) if known else "", str(value)]
        if changes:
            changed.append((identifier, *after, version + 1, now))
            # The log names a company as it stands now.
            on = Company(id=identifier, symbol=symbol, name=after[0], organization_id=organization_id)
            noted.append((on, changes))
    audit.record_all("companies.company.changed", noted, actor=actor)
    update_rows(
        Company,
        organization_id=organization_id,
        fields=(*LEARNT, "version", "updated_at"),
        rows=changed,
    )
    return ids

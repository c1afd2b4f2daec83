"""Companies come into being with what files and requests say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from companies.models import SYMBOL, SYMBOL_PATTERN, Company
from companies.sectors import sector_named
from tenants.kernel import audit
from tenants.kernel.errors import InvalidInput
from tenants.kernel.ids import uuid7_batch
from tenants.kernel.request import Actor


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What a row of a file or a request says of a company. None and '' mean: not said."""

    symbol: str
    name: str = ""
    sector: str = ""
    market_cap: Decimal | None = None
    currency: str = ""


# What is written when a row says it; a silent row never empties a field.
_LEARNT = ("name", "sector", "market_cap", "currency")


@transaction.atomic
def companies_ensure(
    *, facts: Iterable[CompanyFacts], organization_id: UUID, only_own: bool = False, actor: Actor
) -> dict[str, Company]:
    """The companies of these symbols, made where missing and brought up to date where more is said.

    Three statements whatever their number. Rows are locked in the order of their symbols, so that two
    workers with the same companies queue instead of blocking each other. The last word wins for a symbol
    that comes several times. With ``only_own`` a company of somebody else only learns what it lacks.
    """
    said: dict[str, CompanyFacts] = {}
    for fact in facts:
        if fact.sector:
            fact = replace(fact, sector=sector_named(fact.sector))
        before = said.get(fact.symbol)
        if before is not None:
            fact = CompanyFacts(
                symbol=fact.symbol,
                name=fact.name or before.name,
                sector=fact.sector or before.sector,
                market_cap=fact.market_cap if fact.market_cap is not None else before.market_cap,
                currency=fact.currency or before.currency,
            )
        said[fact.symbol] = fact
    symbols = sorted(said)
    _check_symbols(symbols)
    rows = Company.objects.filter(organization_id=organization_id, symbol__in=symbols)
    known = set(rows.values_list("symbol", flat=True))
    missing = [symbol for symbol in symbols if symbol not in known]
    if missing:
        Company.objects.bulk_create(
            [
                _new_company(identifier, said[symbol], organization_id, actor)
                for identifier, symbol in zip(uuid7_batch(len(missing)), missing, strict=True)
            ],
            ignore_conflicts=True,
        )
    found = {c.symbol: c for c in rows.order_by("symbol").select_for_update(no_key=True)}
    changed = []
    for symbol, company in found.items():
        # What follows the platform's data says who it is by that alone.
        gaps_only = company.reference_id is not None or (only_own and company.created_by_id != actor.user_id)
        if changes := _learn(company, said[symbol], gaps_only=gaps_only):
            company.version += 1
            company.updated_at = timezone.now()
            changed.append(company)
            audit.record("companies.company.changed", on=company, changes=changes, actor=actor)
    if changed:
        Company.objects.bulk_update(changed, [*_LEARNT, "version", "updated_at"], batch_size=1000)
    return found


def _check_symbols(symbols: list[str]) -> None:
    bad = [symbol for symbol in symbols if not re.match(SYMBOL_PATTERN, symbol)]
    if bad:
        detail = f"{bad[0][:30]!r} is no symbol: {SYMBOL.message}"
        raise InvalidInput(
            errors=[{"pointer": "/company_symbol", "code": "symbol_invalid", "detail": detail}]
        )


def _new_company(identifier: UUID, fact: CompanyFacts, organization_id: UUID, actor: Actor) -> Company:
    return Company(
        id=identifier,
        organization_id=organization_id,
        symbol=fact.symbol,
        name=fact.name,
        sector=fact.sector,
        market_cap=fact.market_cap,
        currency=fact.currency or "USD",
        created_by_id=actor.user_id,
    )


def _learn(company: Company, fact: CompanyFacts, *, gaps_only: bool) -> dict[str, list[str]]:
    """Take over what is said; tells each field's value before and after."""
    changes = {}
    for field in _LEARNT:
        before, said = getattr(company, field), getattr(fact, field)
        known = before not in (None, "")
        if said in (None, "") or said == before or (known and gaps_only):
            continue
        setattr(company, field, said)
        changes[field] = [str(before) if known else "", str(said)]
    return changes

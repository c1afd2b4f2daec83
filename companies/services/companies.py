"""Companies come into being with what files and requests say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from companies.models import SYMBOL, SYMBOL_PATTERN, Company
from companies.services.sets import LEARNT, companies_take
from tenants.kernel.errors import InvalidInput
from tenants.kernel.request import Actor


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What a row of a file or a request says of a company. None and '' mean: not said."""

    symbol: str
    name: str = ""
    sector: str = ""
    market_cap: Decimal | None = None
    currency: str = ""


def companies_ensure(
    *, facts: Iterable[CompanyFacts], organization_id: UUID, only_own: bool = False, actor: Actor
) -> dict[str, Company]:
    """The companies of these symbols, made where missing and brought up to date where more is said.

    The rules are those of `companies_take`, which does the work. Raises InvalidInput for a symbol that
    cannot be one.
    """
    said = list(facts)
    symbols = [fact.symbol for fact in said]
    _check_symbols(sorted(set(symbols)))
    found = companies_take(
        symbols=symbols,
        facts={field: [getattr(fact, field) for fact in said] for field in LEARNT},
        organization_id=organization_id,
        only_own=only_own,
        actor=actor,
    )
    rows = Company.objects.filter(id__in=found.ids).order_by("symbol")
    return {company.symbol: company for company in rows}


def _check_symbols(symbols: list[str]) -> None:
    bad = [symbol for symbol in symbols if not re.match(SYMBOL_PATTERN, symbol)]
    if bad:
        detail = f"{bad[0][:30]!r} is no symbol: {SYMBOL.message}"
        raise InvalidInput(
            errors=[{"pointer": "/company_symbol", "code": "symbol_invalid", "detail": detail}]
        )

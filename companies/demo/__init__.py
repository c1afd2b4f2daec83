"""Made-up companies with statements that hang together, from healthy to failing: the demo's data.

Plain Python: the same seed gives the same companies, whatever the machine. Each company has a latent
quality that drifts and takes shocks; its books are rolled forward from it year by year, in whole
thousands, so that every identity of a statement holds exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from companies.demo.books import Books, Flows
from companies.demo.life import PROFILES, life_of
from companies.demo.names import MOST_COMPANIES, name_of, symbol_of
from companies.demo.quarters import quarters_of

__all__ = ["MOST_COMPANIES", "SECTORS", "DemoCompany", "DemoStatement", "demo_companies"]

SEED = 20_240_229
YEARS = 5
QUARTERLY_YEARS = 2
LISTED = 0.6
"""Share of companies with a market value."""
_INCOMPLETE = 0.06
SECTORS = tuple(PROFILES)
# Sets of items that some statements do not report.
_UNREPORTED = (
    ("inventory",),
    ("cost_of_goods_sold", "gross_profit", "sga_expense"),
    ("retained_earnings",),
    ("capex", "operating_cash_flow"),
    ("interest_expense",),
    ("cash", "accounts_payable"),
)


@dataclass(frozen=True, slots=True)
class DemoStatement:
    """One period: amounts in USD millions, without the items that are not reported."""

    fiscal_year: int
    fiscal_quarter: int | None
    amounts: dict[str, Decimal]

    @property
    def kind(self) -> str:
        return "quarterly" if self.fiscal_quarter else "annual"


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """A company that does not exist; its statements from old to new, annual before quarterly."""

    symbol: str
    name: str
    sector: str
    market_cap: Decimal | None
    statements: tuple[DemoStatement, ...]


def demo_companies(count: int, *, last_year: int, first: int = 0, seed: int = SEED) -> Iterator[DemoCompany]:
    """Companies number ``first`` to ``first + count - 1``; each is the same in whatever range it comes.

    Raises ValueError beyond MOST_COMPANIES, since symbols and names would repeat.
    """
    if first < 0 or first + count > MOST_COMPANIES:
        raise ValueError(f"there are {MOST_COMPANIES} companies, from number 0")
    for number in range(first, first + count):
        yield _company(number, last_year, np.random.default_rng((seed, number)))


def _company(number: int, last_year: int, rng: np.random.Generator) -> DemoCompany:
    sector = SECTORS[number % len(SECTORS)]
    profile = PROFILES[sector]
    listed = rng.random() < LISTED
    shares = int(rng.lognormal(math.log(60_000), 0.8)) if listed else 0
    # Two years more than are told: the first only opens the books, the second evens them out.
    years = list(life_of(profile, YEARS + 2, rng))
    statements = [
        _statement(
            rng, last_year - YEARS + 1 + place, None, year.flows, year.books, year.market_value, shares
        )
        for place, year in enumerate(years[2:])
    ]
    for back in reversed(range(QUARTERLY_YEARS)):
        quarters = quarters_of(profile, years[-2 - back], years[-1 - back], rng)
        statements += [
            _statement(rng, last_year - back, quarter, part.flows, part.books, part.market_value, shares)
            for quarter, part in enumerate(quarters, start=1)
        ]
    return DemoCompany(
        symbol=symbol_of(number),
        name=name_of(number, sector),
        sector=sector,
        market_cap=_millions(years[-1].market_value) if listed else None,
        statements=tuple(statements),
    )


def _statement(
    rng: np.random.Generator,
    fiscal_year: int,
    fiscal_quarter: int | None,
    flows: Flows,
    books: Books,
    market_value: int,
    shares: int,
) -> DemoStatement:
    amounts = {**books.items(), **flows.items()}
    if shares:
        amounts |= {"shares_outstanding": shares, "market_cap": market_value}
    if rng.random() < _INCOMPLETE:
        for name in _UNREPORTED[rng.integers(len(_UNREPORTED))]:
            del amounts[name]
    return DemoStatement(
        fiscal_year, fiscal_quarter, {name: _millions(amount) for name, amount in amounts.items()}
    )


def _millions(thousands: int) -> Decimal:
    return Decimal(thousands).scaleb(-3)

"""The life of a made-up company: a latent quality that drifts and takes shocks moves its books."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from companies.demo.books import Books, Flows, Year

_DECLINING = 0.20
_TAX = 0.23
_GOODWILL = 0.04
_SLOPE, _FLAT = 0.35, 0.008


@dataclass(frozen=True, slots=True)
class Profile:
    """What is usual in a sector. Days are of sales (receivables) or of cost of goods sold."""

    gross_margin: float
    ebit_to_assets: float
    fixed_to_sales: float
    useful_life: int
    receivable_days: int
    inventory_days: int
    payable_days: int
    debt_to_assets: float
    season: tuple[float, float, float, float] = (0.24, 0.25, 0.25, 0.26)


PROFILES: Mapping[str, Profile] = {
    "Technology": Profile(0.58, 0.13, 0.25, 6, 60, 35, 45, 0.22),
    "Healthcare": Profile(0.52, 0.12, 0.32, 9, 58, 60, 45, 0.26),
    "Financial Services": Profile(0.70, 0.12, 0.15, 7, 70, 0, 30, 0.30),
    "Consumer Cyclical": Profile(0.34, 0.11, 0.30, 10, 18, 75, 45, 0.30, (0.22, 0.23, 0.23, 0.32)),
    "Industrials": Profile(0.30, 0.11, 0.35, 12, 55, 65, 45, 0.30),
    "Communication Services": Profile(0.50, 0.10, 0.60, 11, 50, 8, 50, 0.34),
    "Consumer Defensive": Profile(0.32, 0.11, 0.28, 12, 28, 50, 42, 0.30),
    "Energy": Profile(0.45, 0.09, 1.30, 16, 42, 18, 55, 0.32, (0.28, 0.23, 0.22, 0.27)),
    "Utilities": Profile(0.50, 0.07, 2.20, 28, 40, 15, 45, 0.40, (0.29, 0.22, 0.25, 0.24)),
    "Real Estate": Profile(0.65, 0.07, 3.00, 35, 20, 5, 30, 0.42),
    "Basic Materials": Profile(0.30, 0.10, 0.70, 15, 45, 60, 48, 0.30),
}


def _qualities(years: int, rng: np.random.Generator) -> Iterator[float]:
    """The latent quality of each year: 0 is strong, -1 ordinary, -2 in distress, below -2.5 failing."""
    level = rng.normal(-1.2, 0.5)
    drift = rng.normal(0.0, 0.06)
    if rng.random() < _DECLINING:
        level -= 0.3
        drift -= rng.uniform(0.1, 0.5)
    shock = 0.0
    for _ in range(years):
        if rng.random() < 0.06:
            shock -= rng.uniform(0.6, 2.0)
        yield float(np.clip(level + shock + rng.normal(0.0, 0.2), -3.3, 1.0))
        level += drift
        shock *= 0.6


def life_of(profile: Profile, years: int, rng: np.random.Generator) -> Iterator[Year]:
    """The years of a company, from its opening on."""
    sales = rng.lognormal(math.log(700_000), 1.2)
    books: Books | None = None
    for quality in _qualities(years, rng):
        if books is None:
            books = _opening(profile, sales, quality, rng)
        sales *= math.exp(0.03 + 0.035 * quality + rng.normal(0.0, 0.05))
        flows, books = _roll(profile, books, sales, quality, rng)
        yield Year(flows, books, _market_value(profile, flows, books, quality, rng))


def _opening(profile: Profile, sales: float, quality: float, rng: np.random.Generator) -> Books:
    books = Books(
        cash=round(sales * 0.08 * math.exp(0.3 * quality)),
        fixed=round(sales * profile.fixed_to_sales * rng.lognormal(0.0, 0.2)),
        other_assets=round(sales * rng.uniform(0.05, 0.45)),
    )
    _operate(profile, books, sales, sales * (1 - profile.gross_margin), quality)
    debt = books.assets * min(profile.debt_to_assets * math.exp(-0.3 * quality + rng.normal(0.0, 0.3)), 0.8)
    books.long_debt = round(debt)
    books.other_liabilities = round(books.assets * rng.uniform(0.02, 0.10))
    books.retained = round(books.assets * (0.12 + 0.14 * quality + rng.normal(0.0, 0.10)))
    books.paid_in = books.assets - books.liabilities - books.retained
    return books


def _operate(profile: Profile, books: Books, sales: float, cost: float, quality: float) -> None:
    """Set what operations tie up; who is short of money pays his suppliers late."""
    strain = max(-quality - 1.0, 0.0)
    books.receivables = round(sales * profile.receivable_days / 365)
    books.inventory = round(cost * profile.inventory_days / 365)
    books.other_current = round(sales * 0.02)
    books.payables = round(cost * profile.payable_days * (1 + 0.25 * strain) / 365)
    books.accrued = round(sales * 0.06 * (1 + 0.15 * strain))


def _roll(
    profile: Profile, before: Books, sales: float, quality: float, rng: np.random.Generator
) -> tuple[Flows, Books]:
    """One year: the flows, and the books at its end."""
    books = replace(before)
    depreciation = round(before.fixed / profile.useful_life + _GOODWILL * before.other_assets)
    usual, slope = profile.ebit_to_assets, _SLOPE * profile.ebit_to_assets + _FLAT
    shortfall = slope * quality * before.assets / sales
    gross_margin = profile.gross_margin + 0.35 * shortfall
    margin = (usual * before.assets + depreciation) / sales + shortfall + rng.normal(0.0, 0.008)
    margin = min(margin, 0.9 * gross_margin)
    cost = sales * (1 - gross_margin)
    impaired = quality < -2 and rng.random() < 0.5
    unusual = -round(before.other_assets * rng.uniform(0.1, 0.4)) if impaired else 0
    rate = 0.045 + 0.010 * max(-quality, 0.0)
    draft = Flows(
        sales=round(sales),
        cost=round(cost),
        overhead=round(sales * (gross_margin - margin)),
        depreciation=depreciation,
        amortization=round(_GOODWILL * before.other_assets),
        interest=round(rate * (before.long_debt + before.short_debt)),
        unusual=unusual,
        tax=0,
        capex=0,
        operating_cash=0,
        dividends=0,
    )
    draft = replace(draft, tax=round(_TAX * max(draft.pretax, 0)))
    books.other_assets += unusual - draft.amortization
    _operate(profile, books, sales, cost, quality)
    used = depreciation - draft.amortization
    wanted = used + 0.5 * (profile.fixed_to_sales * sales - before.fixed)
    capex = round(max(wanted * min(1.0, max(0.25, 1 + 0.3 * quality)), 0.2 * used))
    books.fixed += capex - used
    payout = min(max(0.25 + 0.15 * quality, 0.0), 0.7)
    flows = replace(
        draft,
        capex=capex,
        dividends=round(payout * max(draft.net_income, 0)),
        operating_cash=draft.net_income
        + depreciation
        - unusual
        - books.working_capital
        + before.working_capital,
    )
    books.retained += flows.net_income - flows.dividends
    books.cash += flows.operating_cash - flows.capex - flows.dividends
    _finance(books, flows.sales, profile.debt_to_assets, quality, rng)
    return flows, books


def _finance(books: Books, sales: int, usual_debt: float, quality: float, rng: np.random.Generator) -> None:
    """Borrow, raise equity or repay, so that cash is what such a company keeps."""
    least, most = round(0.02 * sales), round((0.10 + 0.03 * max(quality, 0.0)) * sales)
    if books.cash < least:
        need = least - books.cash
        raised = round(need * rng.uniform(0.0, 0.5)) if quality > -2 else 0
        books.paid_in += raised
        books.long_debt += need - raised
        books.cash = least
    elif books.cash > most:
        spare = books.cash - most
        beyond_usual = books.short_debt + books.long_debt - round(usual_debt * books.assets)
        repaid = min(spare, max(beyond_usual, 0), books.long_debt)
        bought = spare - repaid  # small acquisitions: goodwill and the like
        books.long_debt -= repaid
        books.other_assets += bought
        books.cash = most
    owed_too_much = books.liabilities - round(1.15 * books.assets)
    if owed_too_much > 0 and rng.random() < 0.5:
        # Lenders take shares for what they will not see again.
        swapped = min(owed_too_much, books.long_debt)
        books.long_debt -= swapped
        books.paid_in += swapped
    # Who breaks his covenants has his debt called: it becomes current.
    debt = books.short_debt + books.long_debt
    books.short_debt = round(debt * min(0.08 + 0.10 * max(-quality - 0.5, 0.0), 0.6))
    books.long_debt = debt - books.short_debt


def _market_value(
    profile: Profile, flows: Flows, books: Books, quality: float, rng: np.random.Generator
) -> int:
    """Value of the shares: of the enterprise less debt, with what hope leaves to the worst."""
    enterprise = 13 * profile.ebit_to_assets * books.assets * math.exp(0.30 * quality)
    debt = books.short_debt + books.long_debt - books.cash
    hope = 0.06 * books.assets * math.exp(0.35 * min(quality + 2.0, 0.0))
    return round(max(enterprise - debt, hope) * rng.lognormal(0.0, 0.18))

"""The demo's generator: the same every time, on books that hold together."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from companies.demo import MOST_COMPANIES, SECTORS, DemoCompany, DemoStatement, demo_companies
from companies.line_items import LineItems
from companies.models import SYMBOL

LAST_YEAR = 2023
# What must add up exactly wherever all its parts are reported: name, then sign and name of each part.
IDENTITIES = (
    ("total_assets", (1, "total_liabilities"), (1, "total_equity")),
    ("gross_profit", (1, "net_sales"), (-1, "cost_of_goods_sold")),
    ("ebit", (1, "ebitda"), (-1, "depreciation_amortization")),
    ("total_operating_expenses", (1, "net_sales"), (-1, "ebitda")),
    ("pretax_income", (1, "ebit"), (-1, "interest_expense"), (1, "unusual_items")),
    ("net_income", (1, "pretax_income"), (-1, "income_tax")),
    ("total_debt", (1, "total_long_term_debt"), (1, "short_term_debt")),
)
FLOWS = (
    "net_sales",
    "cost_of_goods_sold",
    "gross_profit",
    "total_operating_expenses",
    "ebitda",
    "depreciation_amortization",
    "ebit",
    "interest_expense",
    "unusual_items",
    "income_tax",
    "net_income",
    "capex",
    "operating_cash_flow",
)


@pytest.fixture(scope="module")
def made() -> list[DemoCompany]:
    return list(demo_companies(110, last_year=LAST_YEAR))


def statements(made: list[DemoCompany]) -> list[DemoStatement]:
    return [statement for company in made for statement in company.statements]


def test_the_same_company_comes_out_whatever_range_is_asked_for(made):
    assert list(demo_companies(10, first=40, last_year=LAST_YEAR)) == made[40:50]


def test_another_seed_gives_other_companies(made):
    other = list(demo_companies(3, last_year=LAST_YEAR, seed=1))
    assert [c.statements for c in other] != [c.statements for c in made[:3]]


def test_symbols_and_names_are_unique_and_acceptable_up_to_the_last_one():
    made = list(demo_companies(MOST_COMPANIES, last_year=LAST_YEAR))
    assert len({c.symbol for c in made}) == len({c.name for c in made}) == MOST_COMPANIES
    assert all(SYMBOL.regex.match(c.symbol) for c in made)
    with pytest.raises(ValueError, match="companies"):
        list(demo_companies(1, first=MOST_COMPANIES, last_year=LAST_YEAR))


def test_every_sector_is_there_as_often(made):
    assert Counter(c.sector for c in made) == dict.fromkeys(SECTORS, 10)
    assert len(SECTORS) == 11


def test_five_years_and_the_last_eight_quarters(made):
    periods = [(year, None) for year in range(LAST_YEAR - 4, LAST_YEAR + 1)]
    periods += [(year, quarter) for year in (LAST_YEAR - 1, LAST_YEAR) for quarter in (1, 2, 3, 4)]
    for company in made:
        assert [(s.fiscal_year, s.fiscal_quarter) for s in company.statements] == periods
    assert {s.kind for s in statements(made)} == {"annual", "quarterly"}


def test_amounts_are_line_items_of_ours(made):
    assert {name for s in statements(made) for name in s.amounts} == set(LineItems.item_names())


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity[0])
def test_identities_hold_in_every_statement(made, identity):
    total, *parts = identity
    complete = [
        s.amounts for s in statements(made) if {total, *(name for _, name in parts)} <= s.amounts.keys()
    ]
    assert len(complete) > 0.9 * len(statements(made))
    for amounts in complete:
        assert amounts[total] == sum(sign * amounts[name] for sign, name in parts)


def test_quarters_add_up_to_their_year(made):
    compared = 0
    for company in made:
        for year in (LAST_YEAR - 1, LAST_YEAR):
            of_year = [s for s in company.statements if s.fiscal_year == year]
            annual, quarters = of_year[0].amounts, [s.amounts for s in of_year[1:]]
            for name in FLOWS:
                if name in annual and all(name in q for q in quarters):
                    assert annual[name] == sum(q[name] for q in quarters)
                    compared += 1
            for name in ("total_assets", "total_liabilities"):
                assert annual[name] == quarters[-1][name]
    assert compared > 0.7 * len(made) * 2 * len(FLOWS)


def test_amounts_are_possible(made):
    for amounts in (s.amounts for s in statements(made)):
        assert amounts["total_assets"] > 0
        assert amounts["net_sales"] > 0
        for name in ("current_assets", "net_fixed_assets", "total_current_liabilities", "total_debt"):
            assert amounts[name] >= 0
        assert max(abs(a) for a in amounts.values()) < Decimal("1e7")


def test_some_statements_are_incomplete_and_some_companies_have_no_market_value(made):
    complete = len(LineItems.item_names()) - 2  # without shares and their value
    incomplete = sum(
        len(s.amounts.keys() - {"market_cap", "shares_outstanding"}) < complete for s in statements(made)
    )
    assert 0.03 < incomplete / len(statements(made)) < 0.10
    listed = [c for c in made if c.market_cap is not None]
    assert 0.5 < len(listed) / len(made) < 0.7
    assert all(("market_cap" in s.amounts) == (c.market_cap is not None) for c in made for s in c.statements)


def test_from_healthy_to_failing(made):
    last = [
        s.amounts for c in made for s in c.statements if s.fiscal_year == LAST_YEAR and s.kind == "annual"
    ]
    losses = sum(a["net_income"] < 0 for a in last) / len(last)
    broken = sum(a["total_equity"] < 0 for a in last) / len(last)
    assert 0.1 < losses < 0.6
    assert 0.02 < broken < 0.4

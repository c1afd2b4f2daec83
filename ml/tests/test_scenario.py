"""Shocks keep the books in order, whatever they are; the inverse finds what scoring confirms."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import Engine
from ml.scenario import (
    KINDS,
    Assumptions,
    Lever,
    Shock,
    ShockError,
    apply,
    checked,
    imbalance,
    income_gaps,
    reach,
)

money = st.integers(0, 5_000_000_000).map(lambda n: Decimal(n) / 1_000_000)
signed = st.integers(-5_000_000_000, 5_000_000_000).map(lambda n: Decimal(n) / 1_000_000)
share = st.integers(0, 1000).map(lambda n: Decimal(n) / 1000)


@st.composite
def statements(draw):
    """A whole statement whose sums all hold."""
    n = {name: draw(money) for name in (
        "cash", "inventory", "receivables", "other_current", "fixed", "other", "payables", "accrued",
        "short", "long", "other_owed", "sales", "cogs", "overhead", "depreciation", "interest",
    )}  # fmt: skip
    unusual, tax, retained = draw(signed), draw(signed), draw(signed)
    current = n["cash"] + n["inventory"] + n["receivables"] + n["other_current"]
    assets = current + n["fixed"] + n["other"] + Decimal("0.01")
    owed = n["payables"] + n["accrued"] + n["short"]
    liabilities = owed + n["long"] + n["other_owed"]
    ebitda = n["sales"] - n["cogs"] - n["overhead"]
    pretax = ebitda - n["depreciation"] - n["interest"] + unusual
    return {
        "cash": n["cash"], "inventory": n["inventory"], "total_receivables": n["receivables"],
        "current_assets": current, "net_fixed_assets": n["fixed"], "total_assets": assets,
        "accounts_payable": n["payables"], "short_term_debt": n["short"], "total_current_liabilities": owed,
        "total_long_term_debt": n["long"], "total_debt": n["long"] + n["short"],
        "total_liabilities": liabilities, "retained_earnings": retained,
        "total_equity": assets - liabilities, "common_equity": assets - liabilities,
        "net_sales": n["sales"], "cost_of_goods_sold": n["cogs"], "gross_profit": n["sales"] - n["cogs"],
        "total_operating_expenses": n["cogs"] + n["overhead"], "ebitda": ebitda,
        "depreciation_amortization": n["depreciation"], "ebit": ebitda - n["depreciation"],
        "interest_expense": n["interest"], "unusual_items": unusual, "pretax_income": pretax,
        "income_tax": tax, "net_income": pretax - tax, "market_cap": draw(money) + 1,
    }  # fmt: skip


@st.composite
def shocks(draw):
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    mode = draw(st.sampled_from(kind.modes))
    low = 0 if kind.low == 0 else -1000
    if mode == "relative":
        return Shock(kind.name, mode, Decimal(draw(st.integers(low, 3000))) / 1000)
    return Shock(kind.name, mode, Decimal(draw(st.integers(low, 3000))))


rules = st.builds(
    Assumptions,
    variable_cost_share=share, variable_overhead_share=share, working_capital_share=share,
    pass_through=share, tax_rate=share, floating_share=share, new_debt_rate=share, payout=share,
)  # fmt: skip


@given(statements(), st.lists(shocks(), min_size=1, max_size=6), rules, st.sampled_from([1, 4]))
@settings(max_examples=150, deadline=None)
def test_every_shocked_statement_is_in_order(base, moves, assumptions, periods):
    after = apply(base, moves, assumptions, periods=periods).amounts
    assert imbalance(after) == 0
    assert set(income_gaps(after).values()) == {Decimal(0)}
    assert after["total_debt"] == after["total_long_term_debt"] + after["short_term_debt"]
    for line in ("cash", "inventory", "total_receivables", "net_fixed_assets", "total_assets", "net_sales",
                 "accounts_payable", "short_term_debt", "total_long_term_debt", "market_cap"):  # fmt: skip
        assert after[line] >= 0, line
    assert after["current_assets"] >= after["cash"] + after["inventory"] + after["total_receivables"]
    # What was earned, kept and paid in is all that moved equity.
    assert after["total_equity"] == after["total_assets"] - after["total_liabilities"]
    assert apply(base, moves[::-1], assumptions, periods=periods).amounts == after


@given(statements(), st.sets(st.sampled_from(["cash", "short_term_debt", "total_equity", "gross_profit",
       "total_receivables", "income_tax", "pretax_income", "cost_of_goods_sold", "ebitda", "total_debt"])),
       st.lists(shocks(), max_size=4))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_gaps_stay_gaps_and_hide_no_difference(base, missing, moves):
    part = {name: value for name, value in base.items() if name not in missing}
    part["total_assets"] += Decimal("12.345678")  # a base that does not balance
    after = apply(part, moves).amounts
    assert after.keys() == part.keys()
    if "total_equity" not in missing:
        assert imbalance(after) == Decimal("12.345678")


@given(statements(), st.sampled_from(sorted(KINDS)))
@settings(max_examples=40, deadline=None)
def test_nothing_asked_changes_nothing(base, kind):
    for moves in ([], [Shock(kind, KINDS[kind].modes[0], Decimal(0))]):
        after = apply(base, moves)
        assert (after.amounts, after.moved, after.notes) == (base, {}, ())


FIRM = {name: Decimal(value) for name, value in {
    "cash": 20, "inventory": 100, "total_receivables": 120, "current_assets": 260, "net_fixed_assets": 300,
    "total_assets": 640, "accounts_payable": 90, "short_term_debt": 60, "total_current_liabilities": 200,
    "total_long_term_debt": 250, "total_debt": 310, "total_liabilities": 470, "retained_earnings": 40,
    "total_equity": 170, "net_sales": 800, "cost_of_goods_sold": 560, "gross_profit": 240,
    "total_operating_expenses": 720, "ebitda": 80, "depreciation_amortization": 35, "ebit": 45,
    "interest_expense": 25, "pretax_income": 20, "income_tax": 5, "net_income": 15,
}.items()}  # fmt: skip


def moved(*shocks_, **rules_):
    return apply(FIRM, shocks_, Assumptions(**{k: Decimal(str(v)) for k, v in rules_.items()}))


def test_sales_fall_by_a_fifth_worked_by_hand():
    found = moved(Shock("sales", "relative", Decimal("-0.2"))).moved
    # Of 560 cost of goods 75 % follows, of 160 overhead 25 %; the fifth of that is saved.
    assert found["net_sales"] == -160
    assert found["cost_of_goods_sold"] == -84
    assert found["total_operating_expenses"] == -92
    assert found["ebit"] == found["pretax_income"] == -68
    assert found["income_tax"] == -5  # no more comes back than was due
    assert found["net_income"] == found["retained_earnings"] == -63
    # A fifth of receivables (24) and stock (20) comes back, a fifth of payables (18) goes.
    assert found["cash"] == -63 + 24 + 20 - 18 + 17  # 17 more than there is: borrowed
    assert found["short_term_debt"] == 17


def test_a_rate_shock_costs_interest_and_nothing_else():
    found = moved(Shock("interest_rate", "absolute", Decimal(300))).moved
    assert found["interest_expense"] == Decimal("9.3")
    assert found["pretax_income"] == Decimal("-9.3")
    assert found["net_income"] == found["cash"] == Decimal("-6.975")
    assert "ebit" not in found


def test_a_write_down_moves_no_cash_and_saves_no_tax():
    found = moved(Shock("write_down_fixed_assets", "relative", Decimal("0.5"))).moved
    assert found["net_fixed_assets"] == found["total_assets"] == found["net_income"] == -150
    assert "cash" not in found
    assert "income_tax" not in found


def test_debt_repaid_without_cash_is_only_moved():
    found = moved(Shock("long_term_debt", "absolute", Decimal(-100)), tax_rate=0)
    assert found.moved["total_long_term_debt"] == -100
    assert found.moved["short_term_debt"] == 73  # 20 of cash and 7 of interest saved
    assert any("borrowed" in note for note in found.notes)


def test_what_is_not_known_is_said():
    found = apply({"total_assets": Decimal(10)}, [Shock("sales", "relative", Decimal("-0.1"))])
    assert found.moved == {}
    assert found.notes == ("Net sales: not applied, since net sales is not known.",)


@pytest.mark.parametrize(
    "shock",
    [
        Shock("luck", "relative", Decimal(1)),
        Shock("interest_rate", "relative", Decimal(1)),
        Shock("sales", "relative", Decimal("-1.5")),
        Shock("write_down_inventory", "absolute", Decimal(-1)),
        Shock("sales", "absolute", Decimal("NaN")),
    ],
)
def test_what_cannot_be_is_refused(shock):
    with pytest.raises(ShockError):
        checked(shock)


@pytest.fixture(scope="module")
def score():
    engine = Engine.load()

    def pds(shocked):
        frame = pd.DataFrame([{k: float(v) for k, v in s.amounts.items()} for s in shocked])
        return engine.score(frame, kind="annual", drivers=0).pd

    return pds


LEVERS = (
    Lever("sales", "relative", Decimal("0.2")),
    Lever("operating_costs", "relative", Decimal("-0.2")),
    Lever("equity", "relative", Decimal("0.3")),
    Lever("long_term_debt", "relative", Decimal("-0.5")),
    Lever("receivable_days", "relative", Decimal("-0.3")),
)


def test_what_is_found_scores_to_the_target_and_balances(score):
    start = float(score([apply(FIRM, [])])[0])
    target = start * 0.7
    found = reach(FIRM, LEVERS, score, target=target)
    assert found.start == pytest.approx(start)
    assert found.alternatives
    costs = [way.cost for way in found.alternatives]
    assert costs == sorted(costs)
    for way in found.alternatives:
        assert imbalance(way.shocked.amounts) == 0
        again = apply(FIRM, way.shocks)
        assert float(score([again])[0]) == pytest.approx(way.pd, abs=1e-12)
        assert way.pd < target
        for shock in way.shocks:
            limit = next(lever.limit for lever in LEVERS if lever.kind == shock.kind)
            assert abs(shock.value) <= abs(limit)
            assert (shock.value > 0) == (limit > 0)
    assert len({tuple(way.shares) for way in found.alternatives}) == len(found.alternatives)


def test_the_smallest_is_no_larger_than_a_fine_search_of_one_lever(score):
    lever = Lever("equity", "relative", Decimal("0.3"))
    start = float(score([apply(FIRM, [])])[0])
    steps = np.linspace(0, 0.3, 301)[1:]
    pds = score([apply(FIRM, [Shock("equity", "relative", Decimal(str(round(s, 3))))]) for s in steps])
    target = float(pds.min()) * 0.5 + start * 0.5
    first = float(steps[np.flatnonzero(pds < target)[0]])
    found = reach(FIRM, [lever], score, target=target)
    assert float(found.alternatives[0].shocks[0].value) <= first * 1.1 + 0.002


def test_out_of_reach_is_said_with_how_near_it_gets(score):
    found = reach(FIRM, LEVERS[:2], score, target=1e-9)
    assert found.alternatives == ()
    assert found.nearest.pd <= found.start
    assert found.tried > 50


def test_levers_are_checked(score):
    with pytest.raises(ValueError, match="each once"):
        reach(FIRM, [LEVERS[0], LEVERS[0]], score, target=0.1)
    with pytest.raises(ShockError):
        reach(FIRM, [Lever("luck", "relative", Decimal(1))], score, target=0.1)

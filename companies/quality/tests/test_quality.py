"""The quality gate: what it refuses, what it doubts, what it lets through, and how fast."""

import csv
import gzip
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from companies.demo import demo_companies
from companies.quality import CHECKS, Case, Level, Period, check, check_all, end_of
from companies.quality.detection import detect_unit
from config.env import ROOT
from ml.features import LINE_ITEMS

TODAY = date(2025, 6, 1)
REAL = ROOT.parent.parent / "shared" / "data" / "us_listed" / "firm_years_1999_2015.csv.gz"
SOUND = {
    "total_assets": 1000.0,
    "current_assets": 400.0,
    "cash": 100.0,
    "inventory": 120.0,
    "total_receivables": 150.0,
    "net_fixed_assets": 500.0,
    "total_liabilities": 600.0,
    "total_current_liabilities": 250.0,
    "accounts_payable": 90.0,
    "total_equity": 400.0,
    "total_long_term_debt": 300.0,
    "short_term_debt": 50.0,
    "total_debt": 350.0,
    "net_sales": 900.0,
    "cost_of_goods_sold": 500.0,
    "gross_profit": 400.0,
    "ebitda": 150.0,
    "depreciation_amortization": 50.0,
    "ebit": 100.0,
    "interest_expense": 20.0,
    "pretax_income": 80.0,
    "income_tax": 20.0,
    "continuing_income": 60.0,
    "net_income": 60.0,
}


def case(before=None, *, fiscal_year_end=None, confirmed=(), newest=True, **changes):
    period = {
        "kind": "annual", "fiscal_year": 2024, "fiscal_quarter": None, "currency": "USD",
        "unit": "thousands", "period_end": None, "months": None,
    }  # fmt: skip
    period |= {name: changes.pop(name) for name in list(changes) if name in period}
    amounts = {name: value for name, value in {**SOUND, **changes}.items() if value is not None}
    return Case(Period(amounts=amounts, **period), before, fiscal_year_end, newest, frozenset(confirmed))


def codes(found):
    return {finding.code: finding.level for finding in found}


def test_a_sound_statement_is_clean():
    assert check(case(), today=TODAY) == []


@pytest.mark.parametrize(
    ("changes", "code", "level"),
    [
        ({"total_equity": 300.0}, "balance_off", Level.ERROR),
        ({"total_equity": 395.0}, "balance_off", Level.WARNING),
        ({"inventory": -1.0}, "impossible_sign", Level.ERROR),
        ({"total_assets": 0.0}, "impossible_sign", Level.ERROR),
        ({"net_sales": 99999999.0}, "too_large", Level.ERROR),
        ({"cash": 99999.0}, "placeholder", Level.ERROR),
        ({"current_assets": 1100.0}, "current_assets_above_total", Level.ERROR),
        ({"total_current_liabilities": 900.0}, "current_liabilities_above_total", Level.ERROR),
        ({"inventory": 300.0}, "current_parts_above_whole", Level.WARNING),
        ({"gross_profit": 380.0}, "gross_profit_off", Level.WARNING),
        ({"gross_profit": -400.0}, "gross_profit_off", Level.ERROR),
        ({"total_debt": 300.0}, "debt_parts_off", Level.WARNING),
        ({"ebitda": 155.0}, "ebitda_off", Level.INFO),
        ({"net_income": 2000.0}, "income_above_sales", Level.INFO),
        ({"net_sales": 0.001}, "impossible_ratio", Level.WARNING),
        ({"months": 9}, "part_year", Level.WARNING),
        ({"months": 15}, "long_year", Level.WARNING),
        ({"kind": "quarterly", "fiscal_quarter": 2, "months": 6}, "not_a_quarter", Level.ERROR),
        ({"period_end": date(2026, 12, 31), "fiscal_year": 2026}, "future_period", Level.ERROR),
        ({"period_end": date(2022, 12, 31)}, "fiscal_year_off", Level.ERROR),
        ({"fiscal_year": 2022}, "stale", Level.WARNING),
    ],
)  # fmt: skip
def test_each_fault_has_its_code_and_level(changes, code, level):
    found = check(case(**changes), today=TODAY)
    assert codes(found).get(code) == level
    finding = next(f for f in found if f.code == code)
    assert finding.message
    assert finding.hint == CHECKS[code].hint


def test_rounding_is_no_fault():
    whole = {name: float(round(value)) for name, value in SOUND.items()}
    off_by_one = {**whole, "total_equity": 402.0}
    assert check(case(**off_by_one, unit="millions"), today=TODAY) == []
    assert codes(check(case(**off_by_one, unit="thousands"), today=TODAY)) == {"balance_off": Level.WARNING}


def test_a_slip_of_a_thousand_is_refused_with_the_hint_and_may_be_confirmed():
    before = case(fiscal_year=2023).now
    slip = {name: value * 1000 for name, value in SOUND.items()}
    refused = check(case(before, **slip), today=TODAY)
    assert codes(refused)["unit_jump"] == Level.ERROR
    finding = next(f for f in refused if f.code == "unit_jump")
    assert "1,000 times" in finding.message
    assert "Thousands given as millions" in finding.hint
    assert set(finding.items) == set(SOUND)
    kept = next(
        f for f in check(case(before, confirmed={"unit_jump"}, **slip), today=TODAY) if f.code == "unit_jump"
    )
    assert (kept.level, kept.confirmed) == (Level.WARNING, True)
    # What is no doubt cannot be confirmed away.
    stays = check(case(confirmed={"impossible_sign"}, inventory=-1.0), today=TODAY)
    assert codes(stays)["impossible_sign"] == Level.ERROR


def test_one_amount_in_another_unit_is_named():
    before = case(fiscal_year=2023).now
    found = check(case(before, interest_expense=20000.0), today=TODAY)
    finding = next(f for f in found if f.code == "item_jump")
    assert finding.items == ("interest_expense",)


def test_a_copied_year_and_a_changed_currency_are_seen():
    before = case(fiscal_year=2023).now
    assert codes(check(case(before), today=TODAY)) == {"copied_year": Level.WARNING}
    assert codes(check(case(before, currency="EUR"), today=TODAY)) == {"currency_changed": Level.WARNING}


def test_fiscal_years_are_named_as_people_name_them():
    ends = {
        (2024, date(2025, 1, 31)): None,
        (2025, date(2025, 1, 26)): None,
        (2024, date(2024, 9, 28)): None,
        (2024, date(2025, 9, 28)): Level.WARNING,
        (2024, date(2027, 1, 31)): Level.ERROR,
    }
    for (year, end), level in ends.items():
        found = check(case(fiscal_year=year, period_end=end, newest=False), today=date(2027, 6, 1))
        assert codes(found).get("fiscal_year_off") == level, (year, end)


def test_the_end_is_reckoned_where_it_is_not_given():
    assert end_of(case().now) == date(2024, 12, 31)
    assert end_of(case().now, 9) == date(2024, 9, 30)
    assert end_of(case().now, 1) == date(2025, 1, 31)
    assert end_of(case(kind="quarterly", fiscal_quarter=1).now, 9) == date(2023, 12, 31)


def test_every_check_has_a_boundary_and_words():
    for row in CHECKS.values():
        assert any(limit is not None for limit in (row.info, row.warning, row.error)), row.code
        assert row.title, row.code
        assert row.hint, row.code
        assert set(row.items) <= set(LINE_ITEMS)
        assert not row.confirmable or row.error is not None


def periods_of(companies):
    return [
        Period(s.kind, s.fiscal_year, s.fiscal_quarter, s.amounts, unit="thousands")
        for company in companies
        for s in company.statements
        if s.kind == "annual"
    ]


def test_made_up_books_pass_and_ten_thousand_a_second_do():
    periods = periods_of(demo_companies(400, last_year=2024)) * 5
    cases = [Case(period, newest=False) for period in periods]
    begun = time.perf_counter()
    found = check_all(cases, today=TODAY)
    rate = len(cases) / (time.perf_counter() - begun)
    assert not [f for findings in found for f in findings if f.level == Level.ERROR]
    # A tenth of what an idle core does: this catches a loop over rows, not a busy machine.
    assert rate > 2_000, f"{rate:.0f} a second"


def _real(path: Path) -> dict:
    with gzip.open(path, "rt") as file:
        periods = {}
        for row in csv.DictReader(file):
            amounts = {n: float(v) for n, v in row.items() if v and n in LINE_ITEMS}
            year = int(row["fiscal_year"])
            periods[row["company_id"], year] = Period("annual", year, None, amounts, unit="thousands")
    return periods


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason=f"no real firm-years at {REAL}")
def test_real_firm_years_are_hardly_ever_refused_and_slips_nearly_always():
    periods = _real(REAL)
    keys = list(periods)[::7]
    cases = [Case(periods[c, y], periods.get((c, y - 1)), newest=False) for c, y in keys]
    refused = sum(any(f.level == Level.ERROR for f in findings) for findings in check_all(cases, today=TODAY))
    assert refused < 0.001 * len(cases)
    slips = [
        replace(c, now=replace(c.now, amounts={n: v * 1000 for n, v in c.now.amounts.items()}))
        for c in cases
        if c.before is not None
    ]
    caught = sum(any(f.level == Level.ERROR for f in findings) for findings in check_all(slips, today=TODAY))
    assert caught > 0.97 * len(slips)


@pytest.mark.parametrize("unit", ["units", "thousands", "millions"])
def test_the_unit_is_detected_beside_another_period(unit):
    factor = {"units": 1e6, "thousands": 1e3, "millions": 1.0}[unit]
    given = {name: value * factor * 1.1 for name, value in SOUND.items()}
    found = detect_unit(given, before=SOUND)
    assert found.unit == unit
    assert found.sure


def test_size_alone_says_something_and_is_never_sure():
    thousands = detect_unit({"total_assets": 350_000.0})
    assert (thousands.unit, thousands.sure) == ("thousands", False)
    assert detect_unit({"total_assets": 4_000_000_000.0}).unit == "units"
    assert detect_unit({"total_assets": 25.0}).unit == "millions"
    assert detect_unit({}).confidence == 0.0


def of_a_year(year_sales=900.0, quarters=(200.0, 230.0, 220.0, 250.0), *, currency="USD"):
    """The year and its quarters, seen from the annual statement."""
    four = tuple(
        Period("quarterly", 2024, n, {"net_sales": sales, "total_assets": 1000.0}, currency=currency)
        for n, sales in enumerate(quarters, start=1)
    )
    annual = case(net_sales=year_sales, cost_of_goods_sold=None, gross_profit=None, ebitda=None)
    return replace(annual, year=annual.now, quarters=four)


@pytest.mark.parametrize(
    ("given", "level"),
    [
        (of_a_year(), None),
        (of_a_year(quarters=(200.0, 230.0, 220.001, 250.0)), None),  # rounding
        (of_a_year(quarters=(200.0, 230.0, 240.0, 250.0)), Level.INFO),
        (of_a_year(quarters=(200.0, 430.0, 650.0, 900.0)), Level.WARNING),  # year-to-date
        (of_a_year(quarters=(200.0, 430.0, 650.0, 900.0), currency="EUR"), None),
        (of_a_year(quarters=(200.0, 430.0)), None),
    ],
)
def test_quarters_add_up_to_the_year(given, level):
    found = {f.code: f for f in check(given, today=TODAY)}
    assert (found["quarters_off"].level if "quarters_off" in found else None) == level
    if level is not None:
        assert found["quarters_off"].items == ("net_sales",)
        assert "900" in found["quarters_off"].message

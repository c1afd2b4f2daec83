"""EDGAR's documents into statements: periods, fallbacks between tags, versions, derived quarters."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date
from decimal import Decimal

import pytest

from companies.connectors.edgar.calendar import FiscalCalendar, Position, fiscal_year
from companies.connectors.edgar.datasets import is_dataset, read_dataset
from companies.connectors.edgar.facts import NotEdgar, parse_company_facts, parse_tickers
from companies.connectors.edgar.submissions import parse_submissions
from companies.connectors.edgar.tags import NOT_FOUND_HERE, RULES, formulas, terms
from companies.connectors.edgar.versions import same, statements_of
from companies.connectors.tests import filings
from companies.connectors.tests.filings import Facts
from ml.features import FLOW_ITEMS, LINE_ITEMS


def read(facts):
    return statements_of(parse_company_facts(facts.dump()))


def amounts(version, *names):
    return [version.items.amounts.get(name) for name in names]


def by_period(result):
    return {(v.kind, v.fiscal_year, v.fiscal_quarter): v for v in result.versions}


# -- the table of tags ---------------------------------------------------------------------------------


def test_every_line_item_has_its_rule_and_its_nature():
    assert {rule.item for rule in RULES} | NOT_FOUND_HERE == set(LINE_ITEMS)
    for rule in RULES:
        assert (rule.nature == "flow") == (rule.item in FLOW_ITEMS)


def test_formulas_name_items_that_stand_above_them():
    above = set()
    for rule in RULES:
        for ifrs in (False, True):
            for formula in formulas(rule, ifrs=ifrs):
                own = {name for term in terms(formula) for name in term.names if name.islower()}
                assert own <= above, rule.item
        above.add(rule.item)


def test_what_is_no_formula_is_refused():
    with pytest.raises(ValueError, match="not a formula"):
        terms("Assets * 2")


def test_fallbacks_sums_and_optional_terms():
    facts = Facts().file("a", "10-K", "2024-02-01").balance("2023-12-31", assets=100)
    facts.income("2023-01-01", "2023-12-31", 50, 5, OperatingIncomeLoss=8, Depreciation=3)
    facts.say("LongTermDebtNoncurrent", 20_000_000, "2023-12-31")
    facts.say("CommercialPaper", 4_500_000, "2023-12-31")
    facts.say("PaymentsToAcquireProductiveAssets", 7_000_000, "2023-12-31", "2023-01-01")
    facts.say("GoodwillImpairmentLoss", 2_000_000, "2023-12-31", "2023-01-01")
    [version] = [v for v in read(facts).versions if v.kind == "annual"]
    found = version.items.amounts
    assert (found["total_debt"], found["short_term_debt"]) == (Decimal("24.5"), Decimal("4.5"))
    # EBITDA is operating income and what was written off; costs before depreciation are sales less it.
    assert (found["ebitda"], found["total_operating_expenses"]) == (11, 39)
    # An outflow is positive, a loss among unusual items negative.
    assert (found["capex"], found["unusual_items"]) == (7, -2)
    assert version.items.formulas["capex"].startswith("PaymentsToAcquirePropertyPlantAndEquipment|")
    assert "market_cap" not in found
    assert "inventory" not in found


def test_liabilities_come_from_the_other_side_where_they_are_not_told():
    facts = Facts().file("a", "10-K", "2024-02-01").income("2023-01-01", "2023-12-31", 50, 5)
    stocks = {
        "Assets": 100,
        "LiabilitiesAndStockholdersEquity": 100,
        "StockholdersEquity": 30,
        "MinorityInterest": 5,
    }
    for tag, value in {**stocks, "TemporaryEquityCarryingAmount": 10}.items():
        facts.say(tag, value * 1_000_000, "2023-12-31")
    [version] = read(facts).versions
    assert amounts(version, "total_liabilities", "total_equity", "common_equity") == [55, 35, 30]


def test_shares_come_from_the_cover_where_the_balance_sheet_has_none():
    facts = (
        Facts()
        .file("a", "10-K", "2024-02-01")
        .balance("2023-12-31")
        .income("2023-01-01", "2023-12-31", 50, 5)
    )
    facts.say("EntityCommonStockSharesOutstanding", 12_000_000, "2024-01-20", taxonomy="dei", unit="shares")
    [version] = read(facts).versions
    assert version.items.amounts["shares_outstanding"] == 12


def test_ifrs_in_another_currency_and_a_translation_for_convenience():
    facts = Facts(taxonomy="ifrs-full", currency="EUR").file("a", "20-F", "2024-04-01")
    for tag, value in {"Assets": 100, "Liabilities": 60, "Equity": 40, "CurrentAssets": 30}.items():
        facts.say(tag, value * 1_000_000, "2023-12-31")
    facts.say("Assets", 110_000_000, "2023-12-31", unit="USD")
    for tag, value in {"Revenue": 80, "ProfitLoss": 7, "FinanceCosts": 3, "ProfitLossBeforeTax": 9}.items():
        facts.say(tag, value * 1_000_000, "2023-12-31", "2023-01-01")
    [version] = read(facts).versions
    assert (version.currency, version.form) == ("EUR", "20-F")
    assert amounts(version, "total_assets", "net_sales", "net_income", "interest_expense", "ebit") == [
        100,
        80,
        7,
        3,
        12,
    ]


# -- periods --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "year"),
    [("2023-12-31", 2023), ("2021-01-02", 2020), ("2025-01-26", 2025), ("2022-06-30", 2022)],
)
def test_a_fiscal_year_has_the_year_in_which_it_ends(end, year):
    assert fiscal_year(date.fromisoformat(end)) == year


@pytest.mark.parametrize(
    ("end", "position"),
    [
        ("2022-12-31", Position(2023, 1)),  # years of 52 or 53 weeks
        ("2023-07-01", Position(2023, 3)),
        ("2023-12-30", Position(2024, 1)),  # after the last year end that is known
        ("2024-06-29", Position(2024, 3)),
        ("2022-04-02", Position(2022, 2)),  # before the first
    ],
)
def test_quarters_are_placed_between_year_ends(end, position):
    calendar = FiscalCalendar([date(2022, 9, 24), date(2023, 9, 30)])
    assert calendar.position(date.fromisoformat(end)) == position


def test_without_a_year_the_usual_end_serves():
    assert FiscalCalendar([], usual_end="0630").position(date(2009, 9, 30)) == Position(2010, 1)
    assert FiscalCalendar([], usual_end="0229").position(date(2009, 2, 28)) == Position(2009, 4)
    assert FiscalCalendar([]).position(date(2009, 9, 30)) is None


def test_labels_of_the_filer_do_not_count():
    periods = by_period(read(filings.year_with_quarters()))
    assert set(periods) == {("annual", 2023, None), *(("quarterly", 2023, q) for q in (1, 2, 3, 4))}


def test_cash_flows_of_a_quarter_are_what_came_since_the_quarter_before():
    periods = by_period(read(filings.year_with_quarters()))
    found = [periods["quarterly", 2023, q].items.amounts["operating_cash_flow"] for q in (1, 2, 3, 4)]
    assert found == [2, 4, 6, 18]
    assert periods["quarterly", 2023, 2].items.derived == {"operating_cash_flow"}


def test_the_fourth_quarter_is_the_year_less_three_quarters_and_says_so():
    fourth = by_period(read(filings.year_with_quarters()))["quarterly", 2023, 4]
    # Sales by the nine months; profit, which the filer tells by quarters only, by the three.
    assert amounts(fourth, "net_sales", "total_assets") == [40, 110]
    assert fourth.is_derived
    assert "net_sales" in fourth.items.derived
    assert "total_assets" not in fourth.items.derived
    assert (fourth.accession, fourth.months) == ("0000000000-24-000001", 3)


def test_a_period_that_is_neither_year_nor_quarter_is_refused():
    facts = (
        Facts()
        .file("a", "10-KT", "2024-02-01")
        .balance("2023-12-31")
        .income("2023-08-01", "2023-12-31", 50, 5)
    )
    result = read(facts)
    assert result.versions == []
    assert [refusal.code for refusal in result.refusals] == ["no_period"]


# -- versions -------------------------------------------------------------------------------------------


def restated(profit, *, form="10-K/A", filed="2024-05-01", **balance):
    facts = Facts().file("first", "10-K", "2024-02-01").balance("2023-12-31")
    facts.income("2023-01-01", "2023-12-31", 50, 5.0)
    facts.file("second", form, filed).balance("2023-12-31", **balance).income(
        "2023-01-01", "2023-12-31", 50, profit
    )
    return [v for v in read(facts).versions if v.kind == "annual"]


def test_an_amendment_with_other_figures_is_a_further_version():
    first, second = restated(profit=4.0)
    assert (first.accession, first.items.amounts["net_income"]) == ("first", 5)
    assert (second.accession, second.form, second.filed) == ("second", "10-K/A", date(2024, 5, 1))
    assert second.items.amounts["net_income"] == 4


def test_a_repetition_is_none_and_rounding_is_none():
    assert len(restated(profit=5.0)) == 1
    assert len(restated(profit=5.0004)) == 1
    assert same(Decimal(3_424_859_000), Decimal(3_425_000_000))
    assert not same(Decimal(3_424_859_000), Decimal(3_425_859_000))


def test_the_next_years_comparative_restates():
    facts = (
        Facts()
        .file("first", "10-K", "2023-02-01")
        .balance("2022-12-31")
        .income("2022-01-01", "2022-12-31", 50, 5)
    )
    facts.file("second", "10-K", "2024-02-01").balance("2023-12-31").income("2023-01-01", "2023-12-31", 60, 6)
    facts.income("2022-01-01", "2022-12-31", 48, 5)
    years = [(v.fiscal_year, v.accession, v.items.amounts["net_sales"]) for v in read(facts).versions]
    assert years == [(2022, "first", 50), (2022, "second", 48), (2023, "second", 60)]


def test_sales_under_a_new_tag_restate_as_well():
    facts = Facts().file("first", "10-K", "2023-02-01").balance("2022-12-31")
    facts.income("2022-01-01", "2022-12-31", 50, 5)
    facts.file("second", "10-K", "2024-02-01").balance("2022-12-31")
    new = "RevenueFromContractWithCustomerExcludingAssessedTax"
    facts.say(new, 47_000_000, "2022-12-31", "2022-01-01").say(
        "NetIncomeLoss", 5_000_000, "2022-12-31", "2022-01-01"
    )
    assert [v.items.amounts["net_sales"] for v in read(facts).versions] == [50, 47]


def test_duplicates_in_one_filing_count_once_and_other_forms_not_at_all():
    facts = Facts().file("a", "10-K", "2024-02-01").balance("2023-12-31").balance("2023-12-31")
    facts.income("2023-01-01", "2023-12-31", 50, 5)
    facts.file("b", "8-K", "2024-03-01").income("2023-01-01", "2023-12-31", 1, 1)
    document = parse_company_facts(facts.dump())
    assert [(f.accession, len(f.facts)) for f in document.filings] == [("a", 5)]


def test_without_a_balance_sheet_a_filing_is_refused_with_the_reason():
    facts = Facts().file("a", "10-K", "2024-02-01").income("2023-01-01", "2023-12-31", 50, 5)
    [refusal] = read(facts).refusals
    assert (refusal.code, refusal.period_end) == ("no_balance_sheet", date(2023, 12, 31))
    assert refusal.reason.endswith(".")


# -- entries, tickers, data sets ------------------------------------------------------------------------


def test_an_entry_names_the_company_and_its_bankruptcy_by_the_first_event():
    days = (date(2025, 9, 29), date(2025, 9, 8), date(2025, 6, 30), date(2009, 1, 5))
    found = parse_submissions(filings.entry(bankrupt_on=days))
    assert (found.cik, found.tickers, found.exchange, found.country) == (filings.CIK, ("SMPL",), "XNAS", "US")
    assert found.fiscal_year_end == "1231"
    assert found.defaulted is not None
    assert found.defaulted.on == date(2025, 6, 30)


def test_item_103_counts_in_an_8k_only():
    document = filings.entry(bankrupt_on=[date(2025, 6, 30)]).replace(b'"8-K"', b'"10-Q"')
    assert parse_submissions(document).defaulted is None
    other = filings.entry(bankrupt_on=[date(2025, 6, 30)]).replace(b"1.03,7.01", b"1.031,7.01")
    assert parse_submissions(other).defaulted is None


def test_a_continuation_is_known_by_its_name():
    columns = {"accessionNumber": "a", "form": "8-K", "items": "1.03"}
    columns |= {"reportDate": "2003-01-02", "filingDate": "2003-01-05"}
    rows = json.dumps({name: [value] for name, value in columns.items()}).encode()
    found = parse_submissions(rows, filename="CIK0009990001-submissions-001.json.gz")
    assert (found.cik, found.name, found.defaulted.on) == ("9990001", "", date(2003, 1, 2))
    with pytest.raises(NotEdgar):
        parse_submissions(rows, filename="other.json")


def test_tickers_lead_from_the_number():
    assert parse_tickers(filings.tickers(c9990001="SMPL")) == {"9990001": [("SMPL", "SMPL INC")]}


def test_a_data_set_gives_the_companys_own_amounts_with_their_place():
    [company] = read_dataset(io.BytesIO(filings.dataset()))
    [version] = statements_of(company.facts, usual_end=company.fiscal_year_end).versions
    assert (version.kind, version.fiscal_year, version.fiscal_quarter) == ("quarterly", 2009, 2)
    assert amounts(version, "total_assets", "net_sales", "net_income") == [200, 50, 5]
    assert company.shown == {"0000000000-09-000009": {"Assets": "BS 12: Total assets"}}
    assert (company.sic, company.country) == ("3711", "US")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"facts": 1}', gzip.compress(b"{}", mtime=0)[:10], b'{"facts": {}, "cik": "x"}'],
)
def test_what_is_no_document_is_refused(content):
    with pytest.raises(NotEdgar):
        parse_company_facts(content)


def test_what_is_no_data_set_is_refused():
    assert not is_dataset(io.BytesIO(b"no zip"))
    with pytest.raises(NotEdgar):
        read_dataset(io.BytesIO(b"no zip"))

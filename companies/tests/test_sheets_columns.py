"""Headers: names, aliases, units in brackets, what is missing and what was meant."""

from pathlib import Path

import pytest

from companies.sheets import COLUMNS, map_columns, open_sheet, scoring_columns, template_csv
from companies.sheets.columns import own_ratios
from companies.sheets.keys import _SYMBOL
from ml.features import ANNUAL_RATIOS, LINE_ITEMS, QUARTERLY_RATIOS

ANNUAL = ["company_symbol", "reporting_year", *ANNUAL_RATIOS]
QUARTERLY = ["company_symbol", "reporting_year", "reporting_quarter", *QUARTERLY_RATIOS]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Company Symbol", "company_symbol"),
        ("TICKER", "company_symbol"),
        (" symbol ", "company_symbol"),
        ("Company", "company_name"),
        ("name", "company_name"),
        ("Year", "reporting_year"),
        ("Fiscal-Year", "reporting_year"),
        ("Quarter", "reporting_quarter"),
        ("Market Capitalization", "market_cap"),
        ("market_value", "market_cap"),
        ("ROA", "return_on_assets"),
        ("ROA (%)", "return_on_assets"),
        ("Net Margin %", "net_income_margin"),
        ("Debt/EBITDA", "total_debt_to_ebitda"),
        ("Debt / EBITDA (x)", "total_debt_to_ebitda"),
        ("Interest Coverage", "ebit_to_interest_expense"),
        ("LTD/Capital", "long_term_debt_to_total_capital"),
        ("Revenue", "net_sales"),
        ("PP&E", "net_fixed_assets"),
        ("Selling, General and Administrative Expense", "sga_expense"),
        ("Prior Revenue", "prior_net_sales"),
        ("total assets, prior year", "prior_total_assets"),
    ],
)
def test_usual_names_are_known(text, name):
    assert map_columns([text], "annual").found == {name: 0}


def test_every_column_answers_to_its_own_name():
    for name, column in COLUMNS.items():
        kind = next(iter(column.kinds))
        assert map_columns([name.upper().replace("_", " ")], kind).found == {name: 0}


def test_scoring_columns_are_the_engine_s():
    items = [name for name in LINE_ITEMS if name != "market_cap"]
    assert set(scoring_columns("annual")) == {*ANNUAL_RATIOS, *items}
    assert set(scoring_columns("quarterly")) == {*QUARTERLY_RATIOS, *items}


def test_units_and_currency_in_brackets_are_taken():
    columns = map_columns(["Total assets (EUR m)", "Revenue (in thousands)", "net income"], "annual")
    assert columns.factors == {"total_assets": 1_000_000, "net_sales": 1_000}
    assert columns.currency == "EUR"


@pytest.mark.parametrize("text", ["Total assets (restated)", "Inventory (1)", "ROA (millions)"])
def test_a_note_that_may_change_the_meaning_is_not_guessed(text):
    columns = map_columns([text], "annual")
    assert columns.found == {}
    assert columns.unknown == (text,)


def test_missing_columns_make_the_sentence_that_clients_know():
    error = map_columns(["company_name", "return_on_assets"], "annual").error
    assert (error.code, error.detail) == (
        "missing_columns",
        "Missing required columns: company_symbol, reporting_year",
    )
    assert map_columns(ANNUAL, "quarterly").error.detail.startswith(
        "Missing required columns: reporting_quarter, "
    )


def test_a_sheet_with_nothing_to_score_from_says_so():
    error = map_columns(["company_symbol", "reporting_year", "market_cap", "prior_net_sales"], "annual").error
    assert error.detail == "Missing required columns: any ratio or line item"


def test_sentences_stay_short():
    for kind in ("annual", "quarterly"):
        assert len(map_columns(["x"], kind).error.detail) <= 100
        other = own_ratios("quarterly" if kind == "annual" else "annual")
        assert len(map_columns(list(other), kind).error.detail) <= 100


@pytest.mark.parametrize(
    ("header", "kind", "other"), [(ANNUAL, "quarterly", "annual"), (QUARTERLY, "annual", "quarterly")]
)
def test_a_sheet_of_the_other_kind_is_recognised(header, kind, other):
    columns = map_columns(header, kind)
    assert columns.looks_like == other
    assert other in columns.hint
    assert set(own_ratios(kind)) <= set(columns.missing)
    assert map_columns(header, other).looks_like is None
    assert map_columns(header, other).error is None


def test_unknown_columns_are_listed_with_what_was_perhaps_meant():
    columns = map_columns([*ANNUAL[:-1], "return_on_asets", "colour", ""], "annual")
    assert columns.unknown == ("return_on_asets", "colour")
    assert columns.suggestions == {"return_on_asets": "return_on_assets"}


def test_two_names_for_one_column_the_exact_one_wins():
    columns = map_columns(["revenue", "net_sales", "sales"], "annual")
    assert columns.found == {"net_sales": 1}
    assert columns.duplicated == {"net_sales": ("revenue", "sales")}
    assert columns.repeated == ()


def test_a_column_that_stands_there_twice_is_refused():
    error = map_columns([*ANNUAL, "return_on_assets"], "annual").error
    assert error.code == "repeated_columns"
    assert "return_on_assets" in error.detail


@pytest.mark.parametrize("kind", ["annual", "quarterly"])
def test_templates_are_accepted(kind, tmp_path):
    path = tmp_path / "template.csv"
    path.write_bytes(template_csv(kind))
    with path.open("rb") as file:
        sheet = open_sheet(file, path.name)
        assert map_columns(sheet.columns, kind).error is None
        assert map_columns(sheet.columns, kind).unknown == ()
        assert sheet.count_rows() == 1


def test_symbols_are_those_that_the_table_of_companies_takes():
    models = Path(__file__).parents[1] / "models" / "company.py"
    assert f'r"^{_SYMBOL.pattern}$"' in models.read_text()

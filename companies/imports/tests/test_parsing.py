"""Headers and rows as they are read, without a database."""

from __future__ import annotations

from companies.imports.fields import Target
from companies.imports.mapping import fingerprint, guess, reading_of
from companies.imports.parsing import column_letter, column_of, parse

CUSTOMS = {
    "custom.limit": Target("custom.limit", "custom", "number", "Credit limit", "Limit."),
    "custom.segment": Target(
        "custom.segment",
        "custom",
        "choice",
        "Segment",
        "Segment.",
        choices={"retail": "Retail", "smb": "SMB"},
    ),
}


def read(header: list[str], *rows: list[str], decimal=".", factor=1, currency=""):
    mapping = [g.target for g in guess(header, CUSTOMS)]
    how = reading_of(header, mapping, CUSTOMS)
    assert not how.problems, how.problems
    return how, parse(list(enumerate(rows, 2)), how, decimal=decimal, factor=factor, currency=currency)


def test_headers_are_known_by_many_names():
    header = ["Ticker Symbol", "Borrower", "Revenue (EUR thousands)", "Prior net sales", "Assets (2022)",
              "EBIT (n-2)", "Credit limit", "Remarks", "error", "Netincom"]  # fmt: skip
    found = [(g.target, g.suggestion) for g in guess(header, CUSTOMS)]
    assert [target for target, _ in found] == [
        "ticker", "name", "net_sales", "net_sales@-1", "total_assets@2022", "ebit@-2",
        "custom.limit", "", "", "",
    ]  # fmt: skip
    assert found[-1][1] == "net_income"


def test_a_header_is_the_same_in_other_dress():
    assert fingerprint(["Symbol", "Net Sales"]) == fingerprint([" symbol ", "net_sales", "error"])
    assert fingerprint(["Symbol", "Net Sales"]) != fingerprint(["Net Sales", "Symbol"])


def test_units_and_currencies_of_row_header_and_file():
    header = ["symbol", "year", "unit", "currency", "total assets (EUR thousands)", "net sales"]
    _, done = read(header, ["A", "2024", "", "", "5000", "7"], ["B", "2024", "millions", "TRY", "5", "7"])
    first, second = (d.periods[0] for d in done.drafts)
    assert (first.amounts["total_assets"], first.currency) == ("5.000000", "EUR")
    assert first.amounts["net_sales"] == "0.000007"
    assert (second.amounts["total_assets"], second.currency, second.unit) == ("5.000000", "TRY", "millions")


def test_a_wide_row_tells_of_several_years():
    header = ["symbol", "year", "net sales", "prior net sales", "total assets 2020"]
    how, done = read(header, ["A", "2024", "10", "9", "8"], factor=1_000_000)
    assert how.layout == "wide"
    periods = {p.year: p for p in done.drafts[0].periods}
    assert {year: p.beside for year, p in periods.items()} == {2024: False, 2023: True, 2020: False}
    assert periods[2023].cells == {"net_sales": "D2"}


def test_quarters_trailing_and_decimal_commas():
    header = ["symbol", "year", "quarter", "period type", "net sales"]
    rows = [["A", "2024", "Q3", "", "1.234,5"], ["A", "2024", "Q3", "LTM", "5"], ["A", "2024", "FY", "", "6"]]
    _, done = read(header, *rows, decimal=",", factor=1_000_000)
    kinds = [(p.kind, p.quarter) for d in done.drafts for p in d.periods]
    assert kinds == [("quarterly", 3), ("ttm", 3), ("annual", None)]
    assert done.drafts[0].periods[0].amounts["net_sales"] == "1234.500000"


def test_a_file_of_companies_with_own_fields_tags_and_state():
    header = [
        "symbol",
        "name",
        "tags",
        "status",
        "default date",
        "currency",
        "market cap",
        "credit limit",
        "segment",
    ]
    rows = [
        ["A", "Aa", "x; y, x", "defaulted", "30.06.2025", "EUR", "5000000", "12.5", "smb"],
        ["B", "Bb", "", "", "", "", "", "", "other"],
    ]
    how, done = read(header, *rows)
    assert how.layout == "companies"
    assert done.drafts[0].company == {
        "symbol": "A", "name": "Aa", "tags": ["x", "y"], "state": "defaulted", "defaulted_on": "2025-06-30",
        "company_currency": "EUR", "company_market_cap": "5.000000", "custom.limit": "12.5",
        "custom.segment": "SMB",
    }  # fmt: skip
    assert [(e.row, e.position, e.code) for e in done.errors] == [(3, 8, "unknown_choice")]


def test_what_a_mapping_lacks_is_said():
    assert reading_of(["a", "b"], ["name", "net_sales"], {}).problems == (
        "No column says which company a row is: map one to symbol, lei, cik or ticker.",
        "No column says which year a row is: map one to fiscal_year or period_end.",
    )
    assert reading_of(["a"], ["nonsense"], {}).problems[0] == "'nonsense' is nothing that a column can be."
    assert "Two columns" in reading_of(["a", "b"], ["symbol", "symbol"], {}).problems[0]


def test_columns_have_letters():
    assert [column_letter(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert [column_of(cell) for cell in ("A2", "AA17", "AAA1")] == [0, 26, 702]

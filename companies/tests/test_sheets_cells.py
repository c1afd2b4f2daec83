"""Batches of rows: what is scored, what is refused, and that every cell at fault is named."""

import io
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companies.sheets import (
    REFUSING_CODES,
    WARNING_CODES,
    RowKeys,
    Seen,
    batches,
    map_columns,
    open_sheet,
    parse_rows,
    write_xlsx,
)
from companies.sheets.columns import COLUMNS
from companies.sheets.numbers import read_number

ANNUAL = ["company_symbol", "company_name", "market_cap", "sector", "reporting_year", "reporting_quarter",
          "long_term_debt_to_total_capital", "total_debt_to_ebitda", "net_income_margin",
          "ebit_to_interest_expense", "return_on_assets"]  # fmt: skip
GOOD = ["ACME", "Acme Inc.", "100000000", "Technology", "2020", "Q4", "30", "2", "5", "8", "4"]
SHEETS = Path(__file__).parents[3] / "shared" / "data" / "sheets"


def parsed(rows, header=ANNUAL, kind="annual", **options):
    options.setdefault("latest_year", 2027)
    return parse_rows(list(enumerate(rows, 2)), map_columns(header, kind), kind, **options)


def row(**changes):
    cells = dict(zip(ANNUAL, GOOD, strict=True)) | changes
    return [cells[name] for name in ANNUAL]


def keys_of(batch):
    return list(zip(*(column.tolist() for column in batch.row_keys()), strict=True))


def repeats(*parts):
    """The repetitions in batches of (row, symbol, year, quarter)."""
    seen, found = Seen(), {}
    for part in parts:
        rows, symbols, years, quarters = zip(*part, strict=True) if part else ((), (), (), ())
        numbers = (np.array(column, dtype=np.int64) for column in (rows, years, quarters))
        rows, years, quarters = numbers
        found |= seen.repeats(RowKeys(rows, np.array(symbols, dtype=object), years, quarters))
    return found


def codes(findings):
    return [(finding.row, finding.column, finding.code) for finding in findings]


def test_a_clean_row():
    batch = parsed([GOOD])
    line = batch.frame.iloc[0].to_dict()
    assert line["company_symbol"] == "ACME"
    assert (line["reporting_year"], line["reporting_quarter"]) == (2020, 4)
    assert line["market_cap"] == 100.0
    assert line["return_on_assets"] == 4.0
    assert (batch.errors, batch.warnings, batch.refused) == ([], [], [])
    assert keys_of(batch) == [(2, "ACME", 2020, 0)]


def test_an_empty_batch():
    batch = parsed([])
    assert (batch.total, len(batch.frame)) == (0, 0)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("company_symbol", "", "missing_key"),
        ("company_symbol", "N/A", "missing_key"),
        ("company_symbol", "=1+1", "symbol_invalid"),
        ("company_symbol", "A😀", "symbol_invalid"),
        ("company_symbol", "A\x00", "symbol_invalid"),
        ("company_symbol", "A" * 31, "cell_too_long"),
        ("reporting_year", "", "missing_key"),
        ("reporting_year", "20x4", "not_a_number"),
        ("reporting_year", "=2020", "formula"),
        ("reporting_year", "1949", "year_out_of_range"),
        ("reporting_year", "2028", "year_out_of_range"),
        ("reporting_year", "20200", "year_out_of_range"),
        ("return_on_assets", "abc", "not_a_number"),
        ("return_on_assets", "12,5", "decimal_comma"),
        ("return_on_assets", "1,234", "ambiguous_number"),
        ("return_on_assets", "=1+1", "formula"),
        ("return_on_assets", "9" * 1001, "cell_too_long"),
        ("total_debt_to_ebitda", "25%", "not_a_number"),
        ("market_cap", "lots", "not_a_number"),
    ],
)
def test_what_refuses_a_row(column, value, code):
    batch = parsed([GOOD, row(**{column: value}), GOOD])
    assert codes(batch.errors) == [(3, column, code)]
    assert batch.refused == [3]
    assert batch.row_numbers.tolist() == [2, 4]
    assert code in REFUSING_CODES
    error = batch.errors[0]
    assert error.value.isprintable()
    assert len(error.value) <= 100
    assert error.message


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("return_on_assets", "100000000", "sentinel_value"),
        ("net_income_margin", "-999", "sentinel_value"),
        ("net_income_margin", "9.99e99", "sentinel_value"),
        ("ebit_to_interest_expense", "99999999", "sentinel_value"),
        ("return_on_assets", "1.7e307", "impossible_value"),
        ("return_on_assets", "inf", "non_finite"),
        ("return_on_assets", "1e400", "non_finite"),
        ("return_on_assets", "#DIV/0!", "spreadsheet_error"),
        ("market_cap", "-5", "impossible_value"),
        ("market_cap", "0", "impossible_value"),
        ("market_cap", "10000000000001", "impossible_value"),
        ("market_cap", "99999999999", "sentinel_value"),
    ],
)
def test_what_makes_a_cell_missing_with_a_warning(column, value, code):
    batch = parsed([row(**{column: value})])
    assert codes(batch.warnings) == [(2, column, code)]
    assert code in WARNING_CODES
    assert batch.errors == []
    assert math.isnan(batch.frame[column][0])


@pytest.mark.parametrize("value", ["", "NA", "n/a", "-", "null", "None", "nan", "#N/A"])
def test_missing_is_missing_without_a_warning(value):
    batch = parsed([row(return_on_assets=value)])
    assert math.isnan(batch.frame["return_on_assets"][0])
    assert (batch.errors, batch.warnings) == ([], [])


def test_leverage_above_its_capital_and_losses_are_accepted():
    batch = parsed([row(long_term_debt_to_total_capital="827.898", net_income_margin="-299.865",
                        total_debt_to_ebitda="-3.5")])  # fmt: skip
    assert (batch.errors, batch.warnings) == ([], [])


def test_a_row_with_no_input_left_is_refused():
    ratios = ANNUAL[6:]
    batch = parsed([row(**dict.fromkeys(ratios, "")), row(**dict.fromkeys(ratios, "100000000"))])
    assert codes(batch.errors) == [(2, "", "no_inputs"), (3, "", "no_inputs")]
    assert len(batch.warnings) == 5


def test_labels_are_repaired_and_not_refused():
    batch = parsed(
        [row(company_name="A\x00B", sector="x" * 300, reporting_quarter="Q7"), row(company_name="n" * 400)]
    )
    assert batch.refused == []
    assert codes(batch.warnings) == [
        (2, "company_name", "control_character"),
        (2, "reporting_quarter", "unknown_quarter"),
        (2, "sector", "cell_too_long"),
        (3, "company_name", "cell_too_long"),
    ]
    assert batch.frame["company_name"].tolist() == ["A B", "n" * 255]
    assert batch.frame["sector"].str.len().tolist() == [100, 10]
    assert batch.frame["reporting_quarter"].tolist() == [0, 4]


@pytest.mark.parametrize(
    ("text", "quarter"),
    [("Q1", 1), ("q2", 2), ("3", 3), ("4.0", 4), ("1Q", 1), ("Quarter 2", 2), (" Q3 ", 3)],
)
def test_quarters(text, quarter):
    header = ["company_symbol", "reporting_year", "reporting_quarter", "sga_margin"]
    batch = parsed([["A", "FY2024", text, "10"]], header, "quarterly")
    assert keys_of(batch) == [(2, "A", 2024, quarter)]


@pytest.mark.parametrize(
    ("text", "code"), [("", "missing_key"), ("Q5", "unknown_quarter"), ("FY", "unknown_quarter")]
)
def test_a_quarterly_row_needs_its_quarter(text, code):
    header = ["company_symbol", "reporting_year", "reporting_quarter", "sga_margin"]
    batch = parsed([["A", "2024", text, "10"]], header, "quarterly")
    assert codes(batch.errors) == [(2, "reporting_quarter", code)]


def test_years_in_their_usual_forms():
    texts = ["2024", "2024.0", "FY2024", "fy 2024", "2024-12-31", " 2024 "]
    assert parsed([row(reporting_year=t) for t in texts]).frame["reporting_year"].unique().tolist() == [2024]


def test_ragged_rows():
    batch = parsed([GOOD[:-1], [*GOOD, "extra"], GOOD])
    assert codes(batch.warnings) == [(2, "", "ragged_row")]
    assert codes(batch.errors) == [(3, "", "ragged_row")]
    assert len(batch.frame) == 2


def test_amounts_are_in_millions_by_the_nearest_declaration():
    header = ["company_symbol", "reporting_year", "total_assets", "net_sales (thousands)", "unit", "currency"]
    rows = [
        ["A", "2024", "5000000", "5000", "", ""],
        ["B", "2024", "5", "5", "millions", "eur"],
        ["C", "2024", "5", "5", "USD bn", "USD"],
        ["D", "2024", "5", "5", "dozens", "XXQ"],
    ]
    batch = parsed(rows, header)
    assert batch.frame["total_assets"].tolist() == [5.0, 5.0, 5000.0]
    assert batch.frame["net_sales"].tolist() == [5.0, 5.0, 5000.0]
    assert batch.frame["currency"].tolist() == ["", "EUR", "USD"]
    assert codes(batch.errors) == [(5, "unit", "unknown_unit")]
    assert codes(batch.warnings) == [(5, "currency", "unknown_currency")]
    declared = parsed(
        [["A", "2024", "7"]], ["symbol", "year", "total_assets"], unit="millions", currency="TRY"
    )
    assert declared.frame[["total_assets", "currency"]].iloc[0].tolist() == [7.0, "TRY"]


def test_amounts_that_cannot_be_are_missing_and_prior_years_alone_do_not_score():
    header = ["symbol", "year", "total_assets", "inventory", "net_income", "prior_net_income"]
    batch = parsed([["A", "2024", "0", "-1", "-2000000", "1"], ["B", "2024", "", "", "", "1"]], header)
    assert codes(batch.warnings) == [
        (2, "inventory", "impossible_value"),
        (2, "total_assets", "impossible_value"),
    ]
    assert codes(batch.errors) == [(3, "", "no_inputs")]
    assert batch.frame["net_income"].tolist() == [-2.0]


def test_currencies_with_small_units_are_not_cut_off_at_dollars():
    header = ["symbol", "year", "total_assets", "currency"]
    batch = parsed(
        [["BMRI", "2024", "2400000000000000", "IDR"], ["X", "2024", "2400000000000000", ""]], header
    )
    assert batch.refused == [3]
    assert batch.frame["total_assets"].tolist() == [2.4e9]


def test_decimal_commas_of_the_sheet():
    batch = parsed([row(return_on_assets="4,5"), row(return_on_assets="1.234")], decimal=",")
    assert batch.frame["return_on_assets"].tolist() == [4.5]
    assert codes(batch.errors) == [(3, "return_on_assets", "ambiguous_number")]


def test_misuse_by_the_caller_is_an_error():
    columns = map_columns(ANNUAL, "annual")
    with pytest.raises(ValueError, match="mapped for annual"):
        parse_rows([], columns, "quarterly")
    with pytest.raises(ValueError, match="unknown unit"):
        parse_rows([], columns, "annual", unit="dozens")
    with pytest.raises(ValueError, match="kind must be"):
        map_columns(ANNUAL, "monthly")


NUMBER_CELLS = st.one_of(
    st.floats().map(repr),
    st.floats(-1e4, 1e4).map(lambda value: f"{value:.3f}"),
    st.text(alphabet="0123456789.,-+eE%()xX _naifNAIF٣\u00a0", max_size=8),
    st.sampled_from(["", "nan", "inf", "NA", "1e400", "1_0", "+5", " 5 ", "0x1", "1" * 70, "5.", ".5"]),
)


@settings(deadline=None)
@given(st.lists(NUMBER_CELLS, min_size=1, max_size=4), st.sampled_from([".", ",", ".,"]))
def test_reading_a_column_at_once_gives_what_reading_its_cells_gives(texts, decimal):
    header = ["company_symbol", "reporting_year", "net_income_margin", "return_on_assets"]
    column = COLUMNS["net_income_margin"]
    batch = parsed([["A", "2020", text, "1"] for text in texts], header, decimal=decimal)
    values = dict(zip(batch.row_numbers.tolist(), batch.frame["net_income_margin"], strict=True))
    for number, text in enumerate(texts, 2):
        expected = read_number(text, "percent", decimal)
        if expected.code in REFUSING_CODES:
            assert number in batch.refused
            continue
        if column.low <= expected.value <= column.high and abs(expected.value) < 998:
            assert values[number] == expected.value
        elif math.isnan(expected.value):
            assert math.isnan(values[number])
        assert not math.isinf(values[number])


def test_duplicates_point_to_the_first_row():
    keys = [(3, "A", 2020, 0), (5, "B", 2020, 0), (7, "A", 2021, 0), (9, "A", 2020, 0), (12, "A", 2020, 0)]
    assert repeats(keys) == {9: 3, 12: 3}
    assert repeats(keys[:2], keys[2:4], keys[4:]) == {9: 3, 12: 3}
    assert repeats([]) == {}
    assert repeats([(2, "A", 2020, 1), (3, "A", 2020, 2)]) == {}


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 2), st.integers(0, 1)), max_size=40),
    st.integers(1, 9),
)
def test_duplicates_are_those_of_a_plain_dictionary(keys, size):
    first, expected = {}, {}
    for number, key in enumerate(keys):
        if first.setdefault(key, number) != number:
            expected[number] = first[key]
    numbered = [(number, *key) for number, key in enumerate(keys)]
    assert repeats(*(numbered[start : start + size] for start in range(0, len(keys), size))) == expected


def test_a_sheet_with_the_faults_of_real_ones(tmp_path):
    """Placeholder market values, sentinels among the ratios, missing cells, high leverage, repeated keys."""
    generator = np.random.default_rng(7)
    rows = []
    for number in range(500):
        ratios = [round(float(value), 3) for value in generator.normal(10, 20, 5)]
        cells = [
            f"S{number % 60:02}",
            f"Company {number % 60}",
            100000000,
            "Energy",
            1990 + number // 60,
            "Q4",
        ]
        rows.append([*cells, *ratios])
    sentinels = {3: 6, 91: 8, 200: 9, 333: 10, 499: 7}
    for index, column in sentinels.items():
        rows[index][column] = 100000000
    for index in range(0, 500, 5):
        rows[index][6 + index % 4] = None
    rows[50][6] = 827.9
    rows[70][6:] = [None] * 5
    for index in (100, 101, 250):
        rows[index][:6] = rows[index - 1][:6]
    path = tmp_path / "portfolio.xlsx"
    write_xlsx(path, [("Sheet1", [ANNUAL, *rows])])
    with path.open("rb") as file:
        sheet = open_sheet(file, path.name)
        columns = map_columns(sheet.columns, "annual").require()
        read = [
            parse_rows(batch, columns, "annual", latest_year=2027) for batch in batches(sheet.rows(), 128)
        ]
    assert sum(batch.total for batch in read) == 500
    assert sum(len(batch.frame) + len(batch.refused) for batch in read) == 500
    warnings = [finding for batch in read for finding in batch.warnings]
    assert codes(warnings) == [
        (index + 2, ANNUAL[column], "sentinel_value") for index, column in sentinels.items()
    ]
    assert [error for batch in read for error in codes(batch.errors)] == [(72, "", "no_inputs")]
    seen = Seen()
    assert sum(len(seen.repeats(batch.row_keys())) for batch in read) == 3


@pytest.mark.parametrize(
    ("name", "kind", "total", "sentinels", "repeated"),
    [("annual_part_1.xlsx", "annual", 2475, 5, 9), ("quarterly_part_1.xlsx", "quarterly", 150, 0, 0)],
)
def test_sheets_that_users_upload_are_accounted_for(name, kind, total, sentinels, repeated):
    path = SHEETS / name
    if not path.exists():
        pytest.skip(f"the sample sheet {name} is not beside the repository (../shared/data/sheets)")
    with path.open("rb") as file:
        sheet = open_sheet(file, name)
        batch = parse_rows(sheet.rows(), map_columns(sheet.columns, kind).require(), kind)
        assert sheet.count_rows() == total
    assert len(batch.frame) + len(batch.refused) + sheet.blank_rows == total
    assert batch.refused == []
    assert [finding.code for finding in batch.warnings] == ["sentinel_value"] * sentinels
    assert len(Seen().repeats(batch.row_keys())) == repeated


def test_memory_of_reading_does_not_grow_with_the_file():
    def peak(rows):
        data = io.BytesIO((",".join(ANNUAL) + "\n" + (",".join(GOOD) + "\n") * rows).encode())
        sheet = open_sheet(data, "x.csv")
        columns = map_columns(sheet.columns, "annual")
        tracemalloc.start()
        for batch in batches(sheet.rows(), 500):
            parse_rows(batch, columns, "annual")
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(500)
    assert peak(20_000) < 2 * peak(2_000)

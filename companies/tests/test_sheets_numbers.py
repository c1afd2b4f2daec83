"""Cells as numbers: one meaning or none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companies.sheets.errors import REFUSING_CODES, WARNING_CODES
from companies.sheets.numbers import MISSING, SPREADSHEET_ERRORS, read_number
from companies.sheets.plausibility import is_sentinel


@pytest.mark.parametrize(
    ("text", "measure", "decimal", "value"),
    [
        ("25.5", "percent", ".", 25.5),
        (" -3 ", "multiple", ".", -3.0),
        ("+.5", "percent", ".", 0.5),
        ("1.5e-3", "percent", ".", 0.0015),
        ("1,234.5", "percent", ".", 1234.5),
        ("1.234,5", "percent", ".", 1234.5),
        ("1,234,567", "percent", ".", 1234567.0),
        ("1,234", "money", ".", 1234.0),
        ("1.234", "percent", ".", 1.234),
        ("1.234", "percent", ".,", 1.234),
        ("12,5", "percent", ",", 12.5),
        ("12,5", "percent", ".,", 12.5),
        ("1,234", "percent", ",", 1.234),
        ("1.234.567", "percent", ",", 1234567.0),
        ("1.234", "money", ",", 1234.0),
        ("12.5", "percent", ",", 12.5),
        ("25.5%", "percent", ".", 25.5),
        ("(3.2)", "percent", ".", -3.2),
        ("(3.2%)", "percent", ".", -3.2),
        ("(3.2)%", "percent", ".", -3.2),
        ("3.2-", "percent", ".", -3.2),
        ("\u22123.2", "percent", ".", -3.2),
        ("2.5x", "multiple", ".", 2.5),
        ("$1,234.5", "money", ".", 1234.5),
        ("-$5", "money", ".", -5.0),
        ("1 234,5", "money", ".", 1234.5),
        ("1\u202f234\u202f567", "money", ".", 1234567.0),
        ("1'234.5", "money", ".", 1234.5),
        ("\ufeff7", "percent", ".", 7.0),
    ],
)
def test_a_number_with_one_meaning_is_read(text, measure, decimal, value):
    assert read_number(text, measure, decimal) == (value, "", "")


@pytest.mark.parametrize(
    ("text", "measure", "decimal", "code"),
    [
        ("abc", "percent", ".", "not_a_number"),
        ("1.2.3", "percent", ".", "not_a_number"),
        ("12,34,56", "percent", ".", "not_a_number"),
        ("--5", "percent", ".", "not_a_number"),
        ("1_000", "money", ".", "not_a_number"),
        ("0x10", "money", ".", "not_a_number"),
        ("١٢", "percent", ".", "not_a_number"),
        ("TRUE", "percent", ".", "not_a_number"),
        ("2024-12-31", "percent", ".", "not_a_number"),
        ("😀", "percent", ".", "not_a_number"),
        ("5\x00", "percent", ".", "not_a_number"),
        ("25%", "multiple", ".", "not_a_number"),
        ("25%", "money", ".", "not_a_number"),
        ("2x", "percent", ".", "not_a_number"),
        ("12,5", "percent", ".", "decimal_comma"),
        ("0,125", "percent", ".", "decimal_comma"),
        ("1,234", "percent", ".", "ambiguous_number"),
        ("1,234", "percent", ".,", "ambiguous_number"),
        ("1.234", "percent", ",", "ambiguous_number"),
        ("=1+1", "percent", ".", "formula"),
        ("@SUM(A1)", "percent", ".", "formula"),
        ("+cmd|' /C calc'!A0", "percent", ".", "formula"),
        ("1" * 1000, "percent", ".", "cell_too_long"),
        ("#DIV/0!", "percent", ".", "spreadsheet_error"),
        ("#name?", "percent", ".", "spreadsheet_error"),
        ("inf", "percent", ".", "non_finite"),
        ("-Infinity", "percent", ".", "non_finite"),
        ("1e999", "percent", ".", "non_finite"),
    ],
)
def test_a_cell_without_one_meaning_has_a_code_and_no_value(text, measure, decimal, code):
    number = read_number(text, measure, decimal)
    assert number.code == code
    assert math.isnan(number.value)
    assert number.message
    assert len(number.message) <= 100


@pytest.mark.parametrize("marker", [*sorted(MISSING), "N/A", " NaN ", "NULL", "#N/A", "\u200b"])
def test_missing_is_missing_without_a_word(marker):
    number = read_number(marker, "percent")
    assert math.isnan(number.value)
    assert number.code == ""


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_its_text(value):
    assert read_number(repr(value), "percent").value == value


@given(st.integers(-(10**12), 10**12), st.integers(0, 999))
def test_grouped_numbers_are_what_they_were_printed_from(whole, thousandths):
    text = f"{whole:,}.{thousandths:03}"
    expected = float(f"{whole}.{thousandths:03}")
    assert read_number(text, "money").value == expected
    european = text.translate(str.maketrans(",.", ".,"))
    assert read_number(european, "percent", ",").value == expected


@given(
    st.text(max_size=80), st.sampled_from(["percent", "multiple", "money"]), st.sampled_from([".", ",", ".,"])
)
def test_any_text_is_a_finite_number_or_missing_or_named(text, measure, decimal):
    number = read_number(text, measure, decimal)
    assert not math.isinf(number.value)
    if number.code:
        assert math.isnan(number.value)
        assert number.code in REFUSING_CODES or number.code in WARNING_CODES


@pytest.mark.parametrize(
    "value",
    [1e8, 99999999, 9999, -999, -999.99, -9999, 9.99e99, 1e30, 2147483647, 1000000, 99999.99, -99999999],
)
def test_placeholders_in_ratios(value):
    assert is_sentinel(value)


@pytest.mark.parametrize("value", [999, 100000, 9990, 295, -998, 593.363, 1e8 + 1, 9998.9, 12345678])
def test_large_ratios_that_are_none(value):
    assert not is_sentinel(value)


@pytest.mark.parametrize("value", [1e8, 1e9, -999, 9999, -9999])
def test_amounts_may_be_round(value):
    assert not is_sentinel(value, amount=True)


@pytest.mark.parametrize("value", [999999999, -99999, 9.99e99, 2147483647])
def test_amounts_of_nines_are_placeholders(value):
    assert is_sentinel(value, amount=True)


def test_spreadsheet_errors_are_told_apart_from_missing():
    assert not {error.casefold() for error in SPREADSHEET_ERRORS} & MISSING

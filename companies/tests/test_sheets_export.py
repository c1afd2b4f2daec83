"""Result files: nothing in them is executed, nothing is lost, and they can be uploaded again."""

import csv
import io
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companies.sheets import CellError, open_sheet, rows_with_errors, safe_text, write_csv, write_xlsx

HEADER = ["company_symbol", "reporting_year", "return_on_assets"]


def sheet_of(text):
    return open_sheet(io.BytesIO(text.encode()), "x.csv")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\n=x", " =1+1", "＝1", "+cmd|'/C calc'!A0", "-2-3",
     '=HYPERLINK("http://x")', "-A1", "+"],
)  # fmt: skip
def test_text_that_would_be_a_formula_is_led_by_an_apostrophe(text):
    assert safe_text(text) == "'" + text


@pytest.mark.parametrize(
    "value",
    [
        "ACME",
        "-3.2",
        "+5",
        "-1,234.5",
        "-25.5%",
        "-1e-5",
        "-",
        "--",
        "",
        "1+1",
        "a=b",
        "(3.2)",
        0,
        -3,
        -3.2,
        Decimal("-1.5"),
    ],
)
def test_plain_text_and_numbers_stay(value):
    assert safe_text(value) == value


def test_other_values_become_text():
    assert [safe_text(v) for v in (None, True, date(2024, 1, 2), float("nan"), "a\x00b")] == [
        None,
        "TRUE",
        "2024-01-02",
        None,
        "ab",
    ]


@given(st.text())
def test_no_text_begins_like_a_formula_unless_it_is_a_number(text):
    safe = safe_text(text)
    bare = safe.strip()
    assert not bare.startswith(("=", "@"))
    if bare.startswith(("+", "-")) and bare.strip("-"):
        assert not set(bare[1:]) - set("0123456789.,eE+-%")


@settings(deadline=None)
@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4), max_size=8)
)
def test_csv_gives_back_what_was_written(rows):
    data = b"".join(write_csv(rows))
    back = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert back == [[safe_text(cell) for cell in row] for row in rows]


def test_csv_is_streamed_in_pieces():
    pieces = list(write_csv(([str(n) * 20] for n in range(20_000)), mark=False))
    assert len(pieces) > 5
    assert b"".join(pieces).count(b"\r\n") == 20_000


def test_workbooks_hold_no_formula_and_no_link(tmp_path):
    path = tmp_path / "out.xlsx"
    cells = ["=1+1", "http://x.example", "12.5", "0005", -3, None, float("inf"), 10**20]
    write_xlsx(path, [("A/B: [x]", [cells]), ("a b   x", [["second"]]), ("", [])])
    book = openpyxl.load_workbook(path)
    first = book.worksheets[0]
    assert [cell.value for cell in first[1]] == [
        *("'=1+1", "http://x.example", 12.5, "0005", -3, None, None, "100000000000000000000")
    ]
    assert all(cell.data_type != "f" and cell.hyperlink is None for cell in first[1])
    assert len({name.casefold() for name in book.sheetnames}) == 3


def test_a_full_sheet_goes_on_in_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("companies.sheets.export.LAST_SPREADSHEET_ROW", 4)
    path = tmp_path / "out.xlsx"
    write_xlsx(path, [("Data", [["n"], *([n] for n in range(7))])])
    book = openpyxl.load_workbook(path)
    columns = [[cell.value for cell in sheet["A"]] for sheet in book.worksheets]
    assert book.sheetnames == ["Data", "Data (2)", "Data (3)"]
    assert columns == [["n", 0, 1, 2], ["n", 3, 4, 5], ["n", 6]]


def test_the_sheet_with_a_column_of_errors():
    sheet = sheet_of(",".join(HEADER) + "\nA,2024,x\n\nB,2024,1\nC,2024\nD,2024,1,9\n")
    findings = [
        CellError(2, "return_on_assets", "not_a_number", "This is not a number.", "x"),
        CellError(2, "", "no_inputs", "Nothing is left.", ""),
        CellError(6, "", "ragged_row", "Slipped.", "9"),
    ]
    rows = list(rows_with_errors(sheet, findings))
    assert rows == [
        [*HEADER, "error"],
        ["A", "2024", "x", "return_on_assets: This is not a number.; Nothing is left."],
        ["B", "2024", "1", ""],
        ["C", "2024", "", ""],
        ["D", "2024", "1", "Slipped.", "9"],
    ]
    refused = rows_with_errors(sheet, findings, only_refused=True)
    assert [row[0] for row in refused] == ["company_symbol", "A", "D"]


def test_a_column_named_error_is_kept_apart():
    sheet = sheet_of("company_symbol,reporting_year,Error\nA,2024,old\n")
    assert next(rows_with_errors(sheet, [])) == ["company_symbol", "reporting_year", "Error", "error_found"]


def test_the_corrected_sheet_can_be_uploaded_again():
    sheet = sheet_of(",".join(HEADER) + "\nA,2024,-1.5\n")
    again = sheet_of(b"".join(write_csv(rows_with_errors(sheet, []))).decode("utf-8-sig"))
    assert list(again.rows()) == [(2, ["A", "2024", "-1.5", ""])]

"""Files of all sorts: what is read is every row, what cannot be read says why."""

import io
import random
import string
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companies.sheets import Limits, SheetError, map_columns, open_sheet, parse_rows
from companies.sheets.xlsx_count import count_filled_rows

HEADER = "company_symbol,reporting_year,return_on_assets\n"
FILTERED_WORDS = (
    *("validation", "unauthorized", "not found", "timeout"),
    *("network error", "quota", "rate limit", "500"),
)
JUNK = random.Random(1).randbytes(5000)  # noqa: S311 - junk, not a secret
MOMENT = datetime(2024, 1, 2, 3, 4)  # noqa: DTZ001 - a cell knows no time zone


def opened(data, limits=None):
    return open_sheet(io.BytesIO(data if isinstance(data, bytes) else data.encode()), "file", limits)


def refusal(data, limits=None):
    with pytest.raises(SheetError) as caught:
        opened(data, limits).count_rows()
    error = caught.value
    assert len(error.detail) <= 100
    assert not any(word in error.detail.casefold() for word in FILTERED_WORDS)
    return error.code


def workbook(*sheets, **options):
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, **options})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                if value is not None:
                    sheet.write(row, column, value)
    book.close()
    return target.getvalue()


def rewritten(data, **parts):
    """The workbook with members replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, parts.get(member.filename, old.read(member)))
    return target.getvalue()


SHEET_XML = "xl/worksheets/sheet1.xml"
PLAIN_BOOK = workbook(("Data", [["company_symbol", "reporting_year", "return_on_assets"], ["A", 2024, 1.5]]))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_encodings_and_line_ends(delimiter, encoding, ending):
    lines = ["company_symbol,company_name,reporting_year,return_on_assets", "A,Société Générale,2024,1.5"]
    data = ending.join(lines).replace(",", delimiter).encode(encoding)
    sheet = opened(data)
    assert sheet.columns == lines[0].split(",")
    assert list(sheet.rows()) == [(2, ["A", "Société Générale", "2024", "1.5"])]
    assert sheet.delimiter == delimiter


def test_utf_16_without_a_mark():
    assert list(opened((HEADER + "A,2024,1").encode("utf-16-le")).rows()) == [(2, ["A", "2024", "1"])]


def test_bytes_that_are_not_utf_8_late_in_the_file():
    plain = HEADER + "".join(f"S{n},2024,1\n" for n in range(20_000))
    data = plain.encode() + "Ü,2024,1\n".encode("cp1252") + "é,2024,1\n".encode()
    rows = list(opened(data).rows())
    assert [cells[0] for _, cells in rows[-2:]] == ["Ü", "é"]


def test_quoted_newlines_are_one_row_and_rows_are_numbered_as_spreadsheets_do():
    sheet = opened(HEADER + '\n"A\nB",2024,1\n\n   ,,\nC,2024,2\n\n')
    assert list(sheet.rows()) == [(3, ["A\nB", "2024", "1"]), (6, ["C", "2024", "2"])]
    assert sheet.count_rows() == 2
    assert sheet.blank_rows == 4


def test_a_title_above_the_header_is_passed_over():
    sheet = opened("Portfolio 2024\n\n" + HEADER + "A,2024,1\n")
    assert (sheet.header_row, list(sheet.rows())) == (3, [(4, ["A", "2024", "1"])])


def test_the_separator_line_of_spreadsheets_is_a_setting_and_no_row():
    sheet = opened("sep=;\r\n" + HEADER.replace(",", ";") + "A;2024;1,5\n")
    assert (sheet.header_row, sheet.delimiter, sheet.decimal) == (1, ";", ",")


@pytest.mark.parametrize(
    ("number", "delimiter", "decimal"),
    [("1.5", ";", ".,"), ("1,5", ";", ","), ("1.5", ",", "."), ("1", ";", ".,")],
)
def test_the_decimal_sign_follows_from_delimiter_and_numbers(number, delimiter, decimal):
    assert opened(HEADER.replace(",", delimiter) + delimiter.join(["A", "2024", number])).decimal == decimal


def test_ragged_rows_are_kept():
    sheet = opened(HEADER + "A,2024\nB,2024,1,,\nC,2024,1,9\n")
    assert [cells for _, cells in sheet.rows()] == [
        ["A", "2024"],
        ["B", "2024", "1"],
        ["C", "2024", "1", "9"],
    ]


def test_nul_bytes_and_large_cells_cost_their_row_only():
    sheet = opened(HEADER + "A\x00,2024,1\nB,2024," + "9" * 1_000_000 + "\nC,2024,1\n")
    rows = list(sheet.rows())
    assert [cells[0] for _, cells in rows] == ["A\x00", "B", "C"]
    assert len(rows[1][1][2]) == 1001


def test_empty_cells_at_the_end_of_the_header_are_no_columns():
    assert opened(HEADER.strip() + ",,\nA,2024,1,,\n").columns == HEADER.strip().split(",")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"  \r\n\r\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (HEADER, "no_rows"),
        (HEADER + "\n,,\n", "no_rows"),
        ("1,2,3\n4,5,6\n", "no_header"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unsupported_format"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted_file"),
        (b"%PDF-1.7 ...", "unsupported_format"),
        (b"\x1f\x8b\x08\x00", "damaged_file"),
        (b"PAR1....", "damaged_file"),
        (b"<html><table></table></html>", "unsupported_format"),
        (bytes(range(256)) * 40, "not_text"),
        (JUNK, "not_text"),
        (HEADER + 'A,2024,"' + "x" * 6_000_000, "cell_too_large"),
        (HEADER + "A,2024," + "x" * 9_000_000, "line_too_long"),
        (b"PK\x03\x04 no archive", "damaged_file"),
        (PLAIN_BOOK[: len(PLAIN_BOOK) // 2], "damaged_file"),
        (workbook(("Empty", [])), "empty_file"),
        (workbook(("Numbers", [[1, 2], [3, 4]])), "no_header"),
        (workbook(("Data", [["company_symbol", "reporting_year"]])), "no_rows"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_a_file_that_cannot_be_read_says_why(data, code):
    assert refusal(data) == code


def test_a_row_that_stops_the_reading_is_told():
    sheet = opened(HEADER + "A,2024,1\n" * 5000 + 'B,2024,"' + "x" * 6_000_000)
    with pytest.raises(SheetError) as caught:
        sheet.count_rows()
    assert caught.value.row == 5002


def test_too_many_columns():
    assert refusal(HEADER.strip() + ",x" * 1000 + "\nA,2024,1") == "too_many_columns"


def test_workbooks_give_canonical_texts():
    target = io.BytesIO()
    book = openpyxl.Workbook()
    page = book.active
    page.append(["company_symbol", "reporting_year", "a", "b", "c", "d", "e", "f"])
    page.append(["A", 2024, 1.5, 3.0, True, date(2024, 12, 31), MOMENT, "#N/A"])
    page.append(["B", 2023, 1 / 3, 1e21, False, None, "=1+1", "x & y"])
    book.save(target)
    assert [cells for _, cells in opened(target.getvalue()).rows()] == [
        ["A", "2024", "1.5", "3", "TRUE", "2024-12-31", "2024-01-02T03:04:00", "#N/A"],
        ["B", "2023", "0.3333333333333333", "1e+21", "FALSE", "", "=1+1", "x & y"],
    ]


def test_cached_values_of_formulas_are_taken():
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    page = book.add_worksheet()
    page.write_row(0, 0, ["company_symbol", "reporting_year", "return_on_assets"])
    page.write_row(1, 0, ["A", 2024])
    page.write_formula(1, 2, "=1+1", None, 2.5)
    book.close()
    assert list(opened(target.getvalue()).rows()) == [(2, ["A", "2024", "2.5"])]


def test_the_first_sheet_with_a_known_header_wins_and_is_named():
    data = workbook(
        ("Read me", [["Please fill in the next sheet"]]),
        ("Figures", [[], ["Ticker", "Year", "ROA"], [], ["A", 2024, 1]]),
        ("Old", [["Ticker", "Year", "ROA"], ["B", 2020, 1]]),
    )
    sheet = opened(data)
    assert (sheet.sheet_name, sheet.header_row) == ("Figures", 2)
    assert sheet.other_sheets == ("Read me", "Old")
    assert list(sheet.rows()) == [(4, ["A", "2024", "1"])]
    assert sheet.blank_rows == 1
    assert sheet.rivals == ("Old",)


def test_a_sheet_is_chosen_by_its_name():
    data = workbook(
        ("2023", [["Ticker", "Year", "ROA"], ["A", 2023, 1]]),
        ("Book 2024", [["Ticker", "Year", "ROA"], ["A", 2024, 1], ["B", 2024, 1]]),
        ("Notes", [["a word"], ["and another"]]),
        ("Empty one", [["Ticker", "Year", "ROA"]]),
    )
    chosen = open_sheet(io.BytesIO(data), "b.xlsx", sheet_name=" book 2024 ")
    assert (chosen.sheet_name, chosen.count_rows(), chosen.rivals) == ("Book 2024", 2, ())
    assert opened(data).rivals == ("Book 2024",), "without rows or known names a sheet is no rival"
    with pytest.raises(SheetError, match="There are: 2023, Book 2024, Notes, Empty one") as caught:
        open_sheet(io.BytesIO(data), "b.xlsx", sheet_name="2025")
    assert caught.value.code == "no_such_sheet"
    with pytest.raises(SheetError) as caught:
        open_sheet(io.BytesIO(b"a,b"), "b.csv", sheet_name="2025")
    assert caught.value.code == "no_such_sheet"


def test_merged_titles_and_rich_text_are_read():
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    page = book.add_worksheet()
    page.merge_range(0, 0, 0, 2, "Portfolio")
    page.write_row(1, 0, ["company_symbol", "reporting_year", "return_on_assets"])
    page.write_rich_string(2, 0, book.add_format({"bold": True}), "A", "CME")
    page.write_row(2, 1, [2024, 1])
    book.close()
    assert list(opened(target.getvalue()).rows()) == [(3, ["ACME", "2024", "1"])]


def test_hidden_sheets_come_last():
    target = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.title = "Hidden"
    book.active.sheet_state = "hidden"
    book.active.append(["Ticker", "Year", "ROA"])
    book.active.append(["OLD", 2000, 1])
    shown = book.create_sheet("Shown")
    shown.append(["Ticker", "Year", "ROA"])
    shown.append(["NEW", 2024, 1])
    book.save(target)
    assert opened(target.getvalue()).sheet_name == "Shown"


def test_the_dimension_that_a_file_claims_is_not_believed():
    with zipfile.ZipFile(io.BytesIO(PLAIN_BOOK)) as archive:
        xml = archive.read(SHEET_XML).replace(b'ref="A1:C2"', b'ref="A1"')
    assert opened(rewritten(PLAIN_BOOK, **{SHEET_XML: xml})).count_rows() == 1


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData/></worksheet>',
        b"<worksheet><sheetData><row",
        b'<worksheet><sheetData><row r="9999999"><c r="A9999999"><v>1</v></c></row></sheetData></worksheet>',
        b'<worksheet><sheetData><row r="1"><c r="ZZZZ1"><v>1</v></c></row></sheetData></worksheet>',
        b'<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>99</v></c></row></sheetData></worksheet>',
        b'<worksheet><sheetData><row r="x"><c r="A1"><v>1</v></c></row></sheetData></worksheet>',
    ],
)
def test_a_sheet_made_to_hurt_is_refused(xml):
    assert refusal(rewritten(PLAIN_BOOK, **{SHEET_XML: xml})) == "damaged_file"


def test_a_workbook_that_explodes_is_refused_before_it_is_unpacked():
    bomb = rewritten(PLAIN_BOOK, **{SHEET_XML: b"<worksheet>" + b" " * (40 << 20) + b"</worksheet>"})
    assert len(bomb) < 1 << 20
    assert refusal(bomb) == "too_large"
    assert refusal(PLAIN_BOOK, Limits(uncompressed_bytes=1000)) == "too_large"
    assert refusal(PLAIN_BOOK, Limits(archive_members=3)) == "too_large"
    assert refusal(PLAIN_BOOK, Limits(shared_strings=2)) == "too_large"
    assert refusal(PLAIN_BOOK, Limits(shared_characters=10)) == "too_large"


def test_archives_of_other_programs_are_named_as_such():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert refusal(target.getvalue()) == "unsupported_format"


def test_the_file_stays_open_and_can_be_read_again():
    file = io.BytesIO((HEADER + "A,2024,1\n").encode())
    sheet = open_sheet(file, "x.csv")
    assert list(sheet.rows()) == list(sheet.rows())
    assert not file.closed


CELLS = st.text(alphabet=string.ascii_letters + string.digits + ' ,;"\n\r\t.-=é\x00', max_size=12)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.lists(CELLS, max_size=6), max_size=15))
def test_every_row_of_a_workbook_is_counted_as_it_is_read(rows):
    data = workbook(
        ("Data", [["company_symbol", "reporting_year", "return_on_assets"], ["A", 1, 1], *rows]),
        strings_to_formulas=False,
        strings_to_urls=False,
    )
    sheet = opened(data)
    numbers = [number for number, _ in sheet.rows()]
    assert sheet.count_rows() == len(numbers)
    assert numbers == [2, *(n for n, cells in enumerate(rows, 3) if any(map(str.strip, cells)))]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(max_size=400), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_rows_out_refused_and_blank_are_the_rows_of_any_text(junk, delimiter, western):
    text = HEADER.replace(",", delimiter) + "A" + delimiter + "2024\n" + junk
    try:
        sheet = opened(text.encode("cp1252" if western else "utf-8", "replace"))
    except SheetError as error:
        refused = error.code
    else:
        refused = ""
    if refused:
        assert refused == "not_text"
        return
    rows = list(sheet.rows())
    last = rows[-1][0]
    batch = parse_rows(rows, map_columns(sheet.columns, "annual").require(), "annual", decimal=sheet.decimal)
    assert batch.total == len(rows) == sheet.count_rows()
    assert len(batch.frame) + len(batch.refused) == batch.total
    assert set(batch.refused) == {error.row for error in batch.errors}
    assert set(batch.refused).isdisjoint(batch.row_numbers.tolist())
    assert sheet.blank_rows >= last - 1 - len(rows)


ROW = b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>'


@pytest.mark.parametrize(
    ("cells", "quick"),
    [
        ((b"a", b"b"), 2),
        ((b"a", b""), 1),
        ((b"a", b" "), None),
        ((b"a", b"&#32;"), None),
        ((b"a", "\u00a0".encode()), None),
        ((b"a", b"<![CDATA[b]]>"), None),
        ((b"a", b"b</t></is></c></row><!-- x -->" + ROW % (9, 9, b"c")), None),
    ],
)
def test_rows_are_counted_without_parsing_only_where_that_is_sure(cells, quick):
    rows = b"".join(ROW % (number, number, text) for number, text in enumerate((b"header", *cells), 1))
    xml = b'<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>' + rows + b"</sheetData></worksheet>"
    for size in (7, 1000):
        chunks = [xml[start : start + size] for start in range(0, len(xml), size)]
        assert count_filled_rows(chunks, 1) == quick


@pytest.mark.parametrize("replaced", [(b"UTF-8", b"UTF-16"), (b"<row", b"<x:row"), (b' r="1"', b"")])
def test_sheets_written_in_another_way_are_left_to_the_parser(replaced):
    xml = b'<?xml version="1.0" encoding="UTF-8"?><sheetData>' + ROW % (1, 1, b"a") + ROW % (2, 2, b"b")
    assert count_filled_rows([xml], 1) == 1
    assert count_filled_rows([xml.replace(*replaced)], 1) is None


def test_blank_texts_in_the_shared_table_do_not_count_as_values():
    data = workbook(("Data", [["company_symbol", "reporting_year"], ["A", 1], ["  ", None], ["B", 2]]))
    sheet = opened(data)
    assert sheet.count_rows() == len(list(sheet.rows())) == 2

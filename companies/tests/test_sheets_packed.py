"""Packed text and Parquet: the same rows as the plain file of the same table, bombs and damage refused."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import os
import tarfile
import tracemalloc
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from companies.sheets import Limits, SheetError, map_columns, open_sheet, parse_rows, write_csv

HEADER = ["company_symbol", "company_name", "reporting_year", "return_on_assets", "total_assets", "note"]


def refusal(data: bytes, name: str = "file", limits: Limits | None = None) -> str:
    def read() -> None:
        sum(1 for _ in open_sheet(io.BytesIO(data), name, limits).rows())

    with pytest.raises(SheetError) as caught:
        read()
    assert len(caught.value.detail) <= 100
    return caught.value.code


def parquet(table: pa.Table, **options) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target, **options)
    return target.getvalue()


def parsed(data: bytes, name: str, size: int = 7):
    """Everything that comes of a file: rows, findings, refusals."""
    sheet = open_sheet(io.BytesIO(data), name)
    columns = map_columns(sheet.columns, "annual").require()
    found = [parse_rows(part, columns, "annual", decimal=sheet.decimal) for part in sheet.blocks(size)]
    rows = [
        (number, *line)
        for batch in found
        for number, line in zip(
            batch.row_numbers.tolist(), batch.frame.astype(str).to_numpy().tolist(), strict=True
        )
    ]
    findings = [f for batch in found for f in (*batch.errors, *batch.warnings)]
    assert sum(batch.total for batch in found) == sheet.count_rows() == sum(1 for _ in sheet.rows())
    return rows, findings, [n for batch in found for n in batch.refused]


def csv_of(rows) -> bytes:
    import csv

    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerows(rows)
    return target.getvalue().encode()


POISON = ["", "a\x00b", "💥🏦", "=1+1", "@SUM(A1)", "inf", "-Infinity", "1e308", "1e309", "NaN", "5e-324",
          "x" * 1_000_000, "1,234", "12%", "#DIV/0!", "-999", "99999999", "é\u2028ü", "TRUE"]  # fmt: skip


def poisonous_rows():
    for place, cell in enumerate(POISON):
        yield [f"A{place}", cell, "2024", cell, "5000000", ""]
        yield [cell, "Firm", "2024", "1.5", cell, ""]
        yield [f"B{place}", "Firm", cell, "1.5", "5000000", cell]


def test_poisonous_cells_are_the_same_in_every_format():
    rows = list(poisonous_rows())
    plain = csv_of([HEADER, *rows])
    expected = parsed(plain, "p.csv")
    assert expected[0]
    assert expected[2]
    columns = list(zip(*rows, strict=True))
    table = pa.table({name: list(column) for name, column in zip(HEADER, columns, strict=True)})
    assert parsed(gzip.compress(plain), "p.csv.gz") == expected
    assert parsed(parquet(table), "p.parquet") == expected
    assert (
        parsed(parquet(table, compression="zstd", row_group_size=5, use_dictionary=False), "p.pq") == expected
    )


def test_poisonous_cells_in_a_workbook_cost_their_row_only():
    """A workbook holds no NUL and at most 32,767 characters in a cell; all the rest is as in a CSV file."""
    rows = [[cell[:32_767].replace("\x00", "") for cell in row] for row in poisonous_rows()]
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(target, options)
    page = book.add_worksheet()
    for number, row in enumerate([HEADER, *rows]):
        for place, cell in enumerate(row):
            page.write_string(number, place, cell)
    book.close()
    assert parsed(target.getvalue(), "p.xlsx") == parsed(csv_of([HEADER, *rows]), "p.csv")


def test_typed_columns_of_parquet_are_read_as_a_csv_of_the_same_values():
    day = dt.date(2024, 12, 31)
    table = pa.table(
        {
            "company_symbol": pa.array([600519, 7, None, 9, 10], pa.int32()),
            "company_name": pa.array(["Firm", None, "Firm", "Firm", "Firm"]).dictionary_encode(),
            "reporting_year": pa.array([day, day, day, None, day], pa.date32()),
            "return_on_assets": pa.array([0.1, float("inf"), 3.5, float("nan"), 2.5], pa.float32()),
            "total_debt_to_ebitda": pa.array([1.0e308, 1.25, None, 2.0, 2.0]),
            "total_assets": pa.array(
                [Decimal("5000000.25"), None, Decimal("1.00"), Decimal(7), Decimal("7.5")],
                pa.decimal128(38, 2),
            ),
            "net_income": pa.array(["(1,000,000)", "2 000 000", "n/a", "text", "12"]),
            "net_sales": pa.array([True, False, None, None, None]),
            "history": pa.array([[1], [], None, [2, 3], [4]]),
        }
    )
    rows = [
        ["600519", "Firm", "2024-12-31", "0.1", "1e+308", "5000000.25", "(1,000,000)", "TRUE", ""],
        ["7", "", "2024-12-31", "inf", "1.25", "", "2 000 000", "FALSE", ""],
        ["", "Firm", "2024-12-31", "3.5", "", "1.00", "n/a", "", ""],
        ["9", "Firm", "", "", "2", "7", "text", "", ""],
        ["10", "Firm", "2024-12-31", "2.5", "2", "7.50", "12", "", ""],
    ]
    assert parsed(parquet(table), "t.parquet") == parsed(csv_of([table.column_names, *rows]), "t.csv")


def test_moments_are_days_where_they_were_written():
    midnight = dt.datetime(2024, 12, 31, tzinfo=dt.UTC) - dt.timedelta(hours=1)
    table = pa.table(
        {
            "company_symbol": ["A"],
            "reporting_year": pa.array([midnight], pa.timestamp("us", tz="+01:00")),
            "return_on_assets": [1.0],
        }
    )
    assert next(open_sheet(io.BytesIO(parquet(table)), "m.parquet").rows()) == (2, ["A", "2024-12-31", "1"])


def test_a_list_where_a_number_is_needed_is_told():
    table = pa.table({"company_symbol": ["A"], "reporting_year": [2024], "return_on_assets": [[1.0]]})
    assert refusal(parquet(table)) == "unsupported_column"
    nested = pa.table({"company_symbol": [{"a": 1}], "reporting_year": [2024], "return_on_assets": [1.0]})
    assert refusal(parquet(nested)) == "unsupported_column"


def test_blank_rows_of_parquet_are_no_rows_and_keep_their_numbers():
    table = pa.table(
        {
            "company_symbol": ["A", None, "  ", "B"],
            "reporting_year": pa.array([2024, None, None, 2024]),
            "return_on_assets": pa.array([1.0, None, None, 2.0]),
        }
    )
    sheet = open_sheet(io.BytesIO(parquet(table)), "b.parquet")
    assert [number for number, _ in sheet.rows()] == [2, 5]
    assert [row[0] for row in parsed(parquet(table), "b.parquet", 3)[0]] == [2, 5]


def test_damage_is_told():
    content = csv_of([HEADER, *([f"A{n}", "Firm", "2024", "1.5", "5000000", os.urandom(9).hex()]
                                for n in range(3000))])  # fmt: skip
    packed = gzip.compress(content)
    assert refusal(packed[: len(packed) // 2]) == "damaged_file"
    assert refusal(packed[:-4] + b"abcd") == "damaged_file"
    assert refusal(packed[:4000] + b"\xff" * 300 + packed[4300:]) in {"damaged_file", "line_too_long"}
    table = pa.table({"company_symbol": ["A"] * 50, "reporting_year": [2024] * 50})
    whole = parquet(table)
    assert refusal(whole[:-20]) == "damaged_file"
    assert refusal(whole[:40] + b"\x00" * 30 + whole[70:]) == "damaged_file"
    assert refusal(b"PARE" + whole[4:]) == "encrypted_file"


def test_what_is_inside_a_gzip_must_be_text():
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"), io.BytesIO())
    assert refusal(gzip.compress(target.getvalue())) == "unsupported_format"
    assert refusal(gzip.compress(gzip.compress(b"a,b\n1,2\n"))) == "unsupported_format"
    assert refusal(gzip.compress(b"PK\x03\x04....")) == "unsupported_format"
    assert refusal(gzip.compress(b"PAR1....")) == "unsupported_format"
    assert refusal(gzip.compress(b"")) == "empty_file"


def test_bombs_are_stopped_before_they_are_held():
    line = b"A,Firm,2024,1.5,5000000,\n"
    head = ",".join(HEADER).encode() + b"\n"
    bomb = gzip.compress(head + line * 400_000, 9)
    tracemalloc.start()
    assert refusal(bomb, limits=Limits(ratio_free_bytes=1 << 20)) == "too_large"
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()
    small = Limits(uncompressed_bytes=1 << 20)
    assert refusal(gzip.compress(head + os.urandom(1 << 20).hex().encode()), limits=small) == "too_large"
    table = pa.table({"company_symbol": ["A" * 1000] * 40_000, "reporting_year": [2024] * 40_000})
    packed = parquet(table, use_dictionary=False, compression="zstd")
    assert refusal(packed) == "too_large"
    assert refusal(packed, limits=Limits(uncompressed_bytes=1 << 20)) == "too_large"


def test_one_long_text_in_every_row_is_held_once():
    rows = 200_000
    table = pa.table(
        {
            "company_symbol": [f"A{n}" for n in range(rows)],
            "reporting_year": [2024] * rows,
            "return_on_assets": [1.5] * rows,
            "note": pa.array(["x" * 100_000]).dictionary_encode().take(pa.array([0] * rows)),
        }
    )
    data = parquet(table)
    assert len(data) < 4 << 20
    sheet = open_sheet(io.BytesIO(data), "n.parquet")
    before = pa.total_allocated_bytes()
    most = read = 0
    for part in sheet.blocks(5000):
        most = max(most, pa.total_allocated_bytes() - before)
        read += len(part.numbers)
    assert read == rows
    assert most < 60 << 20


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", "parquet"), ("a.xlsx", "csv"), ("a.parquet", "csv"), ("a.csv.gz", "csv"), ("a.CSV", "gzip"),
     ("a.csv", "xlsx"), ("a.pq", "gzip")],
)  # fmt: skip
def test_a_name_that_promises_another_format_is_refused(name, kind):
    plain = b"company_symbol,reporting_year,return_on_assets\nA,2024,1\n"
    book = io.BytesIO()
    with xlsxwriter.Workbook(book) as made:
        made.add_worksheet().write_row(0, 0, ["company_symbol"])
    table = pa.table({"company_symbol": ["A"], "reporting_year": [2024], "return_on_assets": [1.0]})
    data = {"csv": plain, "gzip": gzip.compress(plain), "parquet": parquet(table), "xlsx": book.getvalue()}
    assert refusal(data[kind], name) == "content_mismatch"
    if kind != "xlsx":
        assert open_sheet(io.BytesIO(data[kind]), "download").count_rows() == 1, "other names promise nothing"


CELLS = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["1.5", "n/a", "-", "1,5", "(2)", "text", " 3 ", "12%", "1e3"]),
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), floats=st.booleans())
def test_any_column_is_read_as_its_csv(rows, floats):
    """Columns of floats, or of texts, written both ways."""
    first = [v if isinstance(v, float) or v is None else None for v, _ in rows]
    texts = [None if v is None else str(v) for _, v in rows]
    table = pa.table(
        {
            "company_symbol": [f"A{n}" for n in range(len(rows))],
            "reporting_year": [2024] * len(rows),
            "return_on_assets": pa.array(first if floats else texts, pa.float64() if floats else pa.string()),
            "total_debt_to_ebitda": pa.array(texts, pa.large_string()),
        }
    )
    lines = [
        [f"A{n}", "2024", ("" if a is None else repr(a)) if floats else (b or ""), b or ""]
        for n, (a, b) in enumerate(zip(first, texts, strict=True))
    ]

    def result(data, name):
        rows, findings, refused = parsed(data, name)
        # A text shows the value as the file writes it: 1e+16 or 1e16.
        return rows, [f[:4] for f in findings], refused

    written = csv_of([table.column_names, *lines])
    assert result(parquet(table), "t.parquet") == result(written, "t.csv")


def test_a_large_packed_file_is_guessed_and_not_unpacked():
    rows = 150_000
    content = csv_of([HEADER, *([f"A{n}", "Firm", "2024", "1.5", "5000000", os.urandom(60).hex()]
                                for n in range(rows))])  # fmt: skip
    data = gzip.compress(content, 1)
    assert len(data) > 8 << 20
    sheet = open_sheet(io.BytesIO(data), "big.csv.gz")
    assert abs(sheet.most_rows() - rows) < rows * 0.05
    assert sheet.count_rows() == rows
    few = gzip.compress(csv_of([HEADER, ["A", "Firm", "2024", "1.5", "5000000", ""]]))
    assert open_sheet(io.BytesIO(few), "few.csv.gz").most_rows() == 1


def test_a_sheet_of_errors_comes_of_every_format():
    """What is given back of a Parquet file is text, in its own columns."""
    from companies.sheets import CellError, rows_with_errors

    table = pa.table(
        {"company_symbol": ["A", "B"], "reporting_year": [2024, 1], "return_on_assets": [1.0, 2]}
    )
    sheet = open_sheet(io.BytesIO(parquet(table)), "t.parquet")
    finding = CellError(3, "reporting_year", "year_out_of_range", "No such year.", "1")
    data = b"".join(write_csv(rows_with_errors(sheet, [finding], only_refused=True))).decode("utf-8-sig")
    assert data.splitlines()[1] == "B,1,2,reporting_year: No such year."

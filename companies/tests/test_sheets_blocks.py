"""Blocks of columns against the careful reader: the same rows, numbers and findings, whatever the file."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from companies.sheets import RowBlock, SheetError, batches, map_columns, open_sheet, parse_rows
from companies.sheets.csv_blocks import csv_blocks
from companies.sheets.csv_source import open_csv
from companies.sheets.limits import Limits

HEADER = "company_symbol,company_name,reporting_year,return_on_assets,net_income_margin,Notes"
CELLS = st.sampled_from(
    ["", " ", "A", "ACME", "1.5", "-3", "2020", "1e3", "abc", "é", "😀", "1,234", 'say "hi"', '"', "a\nb",
     "a\r\nb", "\x00", "=1+1", "inf", "9" * 70, "x" * 1200, "NA", "null", "\ufeff", "\x0b", "\u2028", "'",
     "12%", "-", '5" pipe']
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\r\n"])


def quoted(cell: str, always: bool) -> str:
    if always or any(sign in cell for sign in ',"\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """CSV files from clean to broken: quoted and raw cells, rows too short, too long and blank."""
    end = draw(ENDS)
    lines = draw(st.lists(st.sampled_from(["", "Portfolio,of 2024"]), max_size=2)) + [HEADER]
    for _ in range(draw(st.integers(1, 12))):
        cells = draw(st.lists(CELLS, min_size=0, max_size=8) | st.lists(CELLS, min_size=6, max_size=6))
        raw = draw(st.integers(0, 9)) == 0
        lines.append(",".join(cell if raw else quoted(cell, draw(st.booleans())) for cell in cells))
        if draw(st.integers(0, 9)) == 0:
            lines.append(draw(st.sampled_from(["", ",,,,,", "  ", '"",', "\r"])))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    data = text.encode()
    if draw(st.integers(0, 9)) == 0:
        data = data.replace("é".encode(), b"\xe9")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + data


def carefully(content: bytes):
    sheet = open_sheet(io.BytesIO(content), "x.csv")
    return [(number, *cells) for number, cells in sheet.rows()]


def outcome(read: Callable[[], object]) -> object:
    """What a reader gives, or the code of the reason why not."""
    try:
        return read()
    except SheetError as error:
        return error.code


def in_blocks(content: bytes, size: int, block_bytes: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("companies.sheets.csv_blocks._BLOCK_BYTES", block_bytes)
    sheet = open_sheet(io.BytesIO(content), "x.csv")
    found = []
    for part in sheet.blocks(size):
        if isinstance(part, RowBlock):
            assert 0 < len(part.numbers) <= size
            rows = zip(part.numbers.tolist(), *(column.to_pylist() for column in part.cells), strict=True)
            found += rows
        else:
            assert 0 < len(part) <= size
            found += [(number, *cells) for number, cells in part]
    return found


@settings(max_examples=100, deadline=None)
@given(content=files(), size=st.integers(1, 7), block_bytes=st.sampled_from([16, 64, 300, 1 << 21]))
@example(content=f'{HEADER}\nA,x,2020,1,1,\n\n  \nB,"a\nb",2020,1,1,\n'.encode(), size=3, block_bytes=64)
@example(
    content=f'{HEADER}\nA,"x"y,2020,1,1,\nB,5" z,2020,1,1,\nC,x,2020,1,1,'.encode(), size=3, block_bytes=32
)
@example(content=f"{HEADER}\n\ufeff,,,,,ACME\n".encode(), size=1, block_bytes=16)
def test_blocks_are_the_rows_of_the_careful_reader(content: bytes, size: int, block_bytes: int):
    with pytest.MonkeyPatch.context() as patch:
        expected = outcome(lambda: carefully(content))
        assert outcome(lambda: in_blocks(content, size, block_bytes, patch)) == expected


@settings(max_examples=30, deadline=None)
@given(content=files())
def test_blocks_are_parsed_like_the_careful_reader(content: bytes):
    try:
        sheet = open_sheet(io.BytesIO(content), "x.csv")
        columns = map_columns(sheet.columns, "annual").require()
        careful = [parse_rows(part, columns, "annual") for part in batches(sheet.rows(), 5)]
    except SheetError:
        return
    quick = [parse_rows(part, columns, "annual") for part in sheet.blocks(5)]
    for name in ("errors", "warnings", "refused"):
        assert [x for p in quick for x in getattr(p, name)] == [x for p in careful for x in getattr(p, name)]
    rows = [line for p in careful for line in p.frame.astype(str).to_numpy().tolist()]
    assert [line for p in quick for line in p.frame.astype(str).to_numpy().tolist()] == rows


def test_a_plain_file_goes_through_columns():
    rows = "".join(f'A{n},"Firm, {n}",2020,{n}.5,1,"say ""hi"""\n' for n in range(500))
    source = open_csv(io.BytesIO(f"{HEADER}\n{rows}".encode()), Limits())
    parts = [found for _, found in csv_blocks(source, 1, 6, 2048)]
    assert sum(isinstance(found[0], tuple) for found in parts) <= 1

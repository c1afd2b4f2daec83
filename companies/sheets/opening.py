"""Which table an uploaded file holds: the format by its content, the sheet, and where its header stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from companies.sheets.csv_source import Record, open_csv
from companies.sheets.errors import SheetError
from companies.sheets.limits import KEPT_CELL, MOST_COLUMNS, Limits
from companies.sheets.mapping import known_names, listed
from companies.sheets.named import Content, require_fitting_name
from companies.sheets.packed import unpacked
from companies.sheets.parquet_source import ParquetSource
from companies.sheets.reader import Sheet, records_of

if TYPE_CHECKING:
    from companies.sheets.xlsx_source import SheetPart, XlsxSource

_HEADER_NAMES: Final = 2
_MAGIC_BYTES: Final = 8
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"
_PARQUET_ENCRYPTED: Final = b"PARE"
_ENCRYPTED_PART: Final = "EncryptedPackage".encode("utf-16-le")
_OTHER_FORMATS: Final = (
    (b"%PDF", "The file is a PDF document. Save it as .xlsx or .csv"),
    (b"7z\xbc\xaf\x27\x1c", "The file is an archive. Save it as .xlsx or .csv"),
    (b"Rar!", "The file is an archive. Save it as .xlsx or .csv"),
    (b"\x89PNG", "The file is a picture. Save the table as .xlsx or .csv"),
    (b"\xff\xd8\xff", "The file is a picture. Save the table as .xlsx or .csv"),
)


def open_sheet(file: BinaryIO, filename: str, limits: Limits | None = None, *, sheet_name: str = "") -> Sheet:
    """The table in an uploaded file, or SheetError with a code and a sentence.

    Parameters
    ----------
    file : binary file
        Readable and seekable; it stays open, and the sheet reads from it.
    filename : str
        What the file is, its first bytes say; a name that says something else is refused.
    sheet_name : str, optional
        The sheet of a workbook; without it the first that looks like a portfolio, and the `rivals` told.
    """
    limits = limits or Limits()
    file.seek(0)
    magic = file.read(_MAGIC_BYTES)
    if not magic:
        raise SheetError("empty_file", "The file is empty.")
    if magic.startswith(_OLE):
        raise _old_office(file)
    for start, sentence in _OTHER_FORMATS:
        if magic.startswith(start):
            raise SheetError("unsupported_format", sentence)
    if magic.startswith(_PARQUET_ENCRYPTED):
        raise SheetError("encrypted_file", "The Parquet file is encrypted. Write it without encryption.")
    found = _kind_of(magic)
    require_fitting_name(filename, found)
    if sheet_name and found != "workbook":
        raise SheetError("no_such_sheet", "The file is no workbook: it has no sheets to choose from.")
    if found == "workbook":
        sheet = _open_workbook(file, filename, limits, sheet_name)
    elif found == "parquet":
        sheet = _open_parquet(file, filename, limits)
    elif found == "gzip":
        sheet = _open_text(cast(BinaryIO, unpacked(file, limits)), filename, limits, packed=True)
    else:
        sheet = _open_text(file, filename, limits)
    if next(sheet.rows(), None) is None:
        raise SheetError("no_rows", "The file has a header and no rows under it.")
    return sheet


def _kind_of(magic: bytes) -> Content:
    if magic.startswith(_ZIP):
        return "workbook"
    if magic.startswith(_PARQUET):
        return "parquet"
    return "gzip" if magic.startswith(_GZIP) else "text"


def _old_office(file: BinaryIO) -> SheetError:
    """Why an OLE container is refused: it is an old workbook, or a new one behind a password."""
    file.seek(0)
    if _ENCRYPTED_PART in file.read(1 << 20):
        return SheetError("encrypted_file", "The file is protected by a password. Save it without one.")
    return SheetError("unsupported_format", "Save the file as .xlsx or .csv")


def _open_parquet(file: BinaryIO, filename: str, limits: Limits) -> Sheet:
    source = ParquetSource(file, limits)

    def records() -> Iterator[Record]:
        for number, cells in source.blocks():
            yield from records_of(number, cells)

    return Sheet(
        filename=filename,
        format="parquet",
        columns=source.columns,
        header_row=1,
        decimal=".",
        delimiter=None,
        encoding=None,
        sheet_name=None,
        other_sheets=(),
        _records=records,
        _columnar=source.blocks,
        _quick_count=lambda: source.rows,
    )


def _open_text(file: BinaryIO, filename: str, limits: Limits, *, packed: bool = False) -> Sheet:
    source = open_csv(file, limits)
    header = _find_header(source.records(), limits)
    if header is None:
        raise SheetError("no_header", "No row with column names stands at the top of the file.")
    return Sheet(
        filename=filename,
        format="csv",
        columns=header[1],
        header_row=header[0],
        decimal=source.decimal,
        delimiter=source.delimiter,
        encoding=source.encoding,
        sheet_name=None,
        other_sheets=(),
        _records=source.records,
        _text=source,
        packed=packed,
    )


def _open_workbook(file: BinaryIO, filename: str, limits: Limits, sheet_name: str) -> Sheet:
    # Here, with openpyxl's tables of formats: only a workbook needs them.
    from companies.sheets.xlsx_source import XlsxSource

    source = XlsxSource(file, limits)
    if not source.sheets:
        raise SheetError(
            "unsupported_format", "The archive holds no worksheet. Save the file as .xlsx or .csv"
        )
    if len(source.sheets) > limits.sheets:
        raise SheetError("too_many_sheets", f"The workbook has over {limits.sheets} sheets.")
    if sheet_name:
        chosen = _named_part(source.sheets, sheet_name)
        header = _find_header(source.records(chosen), limits)
        if header is None:
            raise SheetError("no_header", "No row with column names stands at the top of that sheet.")
        return _workbook_sheet(source, chosen, header, filename)
    candidates = [(part, _find_header(source.records(part), limits)) for part in source.sheets]
    named = [(part, header) for part, header in candidates if header is not None]
    if not named:
        empty = all(_is_blank(source.records(part), limits) for part in source.sheets)
        if empty:
            raise SheetError("empty_file", "The workbook is empty.")
        raise SheetError("no_header", "No row with column names stands at the top of any sheet.")
    # The first sheet with names that we know; where none has, the first with names at all.
    known = [(part, header) for part, header in named if known_names(header[1]) >= _HEADER_NAMES]
    part, header = known[0] if known else named[0]
    rivals = tuple(
        other.name
        for other, head in known[1:]
        # What nobody sees and what has no row is no portfolio that could be forgotten.
        if not other.hidden and any(number > head[0] for number, _ in _not_blank(source.records(other)))
    )
    return _workbook_sheet(source, part, header, filename, rivals)


def _named_part(parts: Sequence[SheetPart], name: str) -> SheetPart:
    wanted = name.strip().casefold()
    for part in parts:
        if part.name.strip().casefold() == wanted:
            return part
    raise SheetError("no_such_sheet", listed("There is no such sheet. There are: ", [p.name for p in parts]))


def _workbook_sheet(
    source: XlsxSource, part: SheetPart, header: Record, filename: str, rivals: tuple[str, ...] = ()
) -> Sheet:
    return Sheet(
        filename=filename,
        format="xlsx",
        columns=header[1],
        header_row=header[0],
        decimal=".",
        delimiter=None,
        encoding=None,
        sheet_name=part.name,
        other_sheets=tuple(other.name for other in source.sheets if other is not part),
        rivals=rivals,
        _records=lambda: source.records(part),
        _quick_count=lambda: source.count(part, header[0]),
    )


def _is_blank(records: Iterator[Record], limits: Limits) -> bool:
    """Whether nothing stands where a header is looked for."""
    return next(_not_blank(islice(records, limits.header_search_depth)), None) is None


def _not_blank(records: Iterator[Record]) -> Iterator[Record]:
    return (record for record in records if any(map(str.strip, record[1])))


def _find_header(records: Iterator[Record], limits: Limits) -> Record | None:
    """The first row that names two columns of ours; else the first row, when it holds words and no number."""
    first: Record | None = None
    for number, cells in islice(
        _not_blank(islice(records, limits.header_search_depth)), limits.header_search_rows
    ):
        if known_names(cells) >= _HEADER_NAMES:
            return _as_header(number, cells)
        first = first or (number, cells)
    if first is None or any(_is_number(cell) for cell in first[1]):
        return None
    return _as_header(*first)


def _as_header(number: int, cells: list[str]) -> Record:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    if end > MOST_COLUMNS:
        raise SheetError("too_many_columns", f"The file has over {MOST_COLUMNS} columns.")
    return number, [cell[: KEPT_CELL + 1] for cell in cells[:end]]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

"""Portfolio files: reading them, checking every cell, and writing result files that are safe to open.

Plain Python: nothing here knows the web framework, the database or who uploads.
"""

from companies.sheets.cells import ParsedBatch, parse_rows
from companies.sheets.columns import COLUMNS, KINDS, Column, Kind, scoring_columns
from companies.sheets.duplicates import RowKeys, Seen
from companies.sheets.errors import REFUSING_CODES, WARNING_CODES, CellError, SheetError
from companies.sheets.export import rows_with_errors, safe_text, write_csv, write_xlsx
from companies.sheets.limits import Limits
from companies.sheets.mapping import ColumnMap, map_columns
from companies.sheets.opening import open_sheet
from companies.sheets.parts import BATCH_ROWS, RowBlock, batches
from companies.sheets.reader import Sheet
from companies.sheets.templates import template_csv, template_rows

__all__ = [
    "BATCH_ROWS",
    "COLUMNS",
    "KINDS",
    "REFUSING_CODES",
    "WARNING_CODES",
    "CellError",
    "Column",
    "ColumnMap",
    "Kind",
    "Limits",
    "ParsedBatch",
    "RowBlock",
    "RowKeys",
    "Seen",
    "Sheet",
    "SheetError",
    "batches",
    "map_columns",
    "open_sheet",
    "parse_rows",
    "rows_with_errors",
    "safe_text",
    "scoring_columns",
    "template_csv",
    "template_rows",
    "write_csv",
    "write_xlsx",
]

"""How large a portfolio file, its rows and its cells may be before reading stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEPT_CELL: Final = 1000
"""Characters of a cell that are kept: more than any text we store, so a longer one is still seen as such."""
MOST_COLUMNS: Final = 1000
LAST_SPREADSHEET_ROW: Final = 1_048_576


@dataclass(frozen=True)
class Limits:
    """Bounds that keep memory constant and refuse archives made to explode."""

    uncompressed_bytes: int = 1 << 30
    """All parts of a workbook together."""
    compression_ratio: int = 200
    """Of one part, looked at where it is larger than `ratio_free_bytes`."""
    ratio_free_bytes: int = 32 << 20
    archive_members: int = 5000
    shared_strings: int = 3_000_000
    shared_characters: int = 128 << 20
    line_bytes: int = 8 << 20
    field_characters: int = 4 << 20
    header_search_rows: int = 20
    header_search_depth: int = 1000
    """Rows looked at for a header, blank ones included."""
    sheets: int = 50

"""What can be wrong with a sheet as a whole, and with one of its cells."""

from __future__ import annotations

from typing import Final, NamedTuple

DETAIL_LIMIT: Final = 100
"""Clients show at most this many characters of a sentence."""
SHOWN_VALUE: Final = 100


class SheetError(Exception):
    """A file that cannot be read as a portfolio: `code` for programs, `detail` as one short sentence.

    Clients hide sentences with certain words and numbers in them, so a row number stands in `row` instead.
    """

    def __init__(self, code: str, detail: str, row: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.row = row
        self.detail = detail if len(detail) <= DETAIL_LIMIT else detail[: DETAIL_LIMIT - 1] + "…"


class CellError(NamedTuple):
    """One finding: the row as a spreadsheet numbers it, the column's name in our table, and what is wrong."""

    row: int
    column: str
    code: str
    message: str
    value: str


REFUSING_CODES: Final = {
    "missing_key": "A cell that names the row (symbol, year, quarter) is empty.",
    "symbol_invalid": "The symbol holds characters that no symbol has.",
    "year_out_of_range": "The year is before 1950 or later than next year.",
    "unknown_quarter": "The quarter of a quarterly sheet is none of Q1 to Q4.",
    "unknown_unit": "The unit of the amounts is none that is known, so the amounts cannot be read.",
    "not_a_number": "Text where a number is expected.",
    "decimal_comma": "A decimal comma in a sheet that is not separated by semicolons.",
    "ambiguous_number": "1,234 may be 1234 or 1.234: the sheet does not say which.",
    "formula": "A formula instead of a value.",
    "cell_too_long": "A number or key with more characters than any number or key has.",
    "ragged_row": "More cells than the header has columns: the values may have slipped.",
    "no_inputs": "No ratio and no line item is left to score from.",
}
"""Findings that refuse their row: it is never scored."""

WARNING_CODES: Final = {
    "sentinel_value": "A placeholder such as 100000000 or -999, taken as missing.",
    "impossible_value": "A number that this column cannot have, taken as missing.",
    "non_finite": "Infinity, or a number too large to hold, taken as missing.",
    "spreadsheet_error": "An error value such as #DIV/0!, taken as missing.",
    "unknown_quarter": "In an annual sheet the quarter is a label: one that is not known is left out.",
    "unknown_currency": "The currency is no ISO 4217 code and is left out.",
    "cell_too_long": "A long text, shortened.",
    "control_character": "Characters that cannot be shown, removed from a text.",
    "ragged_row": "Fewer cells than the header has columns: those at the end are taken as missing.",
}
"""Findings that leave their row scored, with the cell taken as missing or repaired."""


def shown(value: str) -> str:
    """The text of a cell as it can be stored and shown: no control characters, at most 100 characters."""
    if not value.isprintable():
        value = "".join(character if character.isprintable() else "\ufffd" for character in value[:200])
    return value if len(value) <= SHOWN_VALUE else value[: SHOWN_VALUE - 1] + "…"

"""What to do about a finding, by its code: those of imports, and the ones that only scoring has."""

from __future__ import annotations

from typing import Final

from companies.imports.hints import HINTS

OWN: Final = {
    "no_inputs": "Fill in at least one ratio or line item of the row, or leave the row out.",
    "currency_not_convertible": "Give the line items in US dollars, or give ratios instead.",
    "unknown_currency": "Use the three letters of ISO 4217, such as EUR.",
    "control_character": "Nothing needs to be done: the characters are left out.",
    "sentinel_value": "Leave the cell empty where the value is not known.",
    "non_finite": "Leave the cell empty where the value is not known.",
    "spreadsheet_error": "Mend the formula, or leave the cell empty.",
    "not_yours": "Ask a colleague who may change it, or leave the row out.",
}


def hint_for(code: str) -> str:
    """One sentence on what to do."""
    return OWN.get(code) or HINTS.get(code, "Look at the cell.")

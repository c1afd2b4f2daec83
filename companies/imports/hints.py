"""What to do about what is wrong with a cell, by its code."""

from __future__ import annotations

from typing import Final

HINTS: Final = {
    "missing_key": "Fill in the symbol (or another identifier) and the year of the row.",
    "missing_field": "Your institution needs this field for every company: fill it in.",
    "missing_quarter": "Write Q1 to Q4, or annual as the kind of the period.",
    "quarter_not_wanted": "Empty the quarter, or write quarterly as the kind of the period.",
    "symbol_invalid": "Use up to 30 letters, digits and . - _ / & without spaces.",
    "lei_format": "Copy the LEI again: 18 letters or digits, then two check digits.",
    "lei_check_digits": "Look the company up at the LEI's register: a character is wrong or two are swapped.",
    "cik_format": "Write the digits only, such as 320193.",
    "country_unknown": "Use the two letters of ISO 3166, such as DE.",
    "currency_unknown": "Use the three letters of ISO 4217, such as EUR.",
    "unknown_unit": "Write units, thousands, millions or billions.",
    "unknown_choice": "Use one of the words that are listed.",
    "month_invalid": "Write the number of the month, such as 12.",
    "not_a_date": "Write the day as 2024-12-31.",
    "ambiguous_date": "Write the day as 2024-12-31.",
    "date_in_future": "Look at year, month and day.",
    "date_out_of_range": "Look at the year.",
    "year_out_of_range": "Write the fiscal year with four digits, such as 2024.",
    "unknown_quarter": "Write Q1, Q2, Q3 or Q4.",
    "not_a_number": "Write digits only; leave the cell empty where the amount is not known.",
    "not_whole": "Write a number without decimals.",
    "not_yes_or_no": "Write yes or no.",
    "months_out_of_range": "Write the months that the flows cover: 12 for a year, 3 for a quarter.",
    "decimal_comma": "Write a decimal point, or save the file with semicolons between the columns.",
    "ambiguous_number": "Write the number without separators: 1234 or 1.234.",
    "formula": "Copy the column and paste it as values.",
    "cell_too_long": "Shorten the cell.",
    "ragged_row": "Put quotes around a text that holds the separator.",
    "sentinel_value": "Leave the cell empty where the amount is not known.",
    "impossible_value": "Look at the sign, the unit and the column.",
    "spreadsheet_error": "Mend the formula, or leave the cell empty.",
    "non_finite": "Leave the cell empty where the amount is not known.",
    "no_amounts": "Fill in at least one amount, or leave the row out.",
    "default_undated": "Fill in the day of the default.",
    "default_contradicts": "Write defaulted as the state, or empty the day.",
    "period_contradicts": "Look at the fiscal year and at the last day of the period.",
    "duplicate_key": "Keep one of the two rows.",
    "tag_too_long": "Shorten the tag, or separate tags by semicolons.",
    "too_many_tags": "Keep the tags that are looked for.",
    "identifier_taken": "Look which of the two companies the identifier belongs to.",
    "ambiguous_company": "Give the symbol or the LEI: several companies share this identifier.",
    "not_yours": "Ask a colleague who may change it, or leave the row out.",
    "internal": "Upload the row again; tell us if it fails once more.",
}


def hint_for(code: str) -> str:
    """One sentence on what to do."""
    return HINTS.get(code, "Look at the cell.")

"""The statement's columns and the engine's line items are one list."""

from companies.models import Statement
from ml.features import LINE_ITEMS


def test_a_statement_has_a_column_for_every_line_item_and_no_other():
    assert set(Statement.item_names()) == set(LINE_ITEMS)

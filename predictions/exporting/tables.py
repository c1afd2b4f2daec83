"""The one way a list becomes a file: columns as data, each with its kind, its format and its definition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import FilterSet

from companies.cleaning import CUSTOM_PREFIX
from tenants.kernel.errors import Absent, InvalidInput

Kind = Literal["text", "whole", "number", "share", "money", "date", "moment", "yes_no"]
Value = str | int | float | Decimal | bool | date | datetime | None

# What a spreadsheet shows a kind as.
FORMATS: Final[Mapping[str, str]] = {
    "text": "@",
    "whole": "0",
    "number": "#,##0.0000",
    "share": "0.00%",
    "money": "#,##0.00",
    "date": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
    "yes_no": "@",
}
WIDTHS: Final[Mapping[str, int]] = {
    "text": 18, "whole": 10, "number": 13, "share": 10, "money": 15, "date": 12, "moment": 17, "yes_no": 9
}  # fmt: skip
# Rows that are fetched by one statement.
BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it means, and where its value stands on a row."""

    name: str
    kind: Kind
    definition: str
    value: str | Callable[[Any], Any] = ""
    """A path of attributes (``company.symbol``), or a function of the row; the name itself by default."""
    width: int = 0

    def of(self, row: Any) -> Value:
        """The value of a row, as its kind takes it."""
        if callable(self.value):
            return typed(self.kind, self.value(row))
        found = row
        for part in (self.value or self.name).split("."):
            found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
            if found is None:
                return None
        return typed(self.kind, found)


def typed(kind: Kind, value: Any) -> Value:
    """The value as a cell of the kind holds it."""
    if value is None or value == "":
        return None
    if kind == "text":
        if isinstance(value, list | tuple):
            return "; ".join(str(item) for item in value)
        return str(value)
    if kind == "yes_no":
        return "yes" if value else "no"
    if kind == "moment" and isinstance(value, datetime):
        # Cells know no zone: every time of a file is UTC.
        return value.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    if kind == "date":
        return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    if kind == "whole":
        return int(value)
    if kind in {"number", "share", "money"} and not isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    found: Value = value
    return found


@dataclass(frozen=True)
class ListTable:
    """A list as it is exported: whose permission holds, which rows, which filters, which columns."""

    code: str
    title: str
    permission: str
    rows: Callable[[], QuerySet[Any]]
    filterset: type[FilterSet]
    columns_of: Callable[[], Sequence[Column]]
    module: str | None = None
    further: Callable[[QuerySet[Any], QueryDict], QuerySet[Any]] | None = None
    """Applies filters by the institution's own fields (``custom.NAME``)."""
    needs: Mapping[str, Callable[[str], bool]] | None = None
    """Filters that must be given, each with a test whether what it names is in reach."""

    @property
    def columns(self) -> Sequence[Column]:
        return self.columns_of()

    @property
    def needed(self) -> list[str]:
        return sorted(self.needs or ())

    @cached_property
    def filter_names(self) -> frozenset[str]:
        """Every name that the list's filters take, both ends of a range included."""
        names: set[str] = set()
        for name, found in self.filterset.base_filters.items():
            suffixes = getattr(found.field.widget, "suffixes", None)
            names.update(f"{name}_{suffix}" for suffix in suffixes) if suffixes else names.add(name)
        return frozenset(names)

    def query(self, filters: Mapping[str, Any], *, user_id: UUID | None) -> QuerySet[Any]:
        """The rows of the list as it is filtered, in its order; ``user_id`` is whom "my" rows mean.

        Raises InvalidInput for a filter that the list does not have (more would be exported than was meant)
        or does not understand, Absent for a row that it is about and that is not in reach.
        """
        for name, is_there in (self.needs or {}).items():
            if not filters.get(name):
                raise _wrong(name, "required", "This list is about one: say which.")
            if not is_there(str(filters[name])):
                raise Absent()
        unknown = sorted(set(filters) - self.filter_names)
        if self.further is not None:
            unknown = [name for name in unknown if not name.startswith(CUSTOM_PREFIX)]
        if unknown:
            raise _wrong(unknown[0], "unknown_filter", "The list has no such filter.")
        asked = QueryDict(mutable=True)
        for name, value in filters.items():
            asked.setlist(name, [str(v) for v in (value if isinstance(value, list) else [value])])
        rows = self.rows()
        if self.further is not None:
            rows = self.further(rows, asked)
        asking: Any = SimpleNamespace(auth=SimpleNamespace(user_id=user_id), query_params=asked)
        found = self.filterset(data=asked, queryset=rows, request=asking)
        if not found.is_valid():
            name, errors = next(iter(found.errors.items()))
            raise _wrong(name, "invalid", str(errors[0]))
        chosen: QuerySet[Any] = found.qs
        return chosen

    def cells(self, rows: Iterable[Any]) -> Iterator[list[Value]]:
        """The rows as cells, in the order of the columns."""
        columns = list(self.columns)
        for row in rows:
            yield [column.of(row) for column in columns]


def _wrong(name: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/filters/{name}", "code": code, "detail": detail}])

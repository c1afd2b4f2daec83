"""Bulk writes that go around the ORM and stay inside the scope: COPY in, UPDATE from arrays.

The organization is not a value of the rows: it is an argument, checked against the active scope and
written into every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import sql

from tenants.kernel import scope
from tenants.kernel.errors import OutOfScope
from tenants.kernel.owned import OrganizationOwned


def _check(organization_id: UUID) -> None:
    if not scope.current().allows(organization_id):
        raise OutOfScope("a bulk write into another organization")


def _column(model: type[OrganizationOwned], name: str) -> str:
    return str(model._meta.get_field(name).column)  # type: ignore[union-attr]


def copy_rows(
    model: type[OrganizationOwned],
    *,
    organization_id: UUID,
    fields: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> int:
    """Add rows with COPY; the values stand in the order of ``fields`` (JSON as text). Tells how many."""
    _check(organization_id)
    columns = ["organization_id", *(_column(model, name) for name in fields)]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((organization_id, *row))
            count += 1
    return count


def update_rows(
    model: type[OrganizationOwned],
    *,
    organization_id: UUID,
    fields: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> int:
    """Set ``fields`` of rows by id in one statement; each row is (id, value, ...). Tells how many."""
    _check(organization_id)
    if not rows:
        return 0
    columns = [_column(model, name) for name in fields]
    types = ["uuid", *(model._meta.get_field(name).db_type(connection) for name in fields)]  # type: ignore[union-attr]
    arrays = sql.SQL(", ").join(
        sql.SQL("%s::{}[]").format(sql.SQL(str(kind).partition("(")[0])) for kind in types
    )
    names = sql.SQL(", ").join(map(sql.Identifier, ["id", *columns]))
    assignments = sql.SQL(", ").join(
        sql.SQL("{0} = d.{0}").format(sql.Identifier(column)) for column in columns
    )
    statement = sql.SQL(
        "UPDATE {table} AS t SET {assignments} FROM unnest({arrays}) AS d({names}) "
        "WHERE t.id = d.id AND t.organization_id = %s"
    ).format(table=sql.Identifier(model._meta.db_table), assignments=assignments, arrays=arrays, names=names)
    values = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, organization_id])
        return int(cursor.rowcount)

"""Bulk writes that go around the ORM and stay inside the scope: COPY in, UPDATE from arrays, DELETE.

The organization is not a value of the rows: it is an argument, checked against the active scope and
written into every row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.db import connection
from django.db.models import Field, ManyToOneRel
from psycopg import sql

from tenants.kernel import scope
from tenants.kernel.arrays import AnyOf, array_text
from tenants.kernel.copy_format import Constant, copy_format
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


def copy_columns(
    model: type[OrganizationOwned],
    *,
    organization_id: UUID,
    columns: Mapping[str, pa.Array | Constant],
) -> int:
    """Add rows with COPY from whole columns by field, as ``copy_format`` takes them; tells how many."""
    _check(organization_id)
    count = max(len(values) for values in columns.values() if isinstance(values, pa.Array))
    if not count:
        return 0
    names = ["organization_id", *(_column(model, name) for name in columns)]
    kinds = ["uuid", *(_type(model, name) for name in columns)]
    rows = copy_format(list(zip(kinds, [organization_id, *columns.values()], strict=True)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)
    return count


def insert_missing(
    model: type[OrganizationOwned],
    *,
    organization_id: UUID,
    columns: Mapping[str, Sequence[Any]],
    constants: Mapping[str, Any],
    returning: str,
) -> set[Any]:
    """Add rows that no unique constraint stands against, in the order given.

    Gives ``returning`` of those added. ``columns`` are values by field, one per row; ``constants`` hold for
    every row, and fields that neither names get the model's default.
    """
    _check(organization_id)
    given = {"organization", *columns, *constants}
    fixed = {**constants, **_defaults(model, given), "organization": organization_id}
    names = [_column(model, name) for name in (*columns, *fixed)]
    arrays = [sql.SQL("%s::{}[]").format(sql.SQL(_type(model, name))) for name in columns]
    own = [sql.Identifier(f"c{place}") for place in range(len(columns))]
    statement = sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {own}{fixed} FROM unnest({arrays}) AS d({own}) "
        "ON CONFLICT DO NOTHING RETURNING {returning}"
    ).format(
        table=sql.Identifier(model._meta.db_table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        own=sql.SQL(", ").join(own),
        fixed=sql.SQL("").join(sql.SQL(", %s") for _ in fixed),
        arrays=sql.SQL(", ").join(arrays),
        returning=sql.Identifier(_column(model, returning)),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*fixed.values(), *map(array_text, columns.values())])
        return {row[0] for row in cursor.fetchall()}


def _defaults(model: type[OrganizationOwned], given: set[str]) -> dict[str, Any]:
    """What the model writes of the fields that are neither given nor made by PostgreSQL."""
    fields = (
        field
        for field in model._meta.concrete_fields
        if not {field.name, field.attname} & given and not field.has_db_default() and not field.generated
    )
    return {field.name: field.get_db_prep_save(field.get_default(), connection) for field in fields}


def _type(model: type[OrganizationOwned], name: str) -> str:
    return str(model._meta.get_field(name).db_type(connection)).partition("(")[0]  # type: ignore[union-attr]


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
    values = [array_text(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, organization_id])
        return int(cursor.rowcount)


def remove_rows(
    model: type[OrganizationOwned],
    *,
    organization_id: UUID,
    ids: Collection[UUID],
    but: Collection[Field[Any, Any]] = (),
) -> None:
    """Remove rows by id, with what hangs on them. ``but`` are references that the caller sees to.

    Rows that nothing refers to, nearly all of a file's, go in one statement and cost no object of Python; the
    others as the ORM removes them.
    """
    _check(organization_id)
    held: set[UUID] = set()
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel) and relation.field not in but:
            name = relation.field.attname
            rows = relation.related_model._base_manager.filter(AnyOf(name, ids, "uuid"))
            held.update(rows.values_list(name, flat=True))
    if held:
        rows = model._base_manager.filter(AnyOf("id", held, "uuid"), organization_id=organization_id)
        rows.only("id").delete()
    statement = sql.SQL("DELETE FROM {} WHERE id = ANY(%s::uuid[]) AND organization_id = %s").format(
        sql.Identifier(model._meta.db_table)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [array_text(set(ids) - held), organization_id])

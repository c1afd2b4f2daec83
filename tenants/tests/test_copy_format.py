"""Columns as PostgreSQL reads them in COPY's binary format."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from django.db import connection

from tenants.kernel.copy_format import copy_format, uuid_column

pytestmark = pytest.mark.django_db
MOMENT = "timestamp with time zone"
KINDS = {
    "boolean": pa.array([True, None, False]),
    "smallint": pa.array([-1, None, 32767], pa.int64()),
    "integer": pa.array([2**31 - 1, None, -(2**31)]),
    "bigint": pa.array([2**62, None, -1]),
    "double precision": pa.array([0.1, None, -1e308]),
    "varchar": pa.array(["Süd\tAG\n", None, ""]),
    "text": pa.array(["\\N", None, "🏦"]),
    "jsonb": pa.array(['{"a": 1.5}', None, "[]"]),
    "uuid": pa.array([UUID(int=1).bytes, None, UUID(int=2**128 - 1).bytes], pa.binary(16)),
}


def stored(columns):
    names = [f"c{place}" for place in range(len(columns))]
    fields = ", ".join(f"{name} {kind}" for name, (kind, _) in zip(names, columns, strict=True))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied")
        cursor.execute(f"CREATE TEMPORARY TABLE copied (place serial, {fields})")
        with cursor.copy(f"COPY copied ({', '.join(names)}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(copy_format(columns))
        cursor.execute(f"SELECT {', '.join(names)} FROM copied ORDER BY place")
        return cursor.fetchall()


def said(kind, values):
    return [UUID(bytes=value) if kind == "uuid" and value else value for value in values.to_pylist()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1), slice(2, 3), slice(1, 3)])
def test_what_stands_in_a_column_is_what_is_stored(kind, rows):
    values = KINDS[kind][rows]
    assert [row[0] for row in stored([(kind, values)])] == said(kind, values)


def test_columns_of_all_kinds_stand_beside_each_other_and_beside_what_holds_for_all():
    owner, moment = uuid4(), datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)
    held = {"varchar": "same", "uuid": owner, MOMENT: moment, "text": None, "jsonb": '["a"]'}
    rows = stored([*held.items(), *KINDS.items(), (MOMENT, moment.astimezone(timezone(timedelta(hours=9))))])
    assert len(rows) == 3
    for place, row in enumerate(rows):
        assert row[:5] == ("same", owner, moment, None, '["a"]')
        assert row[5:-1] == tuple(said(kind, KINDS[kind])[place] for kind in KINDS)
        assert row[-1] == moment


@pytest.mark.parametrize(
    ("kind", "values"),
    [("integer", [2**31]), ("smallint", [-40_000]), ("integer", [1.5]), ("bigint", [2.0**63])],
)
def test_a_number_that_does_not_fit_is_an_error_and_no_other_number(kind, values):
    with pytest.raises(pa.ArrowInvalid):
        copy_format([(kind, pa.array(values))])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "2024"),
        ("boolean", "f"),
        ("varchar", UUID(int=1)),
        ("uuid", datetime(2026, 1, 1, tzinfo=UTC)),
        (MOMENT, "12345678"),
        ("uuid", pa.array(["sixteen letters."])),
        ("varchar", pa.array([b"sixteen letters."], pa.binary(16))),
        (MOMENT, pa.array([1])),
    ],
)
def test_what_the_server_might_read_as_something_else_is_refused(kind, value):
    with pytest.raises(TypeError, match=kind):
        copy_format([("integer", pa.array([1])), (kind, value)])


def test_no_rows_are_a_file_without_rows():
    assert stored([(kind, values[:0]) for kind, values in KINDS.items()]) == []


def test_what_is_no_number_stays_none():
    rows = stored([("double precision", pa.array([math.nan, math.inf, -math.inf]))])
    assert math.isnan(rows[0][0])
    assert [row[0] for row in rows[1:]] == [math.inf, -math.inf]


def test_raw_identifiers_are_a_column():
    some = [uuid4() for _ in range(3)]
    assert stored([("uuid", uuid_column(b"".join(u.bytes for u in some)))]) == [(u,) for u in some]

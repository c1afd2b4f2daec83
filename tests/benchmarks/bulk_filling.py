"""A tenant with millions of predictions, made in minutes: copies of one company, its head and its score."""

from __future__ import annotations

from typing import Any, Final

from tests.benchmarks.harness import say

_YEARS: Final = 5
_PIECE: Final = 500_000
_TABLES: Final = ("companies_company", "predictions_prediction", "predictions_score")
# Leads every identifier: a time before all that the platform itself gives out.
_AGO: Final = 0x0100_0000_0000


def fill(cursor: Any, stored: int) -> None:
    """Fill the current schema up to ``stored`` predictions, one score each, five years a company.

    Indexes and foreign keys are taken away meanwhile and stand again at the end, as they were; the keys are
    then held to new rows and not looked up for these, which are right by their making.
    """
    cursor.execute("SELECT count(*) FROM predictions_prediction")
    there = cursor.fetchone()[0]
    cursor.execute("SET maintenance_work_mem = '1GB'")
    laid_down = _lay_down(cursor)
    for start in range(there + -there % _YEARS, stored, _PIECE):
        _add(cursor, start, min(_PIECE, stored - start) // _YEARS * _YEARS)
        say(f"    {min(start + _PIECE, stored):,}")
    for statement in laid_down:
        cursor.execute(statement)
    for name in _TABLES:
        cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")
    say("    indexes stand")
    cursor.execute(f"VACUUM (ANALYZE) {', '.join(_TABLES)}")


def _lay_down(cursor: Any) -> list[str]:
    """Drop indexes and foreign keys; what makes them again."""
    again = []
    for name in _TABLES:
        cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        cursor.execute(
            "SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = %s::regclass AND contype = 'f'",
            [name],
        )
        for key, _, definition in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {name} DROP CONSTRAINT "{key}"')
            again.append(f'ALTER TABLE {name} ADD CONSTRAINT "{key}" {definition} NOT VALID')
    keys, indexes = [], []
    for name in _TABLES:
        cursor.execute(
            "SELECT i.relname, pg_get_indexdef(i.oid), c.conname, pg_get_constraintdef(c.oid) "
            "FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
            "LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype IN ('u', 'x') "
            "AND c.conrelid = x.indrelid "
            "WHERE x.indrelid = %s::regclass AND NOT x.indisprimary",
            [name],
        )
        for index, definition, key, rule in cursor.fetchall():
            if key is not None:
                cursor.execute(f'ALTER TABLE {name} DROP CONSTRAINT "{key}"')
                keys.append(f'ALTER TABLE {name} ADD CONSTRAINT "{key}" {rule}')
            else:
                cursor.execute(f'DROP INDEX "{index}"')
                indexes.append(definition)
    # Foreign keys last: they need the unique ones of others.
    return [*keys, *indexes, *again]


def _add(cursor: Any, start: int, count: int) -> None:
    identifier = "(lpad(to_hex({base} + {n}), 12, '0') || '7' || substr(md5('{salt}' || {n}), 1, 19))::uuid"
    of = {
        "company": identifier.format(base=_AGO, n="(n / 5)", salt="f"),
        "head": identifier.format(base=_AGO, n="n", salt="h"),
        "score": identifier.format(base=_AGO, n="n", salt="s"),
    }
    moment = "timestamptz '2020-01-01' + n * interval '1 millisecond'"
    period = f"(2000 + n %% {_YEARS})"
    _copies(
        cursor,
        "companies_company",
        {"id": of["company"], "symbol": "'F' || (n / 5)", "name": "'Filling ' || (n / 5)"},
        start,
        count,
        step=_YEARS,
    )
    _copies(
        cursor,
        "predictions_prediction",
        {
            "id": of["head"], "company_id": of["company"], "fiscal_year": period, "current_id": of["score"],
            "pd": "random()", "latest": f"n %% {_YEARS} = {_YEARS - 1}", "created_at": moment,
            "updated_at": moment,
        },
        start,
        count,
    )  # fmt: skip
    _copies(
        cursor,
        "predictions_score",
        {"id": of["score"], "prediction_id": of["head"], "job_id": "NULL::uuid", "pd": "random()",
         "input_hash": "encode(sha256(n::text::bytea), 'hex')", "created_at": moment},
        start,
        count,
    )  # fmt: skip


def _copies(
    cursor: Any, table: str, changed: dict[str, str], start: int, count: int, *, step: int = 1
) -> None:
    """Copies of a table's first row, numbered n, with some columns as expressions of n."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
        "AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    names = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changed.get(name, f't."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM "  # noqa: S608
        f"generate_series(%s, %s, {step}) n, (SELECT * FROM {table} LIMIT 1) t",
        [start, start + count - 1],
    )

"""What the database itself keeps: which prediction of a company stands now, and that rows have changed.

``Prediction.latest`` marks the newest period of each company and kind, of companies that nobody has deleted.
It is a trigger's work: heads come by COPY, move in re-scoring and go with companies, and no writer may forget
it. Triggers of the second kind write the stamps that ``tenants.kernel.stamps`` reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from tenants.kernel.stamps import PAST, WATCHED

_ROW = "gen_random_uuid(), d.organization_id, {topic}, floor(random() * 9e15)::bigint + 1, now()"
_INTO = "INSERT INTO %1$I.organizations_changestamp (id, organization_id, topic, mark, at)"
STAMP = f"""
CREATE OR REPLACE FUNCTION change_stamp() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE format($sql$
        {_INTO}
        SELECT {_ROW.format(topic="$1")} FROM (SELECT DISTINCT organization_id FROM changed) d
    $sql$, TG_TABLE_SCHEMA) USING TG_ARGV[0];
    RETURN NULL;
END $body$
"""
# The past as it was seen changes where scores go, or come with a date of long ago.
STAMP_PAST = f"""
CREATE OR REPLACE FUNCTION change_stamp_past() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    EXECUTE format($sql$
        {_INTO}
        SELECT {_ROW.format(topic=f"'{PAST}'")}
        FROM (SELECT DISTINCT organization_id FROM changed
              WHERE $1 OR created_at < now() - interval '1 hour') d
    $sql$, TG_TABLE_SCHEMA) USING TG_OP = 'DELETE';
    RETURN NULL;
END $body$
"""
_MOVED = (
    "(g.company_id, g.kind, g.fiscal_year, g.fiscal_quarter) IS DISTINCT FROM "
    "(c.company_id, c.kind, c.fiscal_year, c.fiscal_quarter)"
)
_REMOVED = "(c.deleted_at IS NULL) <> (g.deleted_at IS NULL)"


def _mark(touched: str) -> str:
    """Set the flag afresh for these pairs of company and kind; rows that have it right are not written."""
    return f"""
    EXECUTE format($sql$
        WITH judged AS (
            SELECT p.id, p.latest, c.deleted_at IS NULL AND row_number() OVER (
                PARTITION BY p.company_id, p.kind
                ORDER BY p.fiscal_year DESC, p.fiscal_quarter DESC NULLS LAST, p.id DESC) = 1 AS newest
            FROM ({touched}) t
            JOIN %1$I.companies_company c ON c.id = t.company_id
            JOIN %1$I.predictions_prediction p ON p.company_id = t.company_id AND p.kind = t.kind)
        UPDATE %1$I.predictions_prediction p SET latest = j.newest FROM judged j
        WHERE p.id = j.id AND j.latest <> j.newest AND p.latest <> j.newest
    $sql$, TG_TABLE_SCHEMA);
    """


def _past(where: str) -> str:
    return f"""
    EXECUTE format($sql$
        {_INTO}
        SELECT {_ROW.format(topic=f"'{PAST}'")}
        FROM (SELECT DISTINCT c.organization_id FROM changed c JOIN gone g USING (id) WHERE {where}) d
    $sql$, TG_TABLE_SCHEMA);
    """


_TOUCHED_BY_UPDATE = f"""
    SELECT x.company_id, x.kind FROM changed c JOIN gone g USING (id)
    CROSS JOIN LATERAL (VALUES (c.company_id, c.kind), (g.company_id, g.kind)) x (company_id, kind)
    WHERE c.latest <> g.latest OR {_MOVED} GROUP BY 1, 2
"""
_TOUCHED_BY_COMPANY = f"""
    SELECT p.company_id, p.kind FROM changed c JOIN gone g USING (id)
    JOIN %1$I.predictions_prediction p ON p.company_id = c.id WHERE {_REMOVED} GROUP BY 1, 2
"""
LATEST = f"""
CREATE OR REPLACE FUNCTION prediction_latest() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF pg_trigger_depth() > 1 THEN
        RETURN NULL;  -- its own update below
    END IF;
    IF TG_OP = 'UPDATE' THEN
        {_mark(_TOUCHED_BY_UPDATE)}
        {_past(_MOVED)}
    ELSE
        {_mark("SELECT company_id, kind FROM changed GROUP BY 1, 2")}
    END IF;
    RETURN NULL;
END $body$
"""
COMPANY = f"""
CREATE OR REPLACE FUNCTION company_latest() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    {_mark(_TOUCHED_BY_COMPANY)}
    {_past(_REMOVED)}
    RETURN NULL;
END $body$
"""
# Watched since migration 0015.
WATCHED_LATER = ("lists_watchlist", "lists_watchlistentry")
_TABLES_OF = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "OLD TABLE AS gone NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}
# Rows that were there before the flag was.
MARK_ALL = """
UPDATE predictions_prediction p SET latest = false WHERE EXISTS (
    SELECT 1 FROM companies_company c WHERE c.id = p.company_id AND c.deleted_at IS NOT NULL
) OR EXISTS (
    SELECT 1 FROM predictions_prediction q WHERE q.company_id = p.company_id AND q.kind = p.kind
    AND (q.fiscal_year, coalesce(q.fiscal_quarter, 0), q.id)
      > (p.fiscal_year, coalesce(p.fiscal_quarter, 0), p.id)
)
"""


def _trigger(name: str, table: str, event: str, call: str) -> str:
    return (
        f"CREATE TRIGGER {name}_{event.lower()} AFTER {event} ON {table} REFERENCING {_TABLES_OF[event]} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {call}"
    )


def watching(tables: Iterable[str]) -> list[str]:
    """What makes these tables stamp their changes."""
    return [
        _trigger("b_stamp", table, event, f"change_stamp('{WATCHED[table]}')")
        for table in tables
        for event in _TABLES_OF
    ]


def unwatching(tables: Iterable[str]) -> list[str]:
    """What takes that away again."""
    return [f"DROP TRIGGER b_stamp_{event.lower()} ON {table}" for table in tables for event in _TABLES_OF]


def statements() -> list[str]:
    """Everything that the first migration runs, in order."""
    latest = [
        _trigger("a_latest", "predictions_prediction", event, "prediction_latest()") for event in _TABLES_OF
    ]
    company = _trigger("a_latest", "companies_company", "UPDATE", "company_latest()")
    stamps = watching(table for table in WATCHED if table not in WATCHED_LATER)
    past = [
        _trigger("c_past", "predictions_score", event, "change_stamp_past()")
        for event in ("INSERT", "DELETE")
    ]
    return [STAMP, STAMP_PAST, LATEST, COMPANY, *latest, company, *stamps, *past]


def undoing() -> list[str]:
    """What takes all of it away again."""
    functions = ("change_stamp", "change_stamp_past", "prediction_latest", "company_latest")
    return [f"DROP FUNCTION IF EXISTS {name}() CASCADE" for name in functions]

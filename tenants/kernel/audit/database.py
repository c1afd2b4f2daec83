"""What the database itself keeps of the audit log: its refusals, its chain, and two guarded ways.

The functions stand in public, each schema's tables have triggers that call them. A row is chained when
its transaction commits (a deferred constraint trigger): the lock on the chain's head is held for that
moment only, however long the transaction took. Heads of several schemas are locked in one order, so
that two transactions that write in two logs never wait for each other in a circle. The first row of a
transaction that comes to be chained takes its other rows along: each for itself would write the head anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.apps import apps as installed
from django.db import connection, transaction

from tenants.kernel.audit import canonical

# Rows younger than this are never removed, whatever a setting says.
KEEPS_DAYS = 30
# Transaction-local settings that the triggers read: what maintenance runs, and which heads to lock.
MAINTENANCE = "audit.maintenance"
HEADS = "audit.heads"

FUNCTIONS = [
    f"""
    CREATE OR REPLACE FUNCTION public.audit_note() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
        head text := format('%I.%I', TG_TABLE_SCHEMA, TG_ARGV[0]);
        noted text := coalesce(current_setting('{HEADS}', true), '');
    BEGIN
        IF NOT head = ANY (string_to_array(noted, ',')) THEN
            PERFORM set_config('{HEADS}', concat_ws(',', nullif(noted, ''), head), true);
        END IF;
        RETURN NEW;
    END $body$
    """,
    f"""
    CREATE OR REPLACE FUNCTION public.audit_chain() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
        noted text := coalesce(current_setting('{HEADS}', true), '');
        head text;
        sealed boolean;
        event record;
        last_sequence bigint;
        last_hash text;
        sequences bigint[] := '{{}}';
        events uuid[] := '{{}}';
        previous text[] := '{{}}';
        links text[] := '{{}}';
    BEGIN
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.%I WHERE event_id = $1)', TG_TABLE_SCHEMA, TG_ARGV[1])
            INTO sealed USING NEW.id;
        IF sealed THEN
            RETURN NULL;  -- with the first row of its transaction
        END IF;
        IF noted <> '' THEN
            FOR head IN SELECT DISTINCT h FROM unnest(string_to_array(noted, ',')) h ORDER BY h LOOP
                EXECUTE format('SELECT 1 FROM %s FOR UPDATE', head);
            END LOOP;
            PERFORM set_config('{HEADS}', '', true);
        END IF;
        EXECUTE format(
            'SELECT sequence, hash FROM %I.%I WHERE id = 1 FOR UPDATE', TG_TABLE_SCHEMA, TG_ARGV[0])
            INTO STRICT last_sequence, last_hash;
        -- Whatever others have committed is sealed: what is seen without a seal is of this transaction. One
        -- that is not found by its identifier has its own turn.
        FOR event IN EXECUTE format(
            'SELECT e.id, e.digest FROM %1$I.%2$I e WHERE e.id >= $1 '
            'AND NOT EXISTS (SELECT 1 FROM %1$I.%3$I s WHERE s.event_id = e.id) ORDER BY e.id',
            TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[1]) USING NEW.id
        LOOP
            previous := previous || last_hash;
            last_sequence := last_sequence + 1;
            last_hash := encode(sha256(convert_to(
                last_hash || ':' || last_sequence || ':' || event.id || ':' || event.digest, 'UTF8')), 'hex');
            sequences := sequences || last_sequence;
            events := events || event.id;
            links := links || last_hash;
        END LOOP;
        EXECUTE format(
            'INSERT INTO %I.%I (sequence, event_id, previous_hash, hash) '
            'SELECT * FROM unnest($1, $2, $3, $4)',
            TG_TABLE_SCHEMA, TG_ARGV[1]) USING sequences, events, previous, links;
        EXECUTE format('UPDATE %I.%I SET sequence = $1, hash = $2 WHERE id = 1', TG_TABLE_SCHEMA, TG_ARGV[0])
            USING last_sequence, last_hash;
        RETURN NULL;
    END $body$
    """,
    f"""
    CREATE OR REPLACE FUNCTION public.audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
        kept jsonb;
        maintenance text := coalesce(current_setting('{MAINTENANCE}', true), '');
    BEGIN
        IF TG_OP = 'DELETE' AND maintenance = 'retention' AND TG_ARGV[0] <> 'head' THEN
            RETURN OLD;
        END IF;
        IF TG_OP = 'UPDATE' AND TG_ARGV[0] = 'head'
            AND (pg_trigger_depth() > 1 OR maintenance = 'retention') THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'UPDATE' AND TG_ARGV[0] = 'event' AND maintenance = 'forgetting' THEN
            -- Only from something to nothing, and only what names a person.
            kept := to_jsonb(NEW) - ARRAY['actor_label', 'address', 'device', 'who_salt',
                                          'object_label', 'changes', 'what_salt'];
            IF kept = to_jsonb(OLD) - ARRAY['actor_label', 'address', 'device', 'who_salt',
                                            'object_label', 'changes', 'what_salt']
                AND ((NEW.actor_label, NEW.device, NEW.who_salt) = ('', '', '') AND NEW.address IS NULL
                     OR (NEW.actor_label, NEW.device, NEW.who_salt)
                        = (OLD.actor_label, OLD.device, OLD.who_salt)
                        AND NEW.address IS NOT DISTINCT FROM OLD.address)
                AND ((NEW.object_label, NEW.changes, NEW.what_salt) = ('', '{{}}'::jsonb, '')
                     OR (NEW.object_label, NEW.changes, NEW.what_salt)
                        = (OLD.object_label, OLD.changes, OLD.what_salt)) THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $body$
    """,
]


def _triggers(event: str, seal: str, head: str) -> list[str]:
    """The statements that put a schema's three tables under guard, in the order of their running."""
    refusing = [
        f"CREATE TRIGGER audit_{kind}_{what} BEFORE {operation} ON {table} FOR EACH {each} "
        f"EXECUTE FUNCTION public.audit_refuse('{kind}')"
        for kind, table in (("event", event), ("seal", seal), ("head", head))
        for what, operation, each in (
            ("rows", "UPDATE OR DELETE", "ROW"),
            ("truncate", "TRUNCATE", "STATEMENT"),
        )
    ]
    return [
        *refusing,
        f"CREATE TRIGGER audit_note BEFORE INSERT ON {event} FOR EACH ROW "
        f"EXECUTE FUNCTION public.audit_note('{head}')",
        f"CREATE CONSTRAINT TRIGGER audit_chain AFTER INSERT ON {event} DEFERRABLE INITIALLY DEFERRED "
        f"FOR EACH ROW EXECUTE FUNCTION public.audit_chain('{head}', '{seal}')",
    ]


TENANT_TABLES = ("organizations_auditevent", "organizations_auditseal", "organizations_audithead")
PLATFORM_TABLES = (
    "tenants_platformauditevent",
    "tenants_platformauditseal",
    "tenants_platformaudithead",
)


def guard(tables: tuple[str, str, str]) -> list[str]:
    """Statements for a migration: the chain's beginning and the triggers."""
    first = (
        f"INSERT INTO {tables[2]} (id, sequence, hash, anchor_sequence, anchor_hash) "
        f"VALUES (1, 0, '{canonical.GENESIS}', 0, '{canonical.GENESIS}')"
    )
    return [first, *_triggers(*tables)]


def unguard(tables: tuple[str, str, str]) -> list[str]:
    """Statements that take the triggers away again."""
    names = [
        (table, f"audit_{kind}_{what}")
        for table, kind in zip(tables, ("event", "seal", "head"), strict=True)
        for what in ("rows", "truncate")
    ]
    names += [(tables[0], "audit_note"), (tables[0], "audit_chain")]
    return [f"DROP TRIGGER {name} ON {table}" for table, name in names]


def adopt(event_model: Any) -> None:
    """Give rows that are older than the chain their digests; the chain begins with them.

    For migrations: they are sealed by the trigger of a later statement, which fires for new rows only,
    so their seals are written here.
    """
    app, name = event_model._meta.app_label, event_model.__name__
    stem = name.removesuffix("Event")
    registry = event_model._meta.apps
    seals = registry.get_model(app, f"{stem}Seal")
    heads = registry.get_model(app, f"{stem}Head")
    sequence, last = 0, canonical.GENESIS
    for row in event_model.objects.order_by("id").iterator():
        canonical.complete(row)
        row.save()
        sequence += 1
        mark = canonical.link(last, sequence, row.id, row.digest)
        seals.objects.create(sequence=sequence, event_id=row.id, previous_hash=last, hash=mark)
        last = mark
    if sequence:
        heads.objects.filter(id=1).update(sequence=sequence, hash=last)


@contextmanager
def maintenance(kind: str) -> Iterator[Any]:
    """A cursor for which the triggers let ``retention`` or ``forgetting`` through, for this block."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [MAINTENANCE, kind])
        yield cursor
        cursor.execute("SELECT set_config(%s, '', true)", [MAINTENANCE])


def tables_of(event_model: Any) -> tuple[str, str, str]:
    """The tables of a log: events, seals, head."""
    app, stem = event_model._meta.app_label, event_model.__name__.removesuffix("Event")
    rest = (installed.get_model(app, f"{stem}{part}") for part in ("Seal", "Head"))
    return tuple(model._meta.db_table for model in (event_model, *rest))  # type: ignore[return-value]


def blank_who(tables: tuple[str, str, str], user_id: UUID) -> int:
    """Take name, address and device out of everything a person did; the number of rows."""
    with maintenance("forgetting") as cursor:
        cursor.execute(
            f"UPDATE {tables[0]} SET actor_label = '', address = NULL, device = '', who_salt = '' "
            "WHERE actor_id = %s AND who_salt <> ''",
            [user_id],
        )
        return int(cursor.rowcount)


def blank_what(tables: tuple[str, str, str], object_ids: list[str], words: list[str]) -> list[UUID]:
    """Take label and changes out of rows about these objects, and of rows that hold one of the words."""
    patterns = [f"%{word.replace('%', '').lower()}%" for word in words if len(word) > 3]
    with maintenance("forgetting") as cursor:
        cursor.execute(
            f"UPDATE {tables[0]} SET object_label = '', changes = '{{}}', what_salt = '' "
            "WHERE what_salt <> '' AND (object_id = ANY(%s) OR lower(object_label) LIKE ANY(%s) "
            "OR lower(changes::text) LIKE ANY(%s)) RETURNING id",
            [object_ids, patterns, patterns],
        )
        rows = [row[0] for row in cursor.fetchall()]
        # Somebody who was never let in stands in his refusals under the address that he typed.
        cursor.execute(
            f"UPDATE {tables[0]} SET actor_label = '', address = NULL, device = '', who_salt = '' "
            "WHERE who_salt <> '' AND actor_id IS NULL AND lower(actor_label) LIKE ANY(%s) RETURNING id",
            [patterns],
        )
        return [*rows, *(row[0] for row in cursor.fetchall())]


def remove_until(tables: tuple[str, str, str], before: Any) -> int:
    """Remove the oldest rows up to the last one before a moment, and let the chain begin after them.

    Rows of the last KEEPS_DAYS stay, and so does everything from the first row that must stay.
    """
    event, seal, head = tables
    with maintenance("retention") as cursor:
        cursor.execute(f"SELECT anchor_sequence, sequence FROM {head} WHERE id = 1 FOR UPDATE")
        anchor, end = cursor.fetchone()
        cursor.execute(
            f"SELECT min(s.sequence) FROM {seal} s JOIN {event} e ON e.id = s.event_id "
            "WHERE e.at >= least(%s, now() - make_interval(days => %s))",
            [before, KEEPS_DAYS],
        )
        kept = cursor.fetchone()[0]
        last = kept - 1 if kept is not None else end
        if last <= anchor:
            return 0
        cursor.execute(
            f"UPDATE {head} SET anchor_sequence = %s, "
            f"anchor_hash = (SELECT hash FROM {seal} WHERE sequence = %s) WHERE id = 1",
            [last, last],
        )
        cursor.execute(
            f"DELETE FROM {event} e USING {seal} s WHERE s.event_id = e.id AND s.sequence <= %s",
            [last],
        )
        cursor.execute(f"DELETE FROM {seal} WHERE sequence <= %s", [last])
        return int(last - anchor)


def heads(schemas: dict[str, str]) -> dict[str, tuple[int, str]]:
    """Where each schema's chain stands, with one query; ``schemas`` maps a schema to its head's table."""
    parts = [
        f"SELECT '{schema}', sequence, hash FROM \"{schema}\".{table} WHERE id = 1"
        for schema, table in schemas.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {schema: (sequence, mark) for schema, sequence, mark in cursor.fetchall()}

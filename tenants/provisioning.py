"""Schemas: making one in a tenth of a second, migrating many, dropping one.

A new schema is not built by running the migrations (seconds), nor by cloning (which renames
constraints): the statements that the migrations issue on an empty schema are recorded once, kept in
``tenants.SchemaImage`` under a fingerprint of the migration files, and replayed.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django_tenants.migration_executors.base import run_migrations
from psycopg import ClientCursor, sql

from tenants.kernel.context import in_bare_schema, in_public
from tenants.models import SchemaImage, Tenant

# Where the image is recorded; dropped again at once.
SCRATCH = "image_in_the_making"
RECORDED = ("CREATE", "ALTER", "INSERT", "UPDATE", "DELETE", "DROP", "COMMENT", "DO", "SET CONSTRAINTS")
MIGRATE_OPTIONS: dict[str, Any] = {
    "app_label": None,
    "migration_name": None,
    "database": "default",
    "interactive": False,
    "verbosity": 0,
    "fake": False,
    "fake_initial": False,
    "plan": False,
    "run_syncdb": False,
    "check_unapplied": False,
    "prune": False,
    "skip_checks": True,
    "force_color": False,
    "no_color": True,
    "traceback": True,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the migration of one schema went."""

    schema_name: str
    error: str | None = None


def fingerprint() -> str:
    """A digest of every migration file that shapes a tenant's schema, and of the names of all others:
    each schema records the whole list as applied."""
    digest = hashlib.sha256(repr(sorted(wanted_migrations())).encode())
    for label in settings.TENANT_APPS:
        config = apps.get_app_config(label.rpartition(".")[2])
        for path in sorted((Path(config.path) / "migrations").glob("[0-9]*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def wanted_migrations() -> frozenset[tuple[str, str]]:
    """Every migration on disk. All apps' are recorded in every schema, the router decides what they do."""
    return frozenset(MigrationLoader(None).disk_migrations)


def pending_schemas() -> list[str]:
    """Schemas of tenants that miss a migration, found with one query over all of them."""
    with in_public():
        names = list(Tenant.objects.values_list("schema_name", flat=True).order_by("id"))
        if not names:
            return []
        wanted = wanted_migrations()
        parts = [
            sql.SQL("SELECT {name}, array_agg(app || '.' || name) FROM {table}").format(
                name=sql.Literal(name), table=sql.Identifier(name, "django_migrations")
            )
            for name in names
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts))
            applied = {name: frozenset(rows or ()) for name, rows in cursor.fetchall()}
    needed = {f"{app}.{name}" for app, name in wanted}
    return [name for name in names if needed - applied.get(name, frozenset())]


def migrate_public() -> None:
    """Bring the public schema up to date."""
    call_command("migrate_schemas", shared=True, verbosity=0, interactive=False, stdout=io.StringIO())


def migrate_schema(schema_name: str) -> Outcome:
    """Bring one tenant's schema up to date; a failure is told, not raised, so that the others go on."""
    try:
        run_migrations([], dict(MIGRATE_OPTIONS), "standard", schema_name)
    except Exception as error:  # noqa: BLE001 - any fault of one tenant's migration is that tenant's result
        connection.close()
        return Outcome(schema_name, f"{type(error).__name__}: {error}".splitlines()[0][:300])
    finally:
        connection.set_schema_to_public()  # type: ignore[attr-defined]
    return Outcome(schema_name)


def create_schema(schema_name: str) -> None:
    """Make a tenant's schema with every table, within the caller's transaction."""
    statements = ensure_image()
    with in_public(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema_name)))
    with in_bare_schema(schema_name), connection.cursor() as cursor:
        # One round trip: psycopg sends statements without parameters as a script. The migrations leave
        # constraints immediate; the rest of the caller's transaction wants them as they are declared.
        cursor.execute(statements + "SET CONSTRAINTS ALL DEFERRED;")


def drop_schema(schema_name: str) -> None:
    """Remove a tenant's schema and all it holds, within the caller's transaction."""
    with in_public(), connection.cursor() as cursor:
        # What waits for the end of the transaction (the audit chain) would keep its tables from going.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema_name)))


def schema_bytes(schema_name: str) -> int:
    """Bytes of a schema's tables with their indexes, as the database reckons them."""
    with in_public(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'",
            [schema_name],
        )
        return int(cursor.fetchone()[0])


def ensure_image() -> str:
    """The statements of the current image; recorded first where the migrations have changed."""
    mark = fingerprint()
    with in_public():
        kept = SchemaImage.objects.filter(fingerprint=mark).values_list("statements", flat=True).first()
        if kept is not None:
            return kept
        statements = _record()
        with transaction.atomic():
            SchemaImage.objects.exclude(fingerprint=mark).delete()
            SchemaImage.objects.get_or_create(fingerprint=mark, defaults={"statements": statements})
    return statements


def _record() -> str:
    """Run all migrations on a scratch schema and write down what they executed."""
    recorder = _Recorder()
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One recording at a time, across processes.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tenant schema image'))")
        drop_schema(SCRATCH)
        with in_public(), connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCRATCH)))
        try:
            with connection.execute_wrapper(recorder):
                run_migrations([], dict(MIGRATE_OPTIONS), "standard", SCRATCH)
        finally:
            connection.set_schema_to_public()  # type: ignore[attr-defined]
        drop_schema(SCRATCH)
    return recorder.script()


class _Recorder:
    """An execute wrapper that keeps every statement that changes something."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def __call__(self, execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        outcome = execute(statement, params, many, context)
        text = str(statement).strip()
        if text.upper().startswith(RECORDED):
            # A cursor of its own: writing out parameters would disturb the results of the running one.
            writer = ClientCursor(context["connection"].connection)
            for row in params if many else [params]:
                self.kept.append(writer.mogrify(text, row) if row else text)
        return outcome

    def script(self) -> str:
        return ";\n".join(statement.rstrip(";") for statement in self.kept) + ";"

"""The tests' database: migrated once for each state of the migrations, then copied.

Migrating takes ten seconds of every run, a copy takes a tenth of one. The migrated original stays in the
throw-away server of `make test` and goes with it. Another server is left as it was found: there the
migrations run each time.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from config.env import ROOT
from tenants.provisioning import ensure_image

PREFIX = "migrated_"
# Migrations call what stands here.
CALLED = ("tenants/kernel", "tenants/provisioning.py")
# Any number that nothing else locks: one process migrates, the others wait for its original.
LOCK = 726_113  # held until the connection closes


def set_up() -> Callable[[], None]:
    """Make the database and point Django at it; gives what removes it again."""
    with closing(_maintenance()) as server:
        if server.execute("SHOW fsync").fetchone() != ("off",):
            return _migrated()
        original = PREFIX + _fingerprint()
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        known = [str(name) for (name,) in server.execute("SELECT datname FROM pg_database").fetchall()]
        if original in known:
            return _copied(server, original)
        remove = _migrated()
        ensure_image()
        _let_go()
        for name in known:
            if name.startswith(PREFIX):
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        _copy(server, connection.settings_dict["NAME"], original)
    return remove


def _maintenance() -> psycopg.Connection[tuple[object, ...]]:
    given = connection.settings_dict
    return psycopg.connect(
        host=given["HOST"],
        port=given["PORT"] or 5432,
        user=given["USER"],
        password=given["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    )


def _migrated() -> Callable[[], None]:
    config = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    return lambda: teardown_databases(config, verbosity=0)


def _copied(server: psycopg.Connection[tuple[object, ...]], original: str) -> Callable[[], None]:
    before = connection.settings_dict["NAME"]
    _let_go()
    name = connection.creation._get_test_db_name()
    _copy(server, original, name)
    connection.settings_dict["NAME"] = name
    return lambda: connection.creation.destroy_test_db(before, verbosity=0)


def _copy(server: psycopg.Connection[tuple[object, ...]], source: str, target: str) -> None:
    new, old = sql.Identifier(target), sql.Identifier(source)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(new))
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(new, old))


def _let_go() -> None:
    """Close what is open: a database with guests cannot be copied."""
    connection.close()
    connection.close_pool()


def _fingerprint() -> str:
    """A digest of every migration, our own and those of packages, and of what they call."""
    migrations = MigrationLoader(None).disk_migrations
    files = {Path(str(sys.modules[migration.__module__].__file__)) for migration in migrations.values()}
    for place in CALLED:
        files |= set((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else {ROOT / place}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]

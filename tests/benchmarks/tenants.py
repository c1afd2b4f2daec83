"""What one more tenant costs, and what tenancy costs a request: at 3 tenants and at 300.

``make benchmark-tenants``. It works in a database of its own on the server of DATABASE_URL and removes
it again.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import warnings
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import django
import psycopg
from psycopg import sql

from tests.benchmarks.harness import save, say, seconds, table

DATABASE = "bench_tenants"
FEW, MANY = 3, 300
# Of each measure the median of a pass, and of three passes the best: a neighbour's load is none of ours.
PASSES = 3
CREATIONS = 7
MIGRATIONS = 3
REQUESTS = 300
COLD_REQUESTS = 150
CALLER = "analyst"


@dataclass(frozen=True, slots=True)
class Door:
    """A tenant's host, and a token of somebody who works there."""

    tenant_id: UUID
    host: str
    token: str


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when it came to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=MANY, help="how many tenants are many (default: 300)")
    options = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"  # whatever the launcher has loaded
    warnings.filterwarnings("ignore", message="No directory at")  # static files are none of its business
    django.setup()
    with _Database():
        measure(options.many)
    return 0


class _Database:
    """A database for the whole run, in place of the one of the settings; ``kept`` ones outlive it."""

    def __init__(self, name: str = DATABASE, *, fresh: bool = True, kept: bool = False) -> None:
        self.name, self.fresh, self.kept = name, fresh, kept

    def __enter__(self) -> None:
        from django.conf import settings
        from django.db import connection

        self.connection = connection
        given = connection.settings_dict
        self.server = psycopg.conninfo.make_conninfo(
            dbname=given["NAME"],
            user=given["USER"],
            password=given["PASSWORD"],
            host=given["HOST"],
            port=given["PORT"],
        )
        if self.fresh:
            self._drop()
            self._run("CREATE DATABASE {}")
        connection.settings_dict["NAME"] = self.name
        # Another run's directory must not answer for this one's.
        settings.CACHES["directory"]["KEY_PREFIX"] = f"bench-{os.urandom(6).hex()}"
        settings.ROOT_URLCONF = settings.PUBLIC_SCHEMA_URLCONF = "tests.benchmarks.minimal_urls"

    def __exit__(self, *failure: object) -> None:
        self.connection.close()
        self.connection.close_pool()
        if not self.kept:
            self._drop()

    def _drop(self) -> None:
        # Not WITH (FORCE): that needs rights over autovacuum, which a plain DROP sends away by itself.
        self._run("DROP DATABASE IF EXISTS {}")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(sql.SQL(statement).format(sql.Identifier(self.name)))


def measure(many: int) -> None:
    """Create, migrate and ask, first with few tenants and then with many."""
    from django.core.management import call_command

    from organizations.services import reserved_tenants_ensure

    say(f"migrating {DATABASE}")
    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    doors = [_open(number) for number in range(FEW)]
    few = _round(doors, FEW)
    say(f"filling up to {many} tenants")
    filling = [0.0] * (many - FEW)
    for number in range(FEW, many):
        filling[number - FEW] = seconds(lambda number=number: doors.append(_open(number)))
    lots = _round(doors, many)
    migrations = [
        seconds(lambda: call_command("migrate_tenants", stdout=io.StringIO())) for _ in range(MIGRATIONS)
    ]
    figures = {
        "tenants_few": FEW,
        "tenants_many": many,
        "create_seconds_at_3": few.create,
        "create_seconds_at_300": lots.create,
        "migrate_noop_seconds_at_300": min(migrations),
        "request_overhead_ms_at_3": few.overhead,
        "request_overhead_ms_at_300": lots.overhead,
        "request_overhead_cold_ms_at_3": few.cold,
        "request_overhead_cold_ms_at_300": lots.cold,
        "request_bare_ms": lots.bare,
        "fill_seconds_each": statistics.mean(filling),
    }
    say()
    say(
        table(
            [
                ("create a tenant with its admin", (few.create, lots.create), "s"),
                ("request: tenant, token, permission", (few.overhead, lots.overhead), "ms"),
                ("the same, nothing cached", (few.cold, lots.cold), "ms"),
                ("the same view without them", (few.bare, lots.bare), "ms"),
                ("migrate_tenants, nothing pending", (min(migrations),), "s"),
            ],
            [f"{FEW} tenants", f"{many} tenants"],
        )
    )
    say(f"\nFigures are in {save('tenants', figures)}")


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured at one number of tenants."""

    create: float
    overhead: float
    cold: float
    bare: float


def _round(doors: list[Door], count: int) -> Round:
    from django.db import connection

    say(f"measuring at {count} tenants")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # what autovacuum does in time after so many new tables
    create = min(_creation(count) for _ in range(PASSES))
    connection.close()
    connection.close_pool()
    _requests(doors, max(len(doors), 50))  # first touches: imports, plans, catalogue
    warm = [_requests(doors, REQUESTS) for _ in range(PASSES)]
    cold = [_requests(doors, COLD_REQUESTS, forget=True) for _ in range(PASSES)]
    bare = min(open_ for open_, _ in warm)
    return Round(
        create=create,
        overhead=min(guarded for _, guarded in warm) - bare,
        cold=min(guarded for _, guarded in cold) - bare,
        bare=bare,
    )


def _creation(count: int) -> float:
    """Seconds to create a tenant when there are ``count``; each is deleted again."""
    from organizations.services import tenant_open
    from tenants.kernel.request import SYSTEM
    from tenants.services import tenant_delete

    taken = []
    for attempt in range(CREATIONS):
        made: list[Any] = []
        name = f"At {count} Number {attempt}"

        def create(name: str = name, made: list[Any] = made) -> None:
            # Without a password: its hash is slow on purpose and has nothing to do with tenants.
            email = f"{name.lower().replace(' ', '-')}@bench.example"
            made.append(
                tenant_open(name=name, admin_email=email, admin_password=None, verified=True, actor=SYSTEM)
            )

        taken.append(seconds(create))
        tenant_delete(tenant_id=made[0].tenant.id, actor=SYSTEM)
    return statistics.median(taken)


def _open(number: int) -> Door:
    """A tenant, and an analyst of its default organization who has signed in."""
    from accounts import services as accounts
    from accounts.permissions import Role
    from accounts.selectors import starting_place
    from organizations.services import member_add, tenant_open
    from tenants.kernel import scope
    from tenants.kernel.context import in_tenant
    from tenants.kernel.request import SYSTEM

    host = f"bench-{number}.localhost"
    opened = tenant_open(
        name=f"Bench {number}",
        admin_email=f"admin-{number}@bench.example",
        admin_password=None,
        domain=host,
        actor=SYSTEM,
    )
    user = accounts.user_create(
        email=f"{CALLER}-{number}@bench.example", password=None, verified=True, actor=SYSTEM
    )
    with in_tenant(opened.tenant.ref), scope.every_organization(reason="benchmark"):
        member_add(user=user, organization_id=opened.organization_id, role=Role(CALLER), actor=SYSTEM)
    place = starting_place(user, tenant_id=opened.tenant.id)
    session = accounts.session_open(user=user, place=place, device="benchmark", address=None)
    return Door(opened.tenant.id, host, accounts.issue(session).access_token)


def _requests(doors: list[Door], count: int, *, forget: bool = False) -> tuple[float, float]:
    """Median milliseconds of the bare and of the guarded request, tenant after tenant.

    The two take turns, so that a slow moment of the machine falls on both. ``forget`` gives the
    directory's cache nothing to remember.
    """
    from django.core.cache import caches
    from django.db import close_old_connections
    from django.test import Client

    client = Client()
    taken: dict[str, list[float]] = {"open": [], "guarded": []}

    def ask(action: str, headers: dict[str, str]) -> None:
        answer = client.get(f"/minimal/{action}", headers=headers)
        # As after a real request: the connection goes back to its pool.
        close_old_connections()
        if answer.status_code != 200:
            raise RuntimeError(f"{action} answered {answer.status_code}: {answer.content[:200]!r}")

    for number in range(count):
        door = doors[number % len(doors)]
        token = {"host": door.host, "authorization": f"Bearer {door.token}"}
        if forget:
            caches["directory"].key_prefix = f"bench-{os.urandom(6).hex()}"
        taken["guarded"].append(seconds(lambda token=token: ask("guarded", token)))
        taken["open"].append(seconds(lambda: ask("open", {"host": "localhost"})))
    return tuple(1000 * statistics.median(taken[action]) for action in ("open", "guarded"))


if __name__ == "__main__":
    sys.exit(main())

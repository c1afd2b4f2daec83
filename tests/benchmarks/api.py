"""What a request spends on tenant, token, permission and limits, at 3 tenants and at 300; what a log-in
costs and how much of it is the hash; and the lists that clients ask for most.

``make benchmark-api``. It works in a database of its own on the server of DATABASE_URL and removes it again.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import os
import pstats
import statistics
import sys
import warnings
from functools import partial
from typing import Any

import django

from tests.benchmarks import tenants as ground
from tests.benchmarks.harness import save, say, seconds, table
from tests.benchmarks.tenants import FEW, MANY, Door
from tests.queries import asked_by

ROWS = 60
LOGINS = 15
LISTS = 60
PASSES = 5
REQUESTS = 300
PASSWORD = "correct-horse-battery-9"  # noqa: S105 - of a database that lives for this run
ADDRESSES = {
    "me": "/api/v1/auth/me",
    "organizations": "/api/v1/organizations",
    "companies": "/api/v1/companies",
    "annual_predictions": "/api/v1/predictions/annual",
    "jobs": "/api/v1/predictions/jobs",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when it came to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=MANY, help="how many tenants are many (default: 300)")
    parser.add_argument("--client", action="store_true", help="what the JSON client asks at its log-in")
    parser.add_argument("--profile", action="store_true", help="only show where a request's time goes")
    options = parser.parse_args(arguments)
    if options.client:
        from tests.benchmarks import client

        return client.main([])
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"  # whatever the launcher has loaded
    warnings.filterwarnings("ignore", message="No directory at")
    django.setup()
    from django.conf import settings

    # As in earnest: limits are counted, only high enough to be never reached; the strong hash.
    settings.RATE_LIMITS = True
    settings.THROTTLE_RATES = {name: (1_000_000, 1, 1_000_000) for name in settings.THROTTLE_RATES}
    settings.DIRECTORY_LOCAL_SECONDS = 2
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    routes = (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF)
    with ground._Database():
        measure(options.many, routes, profile=options.profile)
    return 0


def measure(many: int, routes: tuple[str, str], *, profile: bool) -> None:
    """Ask with few tenants, then with many."""
    from django.core.management import call_command

    from organizations.services import reserved_tenants_ensure

    say(f"migrating {ground.DATABASE}")
    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    doors = [ground._open(number) for number in range(FEW)]
    if profile:
        _profile(doors)
        return
    figures: dict[str, float | int | str] = {}
    rows = {count: _at(doors, count, routes, figures) for count in (FEW,)}
    say(f"filling up to {many} tenants")
    doors += [ground._open(number) for number in range(FEW, many)]
    rows[many] = _at(doors, many, routes, figures, mark=MANY)
    say()
    say(
        table(
            [(what, (rows[FEW][what], rows[many][what]), unit) for what, unit in _UNITS.items()],
            [f"{FEW} tenants", f"{many} tenants"],
            digits=2,
        )
    )
    say(f"\nFigures are in {save('api', figures)}")


_UNITS = {
    "overhead": "ms",
    "bare": "ms",
    "login": "ms",
    "hash": "ms",
    **{
        f"{name} {part}": unit
        for name in ADDRESSES
        for part, unit in (("p50", "ms"), ("p95", "ms"), ("queries", ""))
    },
}


def _at(
    doors: list[Door],
    count: int,
    routes: tuple[str, str],
    figures: dict[str, Any],
    *,
    mark: int | None = None,
) -> dict[str, float]:
    from django.conf import settings
    from django.db import connection

    mark = mark or count
    say(f"measuring at {count} tenants")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    connection.close_pool()
    ground._requests(doors, max(len(doors), 50))
    warm = [ground._requests(doors, REQUESTS) for _ in range(PASSES)]
    bare = min(open_ for open_, _ in warm)
    found = {"overhead": min(guarded for _, guarded in warm) - bare, "bare": bare}
    minimal = settings.ROOT_URLCONF
    settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF = routes
    try:
        found |= _log_in(doors[0])
        found |= _lists(doors[0])
    finally:
        settings.ROOT_URLCONF = settings.PUBLIC_SCHEMA_URLCONF = minimal
    figures |= {
        f"overhead_ms_{mark}": found["overhead"],
        f"bare_ms_{mark}": found["bare"],
        **{
            f"{name.replace(' ', '_')}_{mark}": value
            for name, value in found.items()
            if name.partition(" ")[2]
        },
    }
    figures |= {"login_ms": found["login"], "login_hash_share": found["hash"] / found["login"]}
    return found


def _log_in(door: Door) -> dict[str, float]:
    """Milliseconds of a log-in, and of the hash in it."""
    from django.contrib.auth.hashers import check_password
    from django.test import Client

    from accounts import passwords
    from accounts.models import Credential, User

    user = User.objects.get(email=f"{ground.CALLER}-0@bench.example")
    passwords.store(user, PASSWORD)
    hashed = Credential.objects.get(user=user).password
    client = Client(headers={"host": door.host})

    def log_in() -> None:
        body = {"email": user.email, "password": PASSWORD}
        answer = client.post("/api/v1/auth/login", body, content_type="application/json")
        if answer.status_code != 200:
            raise RuntimeError(f"log-in answered {answer.status_code}: {answer.content[:300]!r}")

    log_in()
    whole = statistics.median(seconds(log_in) for _ in range(LOGINS))
    alone = statistics.median(seconds(lambda: check_password(PASSWORD, hashed)) for _ in range(LOGINS))
    return {"login": 1000 * whole, "hash": 1000 * alone}


def _lists(door: Door) -> dict[str, float]:
    """p50 and p95 in milliseconds and the queries of the lists that clients ask for most."""
    from django.db import close_old_connections
    from django.test import Client

    _fill(door)
    client = Client(headers={"host": door.host, "authorization": f"Bearer {door.token}"})
    found: dict[str, float] = {}
    for name, address in ADDRESSES.items():

        def ask(address: str = address) -> None:
            answer = client.get(address)
            close_old_connections()
            if answer.status_code != 200:
                raise RuntimeError(f"{address} answered {answer.status_code}: {answer.content[:300]!r}")

        ask()
        found[f"{name} queries"] = len(asked_by(partial(client.get, address)))
        took = sorted(seconds(ask) for _ in range(LISTS))
        found[f"{name} p50"] = 1000 * took[len(took) // 2]
        found[f"{name} p95"] = 1000 * took[int(len(took) * 0.95)]
    return found


def _fill(door: Door) -> None:
    """A page full of rows of every kind, once."""
    from organizations.models import Organization
    from predictions.models import Prediction
    from predictions.registry.services import shipped_model_register
    from tenants.kernel import scope
    from tenants.kernel.context import in_tenant
    from tenants.kernel.request import SYSTEM
    from tenants.selectors import tenant_by_id
    from tests import factories

    tenant = tenant_by_id(door.tenant_id)
    if tenant is None:
        raise RuntimeError("the benchmark's tenant is gone")
    shipped_model_register(actor=SYSTEM)
    with in_tenant(tenant), scope.every_organization(reason="benchmark"):
        if Prediction.objects.count() >= ROWS:
            return
        owner = Organization.objects.get()
        for number in range(ROWS):
            factories.PredictionFactory(organization=owner, company__symbol=f"B{number}")
            factories.JobFactory(organization=owner)


def _profile(doors: list[Door]) -> None:
    """Where the time of a guarded request goes."""
    ground._requests(doors, 100)
    profiler = cProfile.Profile()
    profiler.runcall(ground._requests, doors, 500)
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("cumulative").print_stats(70)
    say(text.getvalue())


if __name__ == "__main__":
    sys.exit(main())

"""Every list, comparison and dashboard, asked of a tenant with 100,000 companies and 1,000,000 scores.

``make benchmark-lists`` (``ARGS="--companies 10000 --scores 100000"`` for a smaller one). It works in a
database of its own on the server of DATABASE_URL and removes it again. One client, one process, through all
middleware. Lists are found in the routes, so that a new one is measured without anybody naming it.

``first`` is the first request after everything has changed: nothing that was counted before holds. In stages:
``--stage fill`` makes the database and keeps it, ``--stage ask`` asks it (``--only`` some addresses), as
often as wanted, and ``--stage drop`` removes it.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

import django

from tests.benchmarks import tenants as ground
from tests.benchmarks.harness import save, say, seconds

DATABASE = "bench_lists"
HOST = "lists.localhost"
COMPANIES, SCORES = 100_000, 1_000_000
# So many requests of each; the target of the slowest twentieth.
REQUESTS, TARGET_MS = 40, 150.0
# The part of the companies that the analyst's organization has; the rest belongs to a second one.
SHARE = 0.9
SIZES = (10, 100)
COMPANY_FILTERS = (
    *(
        "cursor=",
        "sector=Energy",
        "search=company+4711",
        "search=A47",
        "ordering=name",
        "ordering=-updated_at",
    ),
    *("has_prediction=true", "has_prediction=false", "risk_level=HIGH", "min_probability=0.2"),
    *("min_probability=0.02&max_probability=0.021", "risk_level=LOW&sector=Energy", "mine=any", "country=US"),
)


@dataclass(frozen=True)
class Caller:
    """Somebody with a token for the benchmark's tenant."""

    role: str
    host: str
    token: str


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 0 when it came to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--scores", type=int, default=SCORES)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--stage", choices=("all", "fill", "ask", "drop"), default="all")
    parser.add_argument("--only", default="", help="ask only addresses with one of these words (a|b)")
    parser.add_argument("--explain", action="store_true", help="show the slowest query of each address")
    options = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"  # whatever the launcher has loaded
    warnings.filterwarnings("ignore", message="No directory at")
    django.setup()
    from django.conf import settings

    routes = (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF)
    settings.RATE_LIMITS = True
    settings.THROTTLE_RATES = {name: (1_000_000, 1, 1_000_000) for name in settings.THROTTLE_RATES}
    settings.DIRECTORY_LOCAL_SECONDS = 2
    stage = options.stage
    with ground._Database(DATABASE, fresh=stage in {"all", "fill"}, kept=stage in {"fill", "ask"}):
        settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF = routes
        if stage != "drop":
            measure(options)
    return 0


def measure(options: Any) -> None:
    """Fill, ask, tell."""
    from django.core.management import call_command
    from django.db import connection

    from organizations.services import reserved_tenants_ensure
    from predictions.registry.services import shipped_model_register
    from tenants.kernel.request import SYSTEM

    say(f"migrating {DATABASE}")
    call_command("migrate_tenants", stdout=io.StringIO())
    reserved_tenants_ensure()
    version = shipped_model_register(actor=SYSTEM)
    filled = 0.0
    if options.stage != "ask":
        say(f"filling {options.companies:,} companies and {options.scores:,} scores")
        filled = seconds(lambda: _fill(options, version.id))
        with connection.cursor() as cursor:
            filled += seconds(lambda: cursor.execute("VACUUM ANALYZE"))
        say(f"filled in {filled:,.0f} s")
    if options.stage != "fill":
        _tell(options, filled)


def _tell(options: Any, filled: float) -> None:
    """Ask every address; the figures."""
    callers = _callers()
    import_module("config.wsgi")  # what the web server does to be quick
    figures: dict[str, float | int | str] = {
        "companies": options.companies,
        "scores": options.scores,
        "fill_seconds": filled,
        "target_p95_ms": TARGET_MS,
    }
    say(f"\n{'milliseconds':50}{'first':>9}{'p50':>9}{'p95':>9}{'cpu':>9}{'db':>9}  queries")
    worst, coldest, over, grows = 0.0, 0.0, [], []
    words = [word for word in options.only.split("|") if word]
    for name, address, caller, sized in _addresses(callers):
        if words and not any(word in f"{name} ({caller.role})" for word in words):
            continue
        found = _ask(caller, address, options.requests, sized=sized, explain=options.explain)
        if found is None:
            continue
        key = f"{name}_{caller.role}".replace("-", "_").replace("/", "_").replace(" ", "_")
        figures |= {f"{key}_{what}": figure for what, figure in found.items()}
        queries = "/".join(str(found[w]) for w in found if w.startswith("queries"))
        mark = " SLOW" if found["p95_ms"] > TARGET_MS else ""
        times = (found[what] for what in ("first_ms", "p50_ms", "p95_ms", "cpu_ms", "database_ms"))
        shown = "".join(f"{figure:9.1f}" for figure in times)
        say(f"{name + ' (' + caller.role + ')':50}{shown}  {queries}{mark}")
        worst, coldest = max(worst, found["p95_ms"]), max(coldest, found["first_ms"])
        if mark:
            over.append(key)
        if sized and found["queries_10"] != found["queries_100"]:
            grows.append(key)
    figures |= {
        "worst_p95_ms": worst,
        "worst_first_ms": coldest,
        "over_target": len(over),
        "over_target_names": ", ".join(over),
        "queries_grow": len(grows),
        "queries_grow_names": ", ".join(grows),
    }
    say(f"\nslowest p95 {worst:,.1f} ms, slowest first {coldest:,.1f} ms")
    say(f"over {TARGET_MS:.0f} ms: {', '.join(over) or 'none'}")
    say(f"queries that grow with the page: {', '.join(grows) or 'none'}")
    say(f"Figures are in {save('lists', figures)}")


def _fill(options: Any, version_id: Any) -> None:
    """The tenant with its two organizations and its people."""
    from django.db import transaction

    from accounts import services as accounts
    from accounts.permissions import Role
    from organizations.models import Organization
    from organizations.services import member_add, organization_create, tenant_open
    from tenants.kernel import scope
    from tenants.kernel.context import in_tenant
    from tenants.kernel.request import SYSTEM
    from tests.benchmarks import filling

    opened = tenant_open(
        name="Lists", admin_email=_email(Role.TENANT_ADMIN), admin_password=None, domain=HOST, actor=SYSTEM
    )
    accounts.user_create(
        email=_email(Role.SUPER_ADMIN), password=None, is_super_admin=True, verified=True, actor=SYSTEM
    )
    users = {}
    for role in (Role.ANALYST, Role.ADMIN):
        users[role] = accounts.user_create(email=_email(role), password=None, verified=True, actor=SYSTEM)
    maker = users[Role.ANALYST].id
    with in_tenant(opened.tenant.ref), scope.every_organization(reason="benchmark"):
        for role, user in users.items():
            member_add(user=user, organization_id=opened.organization_id, role=role, actor=SYSTEM)
        other = organization_create(name="Second", actor=SYSTEM)
        first = int(options.companies * SHARE)
        for organization_id, number, mark in (
            (opened.organization_id, first, "A"), (other.id, options.companies - first, "B"),
        ):  # fmt: skip
            scores = options.scores * number // options.companies
            with transaction.atomic():
                filling.fill(organization_id, number, scores, mark=mark, maker=maker, version=version_id)
        filling.few_of_each(Organization.objects.get(id=opened.organization_id), maker)


def _email(role: Any) -> str:
    return f"{role}@lists.example"


def _callers() -> list[Caller]:
    """Somebody of each role, signed in."""
    from accounts import services as accounts
    from accounts.models import User
    from accounts.permissions import Role
    from accounts.selectors import starting_place
    from tenants.models import Domain

    tenant_id = Domain.objects.get(domain=HOST).tenant_id
    found = []
    for role in (Role.ANALYST, Role.ADMIN, Role.TENANT_ADMIN, Role.SUPER_ADMIN):
        user = User.objects.get(email=_email(role))
        place = starting_place(user, tenant_id=tenant_id)
        session = accounts.session_open(user=user, place=place, device="benchmark", address=None)
        found.append(Caller(str(role), HOST, accounts.issue(session).access_token))
    return found


def _forget() -> None:
    """Let nothing hold that was counted before, as after a change of everything."""
    from organizations.models import ChangeStamp, Organization
    from tenants.kernel import scope, stamps
    from tenants.kernel.context import in_tenant
    from tenants.kernel.ids import uuid7
    from tenants.models import Domain

    ref = Domain.objects.select_related("tenant").get(domain=HOST).tenant.ref
    with in_tenant(ref), scope.every_organization(reason="benchmark"):
        ChangeStamp.objects.bulk_create(
            ChangeStamp(
                id=uuid7(), organization_id=organization, topic=topic, mark=int.from_bytes(os.urandom(6))
            )
            for organization in Organization.objects.values_list("id", flat=True)
            for topic in (*stamps.WATCHED.values(), stamps.PAST)
        )


def _addresses(callers: list[Caller]) -> list[tuple[str, str, Caller, bool]]:
    """Name, address, who asks, and whether it has pages."""
    from django.utils import timezone

    from config.api import ROUTERS
    from tenants.kernel.viewsets import OwnedViewSet

    by_role = {caller.role: caller for caller in callers}
    day = (timezone.now() - timedelta(days=120)).date()
    company = _first_company(by_role["analyst"])
    watchlist = _get(by_role["analyst"], "/api/v1/watchlists?size=1").json()["items"][0]["id"]
    found = []
    lists = [
        prefix
        for router in ROUTERS
        for prefix, viewset, _ in router.registry
        if "list" in viewset.permissions and issubclass(viewset, OwnedViewSet)
    ]
    for role in ("analyst", "tenant_admin"):
        for prefix in dict.fromkeys(lists):
            found.append((f"list {prefix}", f"/api/v1/{prefix}?", by_role[role], True))
        found += [
            ("list by cursor", "/api/v1/predictions/annual?cursor=&", by_role[role], True),
            (
                "list filtered",
                "/api/v1/predictions/annual?risk_level=HIGH&sector=Energy&",
                by_role[role],
                True,
            ),
            *(
                (f"companies {what}", f"/api/v1/companies?{what}&", by_role[role], True)
                for what in COMPANY_FILTERS
            ),
            ("companies recent", "/api/v1/companies/recent?", by_role[role], True),
            ("companies duplicates", "/api/v1/companies/duplicates?", by_role[role], True),
            ("companies deleted", "/api/v1/companies/deleted?", by_role[role], True),
            ("watchlist", f"/api/v1/watchlists/{watchlist}/companies?", by_role[role], True),
            ("pd history", f"/api/v1/predictions/companies/{company}/pd-history", by_role[role], False),
            ("list worst first", "/api/v1/predictions/annual?ordering=-probability&", by_role[role], True),
            ("list ranking", "/api/v1/comparison/ranking?", by_role[role], True),
            ("list ranking of a sector", "/api/v1/comparison/ranking?sector=Energy&", by_role[role], True),
            ("sectors", "/api/v1/comparison/sectors", by_role[role], False),
            ("distribution", "/api/v1/comparison/distribution", by_role[role], False),
            ("migration", f"/api/v1/comparison/migration?start={day}", by_role[role], False),
            ("benchmark", f"/api/v1/comparison/benchmark?company_id={company}", by_role[role], False),
            ("dashboard analyst", "/api/v1/dashboards/analyst", by_role[role], False),
            ("dashboard personal", "/api/v1/dashboards/personal", by_role[role], False),
        ]
    found += [
        ("dashboard organization", "/api/v1/dashboards/organization", by_role["admin"], False),
        ("dashboard tenant", "/api/v1/dashboards/tenant", by_role["tenant_admin"], False),
        ("dashboard platform", "/api/v1/dashboards/platform", by_role["super_admin"], False),
    ]
    return found


def _first_company(caller: Caller) -> str:
    return str(_get(caller, "/api/v1/comparison/ranking?size=1").json()["items"][0]["company_id"])


def _get(caller: Caller, address: str) -> Any:
    from django.db import close_old_connections
    from django.test import Client

    headers = {"host": caller.host, "authorization": f"Bearer {caller.token}"}
    answer = Client().get(address, headers=headers)
    close_old_connections()  # as after a real request
    return answer


def _ask(
    caller: Caller, address: str, requests: int, *, sized: bool, explain: bool
) -> dict[str, float] | None:
    """Times and queries of an address; None where the caller may not see it."""
    page = f"{address}size=50" if sized else address
    first: list[Any] = []
    _forget()
    begun = seconds(lambda: first.append(_get(caller, page)))
    if first[0].status_code in {403, 404}:
        return None
    if first[0].status_code != 200:
        raise RuntimeError(f"{page} answered {first[0].status_code}: {first[0].content[:300]!r}")
    used = time.process_time()
    taken = sorted(1000 * seconds(lambda: _get(caller, page)) for _ in range(requests))
    used = time.process_time() - used
    found: dict[str, float] = {
        "first_ms": 1000 * begun,
        "p50_ms": statistics.median(taken),
        "p95_ms": taken[min(int(0.95 * len(taken)), len(taken) - 1)],
        # What a busy machine stretches less: the processor's time in Python, without the database's.
        "cpu_ms": 1000 * used / requests,
    }
    for size in SIZES if sized else (0,):
        asked, database = _queries(caller, f"{address}size={size}" if sized else address, explain=explain)
        found[f"queries_{size}" if sized else "queries"] = asked
        found["database_ms"] = database
    return found


def _queries(caller: Caller, address: str, *, explain: bool) -> tuple[int, float]:
    """Queries of a request and their milliseconds: the least of three, since what is kept for seconds may run
    out in the middle."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts, times = [], []
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            _get(caller, address)
        asked = [q for q in captured if not q["sql"].startswith("SET search_path")]
        counts.append(len(asked))
        times.append(1000 * sum(float(q["time"]) for q in asked))
    if explain and asked:
        slowest = max(asked, key=lambda q: float(q["time"]))
        say(f"    {slowest['time']} s: {slowest['sql'][:600]}")
    return min(counts), min(times)


if __name__ == "__main__":
    sys.exit(main())

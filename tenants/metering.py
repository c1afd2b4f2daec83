"""Calls of the API, counted in Redis as they come and kept per day in ``tenants.UsageDay``.

One HINCRBY a request; a task writes the day's sums to the table every few minutes. A day's figures stay in
Redis for some days, so that a task that does not run for a while loses nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.core.cache import caches
from django.db.models.functions import Greatest
from django.utils import timezone

from tenants.kernel.context import TenantRef, in_public
from tenants.kernel.files import folder_bytes
from tenants.models import UsageDay
from tenants.provisioning import schema_bytes

logger = structlog.get_logger(__name__)
KEPT = timedelta(days=4)
# The field of what was asked outside any tenant.
PLATFORM = "platform"
PULSE_DAYS = 30
PREFIX = settings.METERING_PREFIX


@cache
def _client() -> Any:
    return redis.Redis.from_url(settings.CACHES["directory"]["LOCATION"])  # type: ignore[index]


def _today() -> date:
    return datetime.now(UTC).date()


def count_call(tenant_id: UUID | None) -> None:
    """Count one call; a Redis that fails costs a figure, not the answer."""
    key = f"{PREFIX}:calls:{_today()}"
    try:
        if _client().hincrby(key, str(tenant_id or PLATFORM), 1) == 1:
            _client().expire(key, KEPT)
    except redis.RedisError:
        logger.warning("a call was not counted")


# Upper bounds in milliseconds of the classes that answers are counted in.
CLASSES = (5, 10, 25, 50, 100, 150, 250, 500, 1_000, 2_500, 10_000)


def count_answer(seconds: float, status: int) -> None:
    """Count how long an answer took, and whether it failed on our side."""
    taken = 1000 * seconds
    place = next((bound for bound in CLASSES if taken <= bound), "longer")
    key = f"{PREFIX}:answers:{_today()}"
    try:
        with _client().pipeline(transaction=False) as pipe:
            pipe.hincrby(key, str(place), 1)
            if status >= 500:
                pipe.hincrby(key, "failed", 1)
            pipe.expire(key, KEPT)
            pipe.execute()
    except redis.RedisError:
        logger.warning("an answer was not counted")


def performance() -> dict[str, Any]:
    """Today's answers of the API: how many, how many failed, and within what time most came."""
    try:
        held = {k.decode(): int(n) for k, n in _client().hgetall(f"{PREFIX}:answers:{_today()}").items()}
    except redis.RedisError:
        held = {}
    failed = held.pop("failed", 0)
    calls = sum(held.values())

    def within(share: float) -> float | None:
        """The bound of the class in which so large a part had been answered."""
        seen = 0
        for bound in CLASSES:
            seen += held.get(str(bound), 0)
            if calls and seen >= share * calls:
                return float(bound)
        return None

    return {
        "calls": calls,
        "failed": failed,
        "failed_share": failed / calls if calls else None,
        "p50_ms": within(0.50),
        "p95_ms": within(0.95),
        "p99_ms": within(0.99),
    }


def roll_up() -> int:
    """Bring the days that are still in Redis to the table; how many rows were written.

    A sum only ever grows: a Redis that was emptied does not take back what is written.
    """
    written = 0
    for back in range(KEPT.days):
        day = _today() - timedelta(days=back)
        counted = _client().hgetall(f"{PREFIX}:calls:{day}")
        for name, calls in counted.items():
            written += _keep(day, name.decode(), int(calls))
    return written


def _keep(day: date, name: str, calls: int) -> int:
    from tenants.models import Tenant

    tenant_id = None if name == PLATFORM else UUID(name)
    with in_public():
        if tenant_id is not None and not Tenant.objects.filter(id=tenant_id).exists():
            return 0  # deleted meanwhile
        row, _ = UsageDay.objects.get_or_create(tenant_id=tenant_id, day=day)  # type: ignore[misc]  # null: the platform
        UsageDay.objects.filter(pk=row.pk).update(calls=Greatest("calls", calls))
    return 1


def calls_today(tenant_id: UUID | None = None) -> int:
    """Calls of today, by a tenant or in all, as Redis has them."""
    try:
        if tenant_id is not None:
            return int(_client().hget(f"{PREFIX}:calls:{_today()}", str(tenant_id)) or 0)
        return sum(int(n) for n in _client().hvals(f"{PREFIX}:calls:{_today()}"))
    except redis.RedisError:
        return 0


def forget(tenant_id: UUID, schema: str) -> None:
    """Remove every key and figure of a tenant."""
    client = _client()
    for back in range(KEPT.days + 1):
        client.hdel(f"{PREFIX}:calls:{_today() - timedelta(days=back)}", str(tenant_id))
    for pattern in (f"{schema}:*", f"*:grants:*:{tenant_id}", f"*:tenant:{tenant_id}", f"*:schema:{schema}"):
        for key in client.scan_iter(match=pattern, count=1000):
            client.delete(key)
    caches["directory"].delete_many([f"tenant:{tenant_id}", f"schema:{schema}"])


def storage_bytes(tenant: TenantRef) -> int:
    """Bytes that the tenant's tables with their indexes, and its files, take."""
    return schema_bytes(tenant.schema_name) + folder_bytes(tenant.schema_name)


# -- whether the platform is alive ----------------------------------------------------------------


def pulse() -> None:
    """Note that beat, broker, worker and database all worked in this minute."""
    now = timezone.now().astimezone(UTC)
    key = f"{PREFIX}:pulse:{now.date()}"
    client = _client()
    client.setbit(key, now.hour * 60 + now.minute, 1)
    client.expire(key, timedelta(days=PULSE_DAYS + 1))
    client.set(f"{PREFIX}:pulse:first", now.isoformat(), nx=True)


def uptime() -> dict[str, Any]:
    """Since when the platform is watched, and the share of minutes of thirty days in which all worked."""
    now = timezone.now().astimezone(UTC)
    client = _client()
    try:
        first = client.get(f"{PREFIX}:pulse:first")
        if first is None:
            return {"since": None, "percent": None, "minutes_watched": 0, "minutes_up": 0}
        since = max(datetime.fromisoformat(first.decode()), now - timedelta(days=PULSE_DAYS))
        days = [since.date() + timedelta(days=n) for n in range((now.date() - since.date()).days + 1)]
        up = sum(int(client.bitcount(f"{PREFIX}:pulse:{day}")) for day in days)
    except redis.RedisError:
        return {"since": None, "percent": None, "minutes_watched": 0, "minutes_up": 0}
    watched = max(int((now - since).total_seconds() // 60), 1)
    up = min(up, watched)
    return {
        "since": since,
        "percent": round(100 * up / watched, 3),
        "minutes_watched": watched,
        "minutes_up": up,
    }

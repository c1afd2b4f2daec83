"""Whether rows have changed, without looking at them: what may be remembered, and for how long.

Triggers add a row to ``organizations.ChangeStamp`` for each statement that writes to a watched table: the
topic, the organization and a random number. The sum of the numbers that a transaction sees is the version of
what it sees. A change that is rolled back leaves no number; one that is committed never gives a sum that was
there before. No writer waits for another, since nobody updates a counter, and no service has to remember to
say that it wrote: COPY, ``update()`` and the console are seen as well.

A remembered figure stands under the schema (the cache's key function), the scope, the version and what was
asked. Another tenant or another set of organizations can therefore never be given it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.apps import apps
from django.core.cache import caches
from django.core.exceptions import EmptyResultSet
from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from redis.exceptions import RedisError

from tenants.kernel import scope
from tenants.kernel.context import in_a_tenant
from tenants.kernel.ids import uuid7

logger = logging.getLogger(__name__)
T = TypeVar("T")
TABLE = "organizations.ChangeStamp"
DAY = 24 * 3600
# Watched tables with their topics; the triggers are made by predictions.standing.
WATCHED = {
    "companies_company": "companies",
    "companies_statement": "statements",
    "predictions_prediction": "predictions",
    "predictions_score": "scores",
    "predictions_scoringjob": "jobs",
    "lists_watchlist": "watchlists",
    "lists_watchlistentry": "watchlists",
}
# What changes how things stood in the past: scores removed or dated back, companies removed, periods moved.
PAST = "past"
# So many rows are summed in a moment; beyond that they are drawn together.
MANY = 2_000
_TABLES = re.compile(r'(?:FROM|JOIN) "(\w+)"')


def version(*topics: str) -> str:
    """The state of the topics within the active scope; equal exactly while nothing changes."""
    found = _stamps().filter(topic__in=topics).aggregate(sum=Sum("mark"), rows=Count("id"))
    if found["rows"] > MANY:
        compact()
    return f"{found['sum'] or 0}"


def compact() -> int:
    """Draw the stamps of each organization and topic together; tells how many rows went.

    The sums stay, so nothing that is remembered is lost. Readers see the rows before or after.
    """
    model = apps.get_model(TABLE)
    with transaction.atomic():
        rows = list(_stamps().select_for_update(skip_locked=True)[: 10 * MANY])
        sums: dict[tuple[Any, str], Any] = {}
        for row in rows:
            key = (row.organization_id, row.topic)
            sums[key] = sums.get(key, 0) + row.mark
        _stamps().filter(id__in=[row.id for row in rows]).delete()
        fresh = [
            model(id=uuid7(), organization_id=organization, topic=topic, mark=mark)
            for (organization, topic), mark in sums.items()
        ]
        model.objects.bulk_create(fresh)
    return len(rows) - len(fresh)


def remembered(name: str, topics: tuple[str, ...], compute: Callable[[], T], *, seconds: int = DAY) -> T:
    """What ``compute`` gives, kept while the topics do not change. ``name`` says all that was asked.

    Without Redis it is computed each time.
    """
    key = _key(name, version(*topics))
    cache = caches["default"]
    try:
        kept = cache.get(key)
        if kept is not None:
            found: T = kept[0]
            return found
    except RedisError:
        logger.warning("redis is unreachable: figures are computed each time")
        return compute()
    value = compute()
    try:
        cache.set(key, (value,), seconds)
    except RedisError:
        logger.warning("redis is unreachable: a figure was not kept")
    return value


def total(rows: QuerySet[Any]) -> int:
    """How many rows there are, counted again only when one of their tables has changed.

    Rows of tables that are not watched are counted each time.
    """
    if not in_a_tenant() or not scope.is_active() or rows.query.is_empty():
        return rows.count()
    try:
        statement = str(rows.order_by().query.sql_with_params())
    except EmptyResultSet:
        return 0
    tables = set(_TABLES.findall(statement))
    if not tables or not tables <= WATCHED.keys() or "NOW()" in statement or "CURRENT_" in statement:
        return rows.count()
    topics = tuple(sorted({WATCHED[table] for table in tables}))
    return remembered(f"total:{statement}", topics, rows.count)


def reach() -> str:
    """The active scope as a part of a key."""
    ids = scope.current().organization_ids
    return "every" if ids is None else ",".join(sorted(str(i) for i in ids))


def _key(name: str, mark: str) -> str:
    whole = "\0".join((name, reach(), mark))
    return f"figure:{hashlib.sha256(whole.encode()).hexdigest()}"


def _stamps() -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model(TABLE).objects.all()
    return rows

"""Unusual access: counted over a while, told once as a security event, and to people.

Counts are in Redis and forget themselves. What is counted is what the audit log records anyway (refused
log-ins, exports) and refusals (403), which one by one are nobody's concern.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.utils.module_loading import import_string
from redis.exceptions import RedisError

from tenants.kernel import request
from tenants.kernel.context import in_tenant
from tenants.kernel.request import SYSTEM, Actor

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pattern:
    """So many of a kind from one source within so many seconds are unusual."""

    action: str
    count: int
    seconds: int
    sentence: str
    to_person: bool = True


PATTERNS = {
    "refusals": Pattern(
        "security.refusals.burst", 20, 300, "Many requests were refused because the role does not allow them."
    ),
    "exports": Pattern("security.exports.burst", 15, 600, "Many exports were fetched in a short time."),
    "log-ins of an account": Pattern(
        "security.log_ins.refused_often",
        10,
        900,
        "Many log-ins to one account were refused.",
        to_person=False,
    ),
    "log-ins from an address": Pattern(
        "security.log_ins.refused_often",
        30,
        900,
        "Many log-ins from one network address were refused.",
        to_person=False,
    ),
}
# Whoever goes on is not reported again for so long.
QUIET_SECONDS = 3600
REFUSED = "accounts.session.refused"

_COUNT = """
local seen = redis.call('INCR', KEYS[1])
if seen == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
if seen < tonumber(ARGV[1]) then return 0 end
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[3]) then return seen end
return 0
"""


def _crossed(kind: str, source: str) -> int:
    """Count one; the number where this one makes it unusual, else 0."""
    store = caches["directory"]
    prefix = f"{store.key_prefix}:watch:{kind}:{source}"
    pattern = PATTERNS[kind]
    try:
        client = store._cache.get_client(None, write=True)  # type: ignore[attr-defined]
        keys = [prefix, f"{prefix}:told"]
        return int(client.eval(_COUNT, 2, *keys, pattern.count, pattern.seconds, QUIET_SECONDS))
    except RedisError:
        logger.warning("redis is unreachable: unusual access is not counted")
        return 0


def saw(kind: str, *, source: str, actor: Actor, changes: dict[str, Any] | None = None) -> None:
    """Count one occurrence; the one that crosses the pattern's limit becomes a security event."""
    if count := _crossed(kind, source):
        pattern = PATTERNS[kind]
        tell(
            pattern.action,
            sentence=pattern.sentence,
            actor=actor,
            changes={**(changes or {}), "count": count, "seconds": pattern.seconds},
            person_id=actor.user_id if pattern.to_person else None,
        )


def tell(
    action: str,
    *,
    sentence: str,
    actor: Actor,
    changes: dict[str, Any],
    person_id: UUID | None = None,
    admins: bool = True,
) -> None:
    """Write a security event where the request works, and let the people know whom it concerns."""
    from tenants.kernel import audit

    here = request.current().tenant
    if here is not None:
        with in_tenant(here):
            audit.record(action, changes=changes, security=True, actor=actor)
    else:
        audit.record(action, changes=changes, security=True, actor=actor)
    notify = import_string(settings.ALARM_RECEIVER)
    notify(
        sentence=sentence,
        tenant_id=here.id if here is not None and admins else None,
        person_id=person_id,
        address=request.current().address,
        device=request.current().device,
    )


def refused(actor: Actor | None, path: str) -> None:
    """A request was answered with 403."""
    source = str(actor.user_id) if actor is not None else str(request.current().address)
    saw("refusals", source=source, actor=actor or SYSTEM, changes={"last": path[:200]})


def noticed(action: str, *, access: bool, actor: Actor) -> None:
    """An audit row was written: count it, once it is committed, where a pattern asks for it."""
    if action == REFUSED:
        request.once_committed(partial(_log_in_refused, actor))
    elif access and actor.user_id is not None and action.endswith(("exported", "downloaded")):
        request.once_committed(partial(saw, "exports", source=str(actor.user_id), actor=actor))


def _log_in_refused(actor: Actor) -> None:
    address = request.current().address
    saw("log-ins of an account", source=actor.label.lower(), actor=actor)
    if address is not None:
        saw("log-ins from an address", source=address, actor=SYSTEM, changes={"from": address})

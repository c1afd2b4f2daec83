"""How often who may ask: counted in Redis, every bucket of a request in one round trip.

A bucket empties evenly (GCRA): a rate of 10 a second with a burst of 60 lets 60 through at once and one
more every 100 ms. A request fills the caller's own bucket of its rate (an API key, a user, or an address
for whoever is not signed in), and the shared ones of its organization and its tenant. If any is full,
none is filled and the answer is 429.

Without Redis, reads and writes go on (the log says so): whoever gets that far has shown a token. Where
secrets are guessed nothing goes on: without a counter the guesses would be free.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.cache import caches
from redis.exceptions import RedisError

from tenants.kernel import request as request_info
from tenants.kernel.errors import TooMany, Unavailable
from tenants.kernel.principal import Principal

logger = logging.getLogger(__name__)

# Rates that guard a secret: refused while nobody can count.
GUARDING = frozenset({"login", "register", "forgot", "secret"})
WARN_EVERY = 10

_SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local verdict = {}
local after = {}
local full = 0
for i = 1, #KEYS do
    local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local due = tonumber(redis.call('GET', KEYS[i]) or now)
    if due < now then due = now end
    local filled = due + interval
    local spare = now + interval * burst - filled
    if spare < -0.0005 then
        full = 1
        verdict[i] = {0, string.format('%.6f', -spare), string.format('%.6f', due - now)}
    else
        after[i] = filled
        verdict[i] = {math.floor(spare / interval + 0.0001), '0', string.format('%.6f', filled - now)}
    end
end
if full == 0 then
    for i = 1, #KEYS do
        local stays = math.ceil((after[i] - now) * 1000) + 1
        redis.call('SET', KEYS[i], string.format('%.6f', after[i]), 'PX', stays)
    end
end
return verdict
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds, of which ``burst`` may come at once."""

    name: str
    requests: int
    seconds: int
    burst: int

    @property
    def interval(self) -> float:
        return self.seconds / self.requests

    @property
    def window(self) -> int:
        """Seconds after which a full bucket is empty again."""
        return max(1, math.ceil(self.interval * self.burst))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bucket said."""

    rate: Rate
    remaining: int
    retry_after: float
    reset: float


def rate(name: str) -> Rate:
    """A named rate of the settings."""
    requests, seconds, burst = settings.THROTTLE_RATES[name]
    return Rate(name, requests, seconds, burst)


def place_of(address: str | None) -> str:
    """The bucket of an address: an IPv6 network is one household, its addresses are countless."""
    if address is None:
        return "nowhere"
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, 64), strict=False))
    return str(found)


def _buckets(name: str, principal: Principal | None) -> list[tuple[Rate, str]]:
    here = request_info.current()
    if principal is None:
        return [(rate(name), f"{name}:address:{place_of(here.address)}")]
    key = getattr(principal, "key_id", None)
    caller = f"key:{key}" if key else f"user:{principal.user_id}"
    found = [(rate(name), f"{name}:{caller}")]
    if principal.organization_id is not None:
        found.append((rate("organization"), f"organization:{principal.organization_id}"))
    if principal.tenant_id is not None and not (here.tenant is not None and here.tenant.is_personal):
        found.append((rate("tenant"), f"tenant:{principal.tenant_id}"))
    return found


@cache
def _script() -> Any:
    store = caches["directory"]
    client = store._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    return client.register_script(_SCRIPT)


def _ask(buckets: list[tuple[Rate, str]]) -> list[Verdict]:
    prefix = f"{caches['directory'].key_prefix}:rate:"
    numbers: list[float] = []
    for known, _ in buckets:
        numbers += [known.interval, known.burst]
    answers = _script()(keys=[prefix + key for _, key in buckets], args=numbers)
    return [
        Verdict(known, int(remaining), float(retry), float(reset))
        for (known, _), (remaining, retry, reset) in zip(buckets, answers, strict=True)
    ]


_warned_at = 0.0


def _warn() -> None:
    """One line in a while: each request would say the same."""
    global _warned_at
    if time.monotonic() - _warned_at > WARN_EVERY:
        _warned_at = time.monotonic()
        logger.warning("redis is unreachable: nothing is rate-limited, log-ins are refused")


def take(name: str, principal: Principal | None = None) -> Verdict | None:
    """Count one request; what its tightest bucket still holds. Raises TooMany.

    None where limits are off or cannot be counted; a rate that guards a secret raises Unavailable then.
    """
    if not settings.RATE_LIMITS:
        return None
    try:
        verdicts = _ask(_buckets(name, principal))
    except RedisError as error:
        _warn()
        if name in GUARDING:
            raise Unavailable("Signing in is not possible just now; try again in a moment.") from error
        return None
    full = [verdict for verdict in verdicts if verdict.retry_after > 0]
    if full:
        worst = max(full, key=lambda verdict: verdict.retry_after)
        raise TooMany(retry_after=max(1, math.ceil(worst.retry_after)), limit=worst.rate.name)
    return min(verdicts, key=lambda verdict: verdict.remaining / verdict.rate.burst)


def headers(verdict: Verdict) -> dict[str, str]:
    """``RateLimit`` and ``RateLimit-Policy`` as draft-ietf-httpapi-ratelimit-headers writes them."""
    known = verdict.rate
    return {
        "RateLimit-Policy": f'"{known.name}";q={known.burst};w={known.window}',
        "RateLimit": f'"{known.name}";r={verdict.remaining};t={math.ceil(verdict.reset)}',
    }


def headers_when_full(name: str) -> dict[str, str]:
    """The same for an answer that is refused."""
    known = rate(name)
    return {"RateLimit-Policy": f'"{known.name}";q={known.burst};w={known.window}'}

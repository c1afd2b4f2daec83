"""How often a log-in may fail: counted in Redis for the account, the address, and the two together.

Beyond the free failures every attempt needs the one ticket that a pause gives out, so of a hundred
guesses at once only one is heard. What is counted is what was typed, never an account: an unknown
address answers in the same way. An attempt while the pause lasts changes nothing, and pauses are capped,
so nobody can be shut out for long; who signs in from an address from which he did before is not held up
by what strangers do elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.cache import caches

from accounts.errors import LockedOut
from accounts.hashing import keyed_hash
from tenants.kernel.throttling import place_of

PURPOSE = "accounts.lockout"
# Failures are forgotten after this time without a new one.
WINDOW = 3600
KNOWN_FOR = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log-in under way; it counts as failed until ``succeeded``."""

    account: str
    address: str

    @property
    def keys(self) -> dict[str, str]:
        return {
            "pair": f"login:pair:{self.account}:{self.address}",
            "account": f"login:account:{self.account}",
            "address": f"login:address:{self.address}",
        }

    @property
    def known(self) -> str:
        return f"login:known:{self.account}:{self.address}"


def _pause(kind: str, failures: int) -> int:
    free, first, longest = settings.LOGIN_LIMITS[kind]
    return int(min(first * 2 ** min(failures - free, 20), longest))


def begin(email: str, address: str | None) -> Attempt:
    """Let a log-in begin, or raise LockedOut with the seconds to wait. Call before anything is looked up."""
    account = keyed_hash(email.strip().lower(), purpose=PURPOSE)[:32]
    attempt = Attempt(account, place_of(address))
    cache = caches["directory"]
    is_known = cache.get(attempt.known) is not None
    counted = []
    for kind, key in attempt.keys.items():
        if kind == "account" and is_known:
            continue
        failures = _up(key)
        counted.append(key)
        if failures <= settings.LOGIN_LIMITS[kind][0]:
            continue
        pause = _pause(kind, failures - 1)
        if not cache.add(f"{key}:pause", pause, pause):
            for earlier in counted:  # refused attempts do not lengthen the pause
                _down(earlier)
            raise LockedOut(retry_after=_left(f"{key}:pause", pause))
    return attempt


def succeeded(attempt: Attempt) -> None:
    """The log-in was right: the account's failures are forgotten, and the address is known from now on."""
    cache = caches["directory"]
    keys = attempt.keys
    forgotten = [keys["pair"], keys["account"]]
    cache.delete_many([*forgotten, *(f"{key}:pause" for key in forgotten)])
    _down(keys["address"])
    cache.set(attempt.known, 1, KNOWN_FOR)


def forget_account(email: str) -> None:
    """Whoever has reset the password by mail starts afresh."""
    account = keyed_hash(email.strip().lower(), purpose=PURPOSE)[:32]
    caches["directory"].delete_many([f"login:account:{account}", f"login:account:{account}:pause"])


def _up(key: str) -> int:
    cache = caches["directory"]
    cache.add(key, 0, WINDOW)
    try:
        failures = int(cache.incr(key))
    except ValueError:  # it ran out between the two
        cache.set(key, 1, WINDOW)
        return 1
    cache.touch(key, WINDOW)
    return failures


def _down(key: str) -> None:
    try:
        caches["directory"].decr(key)
    except ValueError:  # it has run out meanwhile
        return


def _left(key: str, pause: int) -> int:
    """Seconds until a pause is over."""
    cache = caches["directory"]
    left = cache._cache.get_client(None).ttl(cache.make_and_validate_key(key))  # type: ignore[attr-defined]
    return int(left) if left and left > 0 else pause

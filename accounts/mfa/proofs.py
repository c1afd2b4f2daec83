"""Whether a password, a code or a passkey is right: counted, single use, and one attempt at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import hashing
from accounts.mfa import ceremonies, totp
from accounts.mfa.errors import ProofRefused
from accounts.mfa.models import Guard, RecoveryCode, TotpDevice
from accounts.models import User
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import InvalidInput, TooMany
from tenants.kernel.request import Actor
from tenants.kernel.sealing import unseal

TOTP_PURPOSE = "accounts.mfa.totp"
RECOVERY_PURPOSE = "accounts.mfa.recovery"
# So many wrong ones are a slip of the hand; each one more doubles the wait.
FREE_FAILURES = 5
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Given:
    """What the user sent; one of them is enough. ``credential`` is what a passkey has signed."""

    password: str = ""
    code: str = ""
    credential: dict[str, Any] | None = None


def proof_check(*, user: User, given: Given, methods: Sequence[str], bound: UUID, actor: Actor) -> str:
    """The method by which the proof is right; the code is used up by it.

    ``bound`` is the session or the sign-in for which a passkey was asked to sign. Call it outside a
    transaction: a refusal counts, and must stay counted. Raises ProofRefused, or TooMany while the user's
    attempts are locked.
    """
    if not (given.password or given.code or given.credential):
        fault = {"pointer": "/code", "code": "required", "detail": "Send a code, a passkey or a password."}
        raise InvalidInput("Send a code, a passkey or a password.", errors=[fault])
    now = timezone.now()
    with in_public(), transaction.atomic():
        Guard.objects.get_or_create(user=user)
        guard = Guard.objects.select_for_update().get(user=user)
        if guard.locked_until is not None and guard.locked_until > now:
            seconds = int((guard.locked_until - now).total_seconds()) + 1
            raise TooMany("Too many wrong attempts; wait a little.", retry_after=seconds)
        method = _method_of(user, given, methods, bound, now)
        if method is not None:
            Guard.objects.filter(user=user).update(failures=0, locked_until=None)
            return method
        failures = guard.failures + 1
        Guard.objects.filter(user=user).update(failures=failures, locked_until=_locked_until(failures, now))
        audit.record("accounts.proof.refused", on=user, changes={"failures": failures}, actor=actor)
    raise ProofRefused()


def _locked_until(failures: int, now: datetime) -> datetime | None:
    if failures < FREE_FAILURES:
        return None
    doublings = min(failures - FREE_FAILURES, 10)
    return now + min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _method_of(user: User, given: Given, methods: Sequence[str], bound: UUID, now: datetime) -> str | None:
    signed = given.credential
    if signed and "passkey" in methods and ceremonies.passkey_use(user, signed, bound=bound, now=now):
        return "passkey"
    code = "".join(given.code.split())
    if code and "totp" in methods and totp_use(user, code, now=now):
        return "totp"
    if code and "recovery_code" in methods and recovery_code_use(user, code, now=now):
        return "recovery_code"
    if given.password and "password" in methods and user.check_password(given.password):
        return "password"
    return None


def totp_use(user: User, code: str, *, now: datetime, confirmed: bool = True) -> bool:
    """Whether the code is right and has not been used; from now on it has."""
    devices = TotpDevice.objects.filter(user=user, confirmed_at__isnull=not confirmed)
    device = devices.select_for_update().first()
    if device is None:
        return False
    secret = unseal(device.secret_sealed, purpose=TOTP_PURPOSE)
    if secret is None:  # sealed with another SECRET_KEY
        return False
    step = totp.step_for(code, totp.from_base32(secret), at=now, after=device.last_counter)
    if step is None:
        return False
    return devices.filter(last_counter__lt=step).update(last_counter=step) == 1


def recovery_hash(code: str) -> str:
    """A recovery code as it is kept; the way it was typed does not matter."""
    return hashing.keyed_hash(code.replace("-", "").upper(), purpose=RECOVERY_PURPOSE)


def recovery_code_use(user: User, code: str, *, now: datetime) -> bool:
    """Whether this is an unused recovery code; from now on it is used."""
    unused = RecoveryCode.objects.filter(user=user, code_hash=recovery_hash(code), used_at=None)
    return unused.update(used_at=now) == 1

"""What a user can prove himself by."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.mfa import ceremonies
from accounts.mfa.models import Passkey, RecoveryCode, TotpDevice
from accounts.models import Credential
from tenants.kernel.context import in_public


def has_second_factor(user_id: UUID) -> bool:
    """Whether a password alone does not let this user in, wherever his factors can be used."""
    with in_public():
        confirmed = TotpDevice.objects.filter(user_id=user_id).exclude(confirmed_at=None)
        return confirmed.exists() or Passkey.objects.filter(user_id=user_id).exists()


def second_factors(user_id: UUID) -> list[str]:
    """The second factors that a user can give on this host, as ``methods`` of an answer names them.

    Empty for a password alone, and for who has a passkey of another host only and no recovery code left.
    """
    place = ceremonies.here()
    with in_public():
        found = []
        if place is not None and passkeys_at(user_id, place.host).exists():
            found.append("passkey")
        if TotpDevice.objects.filter(user_id=user_id).exclude(confirmed_at=None).exists():
            found.append("totp")
        codes = RecoveryCode.objects.filter(user_id=user_id, used_at=None)
        if codes.exists() and has_second_factor(user_id):
            found.append("recovery_code")
    return found


def passkeys_at(user_id: UUID, host: str) -> QuerySet[Passkey]:
    """A user's keys that answer on a host."""
    return Passkey.objects.filter(user_id=user_id, host=host, doubted_at=None)


def passkeys_of(user_id: UUID) -> list[Passkey]:
    """All keys of a user, the oldest first."""
    with in_public():
        return list(Passkey.objects.filter(user_id=user_id))


def proof_methods(user_id: UUID) -> list[str]:
    """What a fresh proof may be on this host: a second factor, or the password where there is none at all."""
    if has_second_factor(user_id):
        return second_factors(user_id)
    with in_public():
        credential = Credential.objects.filter(user_id=user_id).first()
    # Django marks a password that nothing matches with an exclamation mark.
    return ["password"] if credential is not None and not credential.password.startswith("!") else []


def standing(user_id: UUID) -> dict[str, Any]:
    """What a user has enrolled, for himself to look at."""
    with in_public():
        totp = TotpDevice.objects.filter(user_id=user_id).exclude(confirmed_at=None).first()
        return {
            "totp": totp is not None,
            "totp_since": totp.confirmed_at if totp else None,
            "passkeys": Passkey.objects.filter(user_id=user_id).count(),
            "recovery_codes_left": RecoveryCode.objects.filter(user_id=user_id, used_at=None).count(),
        }

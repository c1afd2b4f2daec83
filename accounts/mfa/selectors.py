"""What a user can prove himself by."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.mfa.models import RecoveryCode, TotpDevice
from accounts.models import Credential
from tenants.kernel.context import in_public


def second_factors(user_id: UUID) -> list[str]:
    """The second factors of a user, as ``methods`` of an answer names them; empty for a password alone."""
    with in_public():
        found = []
        if TotpDevice.objects.filter(user_id=user_id).exclude(confirmed_at=None).exists():
            found.append("totp")
        if found and RecoveryCode.objects.filter(user_id=user_id, used_at=None).exists():
            found.append("recovery_code")
    return found


def proof_methods(user_id: UUID) -> list[str]:
    """What a fresh proof may be: a second factor, or the password where there is none."""
    factors = second_factors(user_id)
    if factors:
        return factors
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
            "recovery_codes_left": RecoveryCode.objects.filter(user_id=user_id, used_at=None).count(),
        }

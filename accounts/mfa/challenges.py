"""Sign-ins whose first factor was right and whose second is awaited."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import hashing
from accounts.mfa import selectors
from accounts.mfa.errors import MfaRequired
from accounts.mfa.models import Challenge
from accounts.models import User
from tenants.kernel import audit
from tenants.kernel.context import in_public

PATIENCE = timedelta(minutes=5)
NOT_HERE = (
    "Your passkeys belong to another address of this platform, and no recovery code is left: sign in there, "
    "or have an administrator reset your second factor."
)


def second_factor_ask(
    *, user: User, tenant_id: UUID | None, confined_to: UUID | None = None, on_console: bool = False
) -> None:
    """Stop the sign-in of a user with a second factor: raise MfaRequired with a token to go on with.

    The first factor must have been right. Call it outside a transaction, or the token is lost.
    """
    if not selectors.has_second_factor(user.id):
        return
    methods = selectors.second_factors(user.id)
    token = f"mfa_{secrets.token_urlsafe(32)}"
    with in_public(), transaction.atomic():
        now = timezone.now()
        Challenge.objects.create(
            user=user,
            tenant_id=tenant_id,
            confined_to_id=confined_to,
            on_console=on_console,
            token_hash=hashing.digest(token),
            expires_at=now + PATIENCE,
        )
        audit.record("accounts.mfa.asked", on=user, changes={"methods": methods}, actor=user.actor)
    raise MfaRequired(
        "" if methods else NOT_HERE,
        mfa_required=True,
        mfa_token=token,
        methods=methods,
        endpoint="/api/v1/auth/mfa/verify",
        expires_in=int(PATIENCE.total_seconds()),
    )


def challenges_purge() -> int:
    """Remove sign-ins that nobody finished."""
    with in_public():
        return Challenge.objects.filter(expires_at__lt=timezone.now() - timedelta(hours=1)).delete()[0]

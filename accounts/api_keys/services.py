"""Making, replacing and ending keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import hashing
from accounts.api_keys import reading, secrets
from accounts.api_keys.models import ApiKey
from accounts.models import User
from accounts.permissions import PERMISSIONS, WHOLE_TENANT
from accounts.principals import SessionPrincipal
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.errors import Conflict, Forbidden, InvalidInput
from tenants.kernel.request import Actor

# What takes a person: keys make no keys, change no second factor and enter no console.
NOT_FOR_KEYS = frozenset(
    {"api_keys.use", "api_keys.manage", "mfa.reset", "sso.manage", "console.enter"}
    | {"platform.read", "platform.change"}
)
MOST_KEYS = 20
LONGEST_OVERLAP = timedelta(days=7)


def grantable(principal: SessionPrincipal) -> frozenset[str]:
    """The permissions that a caller may give to a key: his own, less those that take a person."""
    return frozenset(p for p in PERMISSIONS if p not in NOT_FOR_KEYS and principal.holds(p))


def _fault(field: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": "invalid", "detail": detail}])


@transaction.atomic
def key_create(
    *,
    principal: SessionPrincipal,
    user: User,
    name: str,
    scopes: Sequence[str],
    days: int | None = None,
    whole_tenant: bool = False,
    actor: Actor,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown now and never again.

    It works in the caller's active organization; with ``whole_tenant``, for admins of the institution,
    in all of them. Raises InvalidInput for a scope that the caller does not hold, Forbidden, Conflict.
    """
    if principal.grants.is_super_admin or principal.tenant_id is None:
        raise Forbidden("Operators of the platform sign in; they have no keys.", code="no_keys_here")
    if whole_tenant and not principal.reaches_tenant:
        raise Forbidden("Only admins of the institution make keys for all of it.", code="not_whole_tenant")
    organization_id = None if whole_tenant else principal.organization_id
    if organization_id is None and not whole_tenant:
        raise _fault("whole_tenant", "You have no active organization: switch to one, or say whole_tenant.")
    lifetime = settings.API_KEY_DAYS if days is None else days
    if not 1 <= lifetime <= settings.API_KEY_MAX_DAYS:
        raise _fault("days", f"A key lives for 1 to {settings.API_KEY_MAX_DAYS} days.")
    if not scopes:
        raise _fault("scopes", "Name at least one permission.")
    possible = grantable(principal) - (frozenset() if whole_tenant else WHOLE_TENANT)
    if beyond := sorted(set(scopes) - possible):
        raise _fault("scopes", f"You cannot give these: {', '.join(beyond)[:200]}.")
    with in_public():
        # The user's row makes his requests queue, so that the limit holds.
        User.objects.select_for_update().get(pk=user.pk)
        if _living(user).count() >= MOST_KEYS:
            raise Conflict(f"You have {MOST_KEYS} keys; revoke one first.", code="too_many_keys")
        secret = secrets.new_secret()
        key = ApiKey.objects.create(
            user=user,
            tenant_id=principal.tenant_id,
            organization_id=organization_id,
            name=name.strip(),
            hint=secrets.hint_of(secret),
            secret_hash=hashing.digest(secret),
            scopes=sorted(set(scopes)),
            expires_at=timezone.now() + timedelta(days=lifetime),
        )
    change = {"name": key.name, "scopes": key.scopes, "expires_at": key.expires_at.isoformat()}
    audit.record("accounts.api_key.created", on=key, changes=change, actor=actor)
    return key, secret


def _living(user: User) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now())


@transaction.atomic
def key_rotate(
    *, key_id: UUID, principal: SessionPrincipal, overlap: timedelta, actor: Actor
) -> tuple[ApiKey, str]:
    """A successor with the same name, place and life, and its secret; the old key works on for ``overlap``.

    Its scopes are those of the old key that the owner still holds. Nobody gets the secret of another's
    key. Raises Forbidden for that, Conflict where the key is dead or has a successor.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise _fault("overlap_hours", f"From 0 to {int(LONGEST_OVERLAP.total_seconds() // 3600)} hours.")
    now = timezone.now()
    with in_public():
        old = ApiKey.objects.select_for_update(of=("self",)).get(pk=key_id)
        if old.user_id != principal.user_id:
            raise Forbidden("Only its owner rotates a key; you may revoke it.", code="not_yours")
        if old.state != "active":
            raise Conflict("This key is dead; make a new one.", code="key_dead")
        if old.successor_id is not None:
            raise Conflict("This key has been rotated already.", code="key_rotated")
        kept = sorted(set(old.scopes) & grantable(principal))
        if not kept:
            raise Conflict("You hold none of this key's permissions any more.", code="no_scopes_left")
        secret = secrets.new_secret()
        new = ApiKey.objects.create(
            user_id=old.user_id,
            tenant_id=old.tenant_id,
            organization_id=old.organization_id,
            name=old.name,
            hint=secrets.hint_of(secret),
            secret_hash=hashing.digest(secret),
            scopes=kept,
            expires_at=now + (old.expires_at - old.created_at),
        )
        old.successor, old.expires_at = new, min(old.expires_at, now + overlap)
        old.save(update_fields=["successor", "expires_at"])
        transaction.on_commit(reading.forget(ApiKey.objects.filter(pk=old.pk)))
    change = {"successor": str(new.id), "until": old.expires_at.isoformat()}
    audit.record("accounts.api_key.rotated", on=old, changes=change, actor=actor)
    return new, secret


@transaction.atomic
def key_revoke(*, key: ApiKey, actor: Actor) -> None:
    """End a key; its next request is refused. Raises Conflict where it is revoked already."""
    with in_public():
        if not _end(ApiKey.objects.filter(pk=key.pk), because="revoked"):
            raise Conflict("This key is revoked already.", code="key_dead")
    audit.record("accounts.api_key.revoked", on=key, actor=actor)


def keys_end(*, user: User, because: str) -> int:
    """End every key of a user, as part of what ends the user himself."""
    with in_public():
        return _end(ApiKey.objects.filter(user=user), because=because)


def _end(keys: QuerySet[ApiKey], *, because: str) -> int:
    living = keys.filter(revoked_at=None)
    transaction.on_commit(reading.forget(living))
    return living.update(revoked_at=timezone.now(), revoked_because=because)

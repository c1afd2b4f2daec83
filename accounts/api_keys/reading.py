"""Keys as requests bring them: found by their hash, and the caller behind one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone

from accounts import hashing
from accounts.api_keys import secrets
from accounts.api_keys.models import ApiKey
from tenants.kernel.context import in_public
from tenants.kernel.request import current

TOUCH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class KeyRef:
    """What a request needs to know of a key; small enough for the cache."""

    id: UUID
    user_id: UUID
    tenant_id: UUID
    organization_id: UUID | None
    scopes: frozenset[str]
    expires_at: datetime


def _cache_key(secret_hash: str) -> str:
    return f"api-key:{secret_hash}"


def key_of(secret: str) -> KeyRef | None:
    """The living key of a secret, or None. What is no key by its form asks neither cache nor database."""
    if not secrets.is_well_formed(secret):
        return None
    cache, secret_hash = caches["directory"], hashing.digest(secret)
    ref = cache.get(_cache_key(secret_hash))
    if ref is None:
        with in_public():
            row = ApiKey.objects.filter(secret_hash=secret_hash, revoked_at=None).first()
        if row is None:
            return None
        ref = KeyRef(
            row.id, row.user_id, row.tenant_id, row.organization_id, frozenset(row.scopes), row.expires_at
        )
        cache.set(_cache_key(secret_hash), ref, settings.DIRECTORY_SECONDS)
    return ref if isinstance(ref, KeyRef) and ref.expires_at > timezone.now() else None


def forget(keys: Any) -> Callable[[], None]:
    """What makes the next request of these keys read the database again; for ``on_commit``."""
    hashes = [_cache_key(h) for h in keys.values_list("secret_hash", flat=True)]
    return lambda: caches["directory"].delete_many(hashes)


def touch(ref: KeyRef) -> None:
    """Remember that a key was used, at most once a minute."""
    if not caches["directory"].add(f"api-key-used:{ref.id}", 1, TOUCH_SECONDS):
        return
    with in_public():
        ApiKey.objects.filter(id=ref.id).update(last_used_at=timezone.now(), last_used_from=current().address)

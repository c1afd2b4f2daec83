"""The ring of RS256 keys: the newest signs, all that have not retired verify."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import SigningKey
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.request import Actor

# A process looks for new keys this often, and at once (though not more than once a second) when a
# token names a key that it does not know.
RELOAD_SECONDS = 60


@cache
def _seal() -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"accounts.signing-keys").derive(
        settings.SECRET_KEY.encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))


@dataclass(frozen=True)
class Ring:
    """The keys as the token classes need them, parsed once."""

    signing_kid: str
    private_key: Any
    public_keys: dict[str, Any]
    loaded_at: float


_ring: Ring | None = None
_lock = threading.Lock()


def ring(unknown_kid: str | None = None) -> Ring:
    """The current ring; reloaded when it is old or does not know ``unknown_kid``."""
    global _ring
    now = time.monotonic()
    known = _ring
    if known is not None:
        age = now - known.loaded_at
        if age < RELOAD_SECONDS and (unknown_kid is None or unknown_kid in known.public_keys or age < 1):
            return known
    with _lock:
        if _ring is None or _ring is known:  # nobody else has loaded it meanwhile
            _ring = _load(now)
        return _ring


def _load(now: float) -> Ring:
    with in_public():
        rows = list(SigningKey.objects.filter(Q(retires_at=None) | Q(retires_at__gt=timezone.now())))
        if not rows:
            rows = [_first_key()]
    newest = max(rows, key=lambda row: (row.retires_at is None, row.created_at))
    private = serialization.load_pem_private_key(
        _seal().decrypt(newest.private_sealed.encode()), password=None
    )
    public = {row.kid: serialization.load_pem_public_key(row.public_pem.encode()) for row in rows}
    return Ring(newest.kid, private, public, now)


def forget() -> None:
    """Make this process read the ring again at the next token."""
    global _ring
    _ring = None


def _make() -> SigningKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SigningKey(
        kid=secrets.token_hex(8),
        public_pem=public.decode(),
        private_sealed=_seal().encrypt(private).decode(),
    )


@transaction.atomic
def _first_key() -> SigningKey:
    key = _make()
    key.save()
    return key


@transaction.atomic
def rotate(*, at_once: bool = False, actor: Actor) -> SigningKey:
    """A new signing key; the old ones verify until every token they signed has expired.

    ``at_once`` retires the old ones now (a key has leaked): everybody signs in again.
    """
    with in_public():
        overlap = timedelta() if at_once else settings.REFRESH_TOKEN_LIFETIME + timedelta(minutes=5)
        until = timezone.now() + overlap
        standing = Q(retires_at=None) | Q(retires_at__gt=until)
        SigningKey.objects.filter(standing).update(retires_at=until)
        key = _first_key()
        audit.record("accounts.signing_key.rotated", on=key, changes={"at_once": at_once}, actor=actor)
    transaction.on_commit(forget)
    return key

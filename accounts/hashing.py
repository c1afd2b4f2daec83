"""Hashes of secrets that we only ever compare: of long random ones, and of short ones with a key."""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@cache
def _key(purpose: str, secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(secret.encode())


def keyed_hash(text: str, *, purpose: str) -> str:
    """A hash that nobody can try words against who has the table but not SECRET_KEY."""
    return hmac.new(_key(purpose, settings.SECRET_KEY), text.encode(), hashlib.sha256).hexdigest()


def digest(text: str) -> str:
    """The plain SHA-256 of a long random secret, in hex; there is nothing to guess."""
    return hashlib.sha256(text.encode()).hexdigest()

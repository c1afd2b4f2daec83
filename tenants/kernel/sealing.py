"""Text and files that may be read by this platform only: sealed with a key made from SECRET_KEY."""

from __future__ import annotations

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@cache
def _key(purpose: str, secret: str) -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def seal(text: str, *, purpose: str) -> str:
    """The text, encrypted and signed; each purpose has a key of its own."""
    return _key(purpose, settings.SECRET_KEY).encrypt(text.encode()).decode()


def seal_bytes(content: bytes, *, purpose: str) -> bytes:
    """The content of a file, encrypted and signed."""
    return _key(purpose, settings.SECRET_KEY).encrypt(content)


def unseal_bytes(sealed: bytes, *, purpose: str) -> bytes | None:
    """The content again, or None where it was sealed with another key or for another purpose."""
    try:
        return _key(purpose, settings.SECRET_KEY).decrypt(sealed)
    except InvalidToken:
        return None


def unseal(sealed: str, *, purpose: str) -> str | None:
    """The text again, or None where it was sealed with another key or for another purpose."""
    try:
        return _key(purpose, settings.SECRET_KEY).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None

"""One-time codes of authenticator apps: RFC 6238 with its defaults (SHA-1, six digits, thirty seconds)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
# Steps before and after the present one whose code is taken: clocks differ, and typing takes time.
DRIFT = 1
SECRET_BYTES = 20


def new_secret() -> bytes:
    """A shared secret of the length of SHA-1's output, as RFC 4226 recommends."""
    return secrets.token_bytes(SECRET_BYTES)


def step_of(at: datetime) -> int:
    """The time step of a moment."""
    return int(at.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step (RFC 4226, section 5.3)."""
    mac = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_for(code: str, secret: bytes, *, at: datetime, after: int) -> int | None:
    """The time step whose code this is, among those in the window and later than ``after``; else None."""
    now = step_of(at)
    right = [
        step
        for step in range(now - DRIFT, now + DRIFT + 1)
        if hmac.compare_digest(code_at(secret, step), code)
    ]
    return next((step for step in right if step > after), None)


def base32(secret: bytes) -> str:
    """The secret as people type it into an app."""
    return base64.b32encode(secret).decode()


def from_base32(text: str) -> bytes:
    """The secret that ``base32`` wrote."""
    return base64.b32decode(text)


def provisioning_uri(secret: bytes, *, account: str, issuer: str) -> str:
    """What the QR code says, in the form that authenticator apps read."""
    query = urlencode({"secret": base32(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{query}"

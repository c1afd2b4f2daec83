"""One way to write an audit row as bytes, the same before and after PostgreSQL has kept it."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from ipaddress import ip_address
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# What says nothing of a person; the two digests stand for what does.
PLAIN: tuple[str, ...] = (
    "id",
    "at",
    "actor_id",
    "action",
    "category",
    "object_type",
    "object_id",
    "organization_id",
)
PLAIN += ("request_id", "via", "credential", "credential_id", "who_digest", "what_digest")
WHO = ("actor_label", "address", "device")
WHAT = ("object_label", "changes")
# What the first row of a chain follows.
GENESIS = "0" * 64


@cache
def _key(secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"tenants.audit").derive(secret.encode())


def keys() -> list[bytes]:
    """The keys of the log: the first signs, all verify."""
    return [_key(secret) for secret in settings.AUDIT_KEYS]


def _plain(value: Any) -> Any:
    """A value as it looks after a round trip through jsonb, where 1.0, 1 and 1e0 are one number."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        text = format(Decimal(str(value)), "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return f"n:{'0' if text in {'-0', ''} else text}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return f"s:{value}"


def canonical(row: Any, names: tuple[str, ...]) -> bytes:
    """The named fields of a row as bytes."""
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    if values.get("address"):
        values["address"] = str(ip_address(values["address"]))
    return json.dumps(_plain(values), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def new_salt() -> str:
    """What keeps a name from being guessed out of its digest once the name itself is gone."""
    return secrets.token_hex(16)


def part_digest(row: Any, salt: str, names: tuple[str, ...]) -> str:
    """The salted digest of what a row says of a person."""
    return hashlib.sha256(salt.encode() + b"\0" + canonical(row, names)).hexdigest()


def row_digest(row: Any, key: bytes | None = None) -> str:
    """The keyed digest of a whole row: nobody makes one without the platform's secret."""
    return hmac.new(key or keys()[0], canonical(row, PLAIN), hashlib.sha256).hexdigest()


def signature(text: str, key: bytes | None = None) -> str:
    """The keyed digest of a checkpoint."""
    return hmac.new(key or keys()[0], f"checkpoint:{text}".encode(), hashlib.sha256).hexdigest()


def link(previous: str, sequence: int, event_id: Any, digest: str) -> str:
    """The hash of one link; the database's trigger computes the same."""
    return hashlib.sha256(f"{previous}:{sequence}:{event_id}:{digest}".encode()).hexdigest()


def complete(row: Any) -> None:
    """Give a new row its salts and digests."""
    row.who_salt, row.what_salt = new_salt(), new_salt()
    row.who_digest = part_digest(row, row.who_salt, WHO)
    row.what_digest = part_digest(row, row.what_salt, WHAT)
    row.digest = row_digest(row)

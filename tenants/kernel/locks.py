"""Locks on an idea rather than a row, held until the transaction ends (PostgreSQL's advisory locks)."""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def _key(name: UUID) -> int:
    # The random half of the identifier, as the signed 64 bits that PostgreSQL takes.
    return (name.int & (2**64 - 1)) - 2**63


def hold_shared(name: UUID) -> None:
    """Go on beside other shared holders, never beside one who holds alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_key(name)])


def hold_alone(name: UUID) -> None:
    """Wait for every other holder and keep new ones out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_key(name)])

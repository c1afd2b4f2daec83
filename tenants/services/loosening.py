"""Settings whose change opens a door: it takes a fresh proof of whoever makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenants.kernel.errors import StepUpRequired


def _off(before: Any, after: Any) -> bool:
    return bool(before) and not after


def _on(before: Any, after: Any) -> bool:
    return bool(after) and not before


def _longer(before: Any, after: Any) -> bool:
    """Empty means the platform's own number, which may be the larger one."""
    return before is not None and (after is None or after > before)


def _shorter(before: Any, after: Any) -> bool:
    """Empty means for ever."""
    return after is not None and (before is None or after < before)


# Of an institution and of the platform: what a stranger at an open session would change first.
LOOSENING: dict[str, Callable[[Any, Any], bool]] = {
    "require_mfa": _off,
    "sso_only": _off,
    "two_person_promotion": _off,
    "allow_registration": _on,
    "registration_enabled": _on,
    "small_tenants_allowed": _on,
    "session_hours": _longer,
    "audit_retention_days": _shorter,
    "deletion_grace_days": _shorter,
}


def nobody_proves() -> None:
    """For callers that cannot give a proof: what needs one is refused."""
    raise StepUpRequired()


def assert_may_loosen(record: dict[str, Any], assert_proved: Callable[[], None]) -> None:
    """Call ``assert_proved`` (it raises StepUpRequired) where a change makes anything looser.

    ``record`` holds before and after by field, as the audit log does.
    """
    if any(field in LOOSENING and LOOSENING[field](*values) for field, values in record.items()):
        assert_proved()

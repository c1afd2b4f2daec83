"""Reads of a person's own account."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import AuthSession, User
from accounts.profiles.preferences import with_defaults
from tenants.kernel.context import in_public


def sessions_of(user: User) -> list[AuthSession]:
    """The user's open sessions, the one seen last first."""
    with in_public():
        rows = AuthSession.objects.filter(user=user, revoked_at=None, expires_at__gt=timezone.now())
        return list(rows.select_related("tenant").order_by("-last_used_at", "-id")[:200])


def described(user: User) -> dict[str, Any]:
    """What the profile says of a person, every preference included."""
    profile = user.profile
    return {
        "job_title": profile.job_title,
        "bio": profile.bio,
        "time_zone": profile.time_zone,
        "preferences": with_defaults(profile.preferences),
        "avatar": "/api/v1/users/me/avatar" if profile.avatar else None,
    }

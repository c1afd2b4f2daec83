"""Shapes of profiles and sessions."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


class ProfileIn(serializers.Serializer[Any]):
    """What describes a person; what is left out stays as it is."""

    full_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    username = serializers.CharField(max_length=150, required=False, allow_blank=True)
    job_title = serializers.CharField(max_length=100, required=False, allow_blank=True)
    sector = serializers.CharField(max_length=100, required=False, allow_blank=True, allow_null=True)
    bio = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="Such as Europe/Zurich.")
    preferences = serializers.DictField(
        required=False,
        help_text="Merged key by key: theme, language, date_format, rows_per_page, start_page, "
        "and for each kind of notice mail_KIND and app_KIND (see /notices/preferences).",
    )
    email = serializers.EmailField(
        required=False, help_text="Accepted unchanged only: a new address takes /users/me/email."
    )


class AvatarIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="PNG, JPEG or WebP; 2 MB and 16 million pixels at most.")


class SessionOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    device = serializers.CharField(help_text="What the client called itself.")
    address = serializers.CharField(allow_null=True, help_text="Where it was opened from.")
    created_at = serializers.DateTimeField()
    last_seen = serializers.DateTimeField(
        source="last_used_at", help_text="Of its last refresh or switch; at most an access token's life ago."
    )
    expires_at = serializers.DateTimeField()
    tenant = serializers.CharField(source="tenant.name", default=None, allow_null=True)
    current = serializers.SerializerMethodField()

    def get_current(self, session: Any) -> bool:
        """Whether this request came by it."""
        return bool(session.id == self.context["current"])


class EndedOut(serializers.Serializer[Any]):
    ended = serializers.IntegerField(help_text="How many sessions have ended.")


class SessionsOut(serializers.Serializer[Any]):
    items = SessionOut(many=True)
    total = serializers.IntegerField()

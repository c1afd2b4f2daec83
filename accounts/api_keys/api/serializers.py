"""Shapes of keys."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


class KeyOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    hint = serializers.CharField(help_text="How the secret begins.")
    owner = serializers.EmailField(source="user.email")
    organization_id = serializers.UUIDField(allow_null=True, help_text="Null: the whole institution.")
    scopes = serializers.ListField(child=serializers.CharField(), help_text="Permissions it may use.")
    state = serializers.CharField(help_text="active, expired or revoked.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    last_used_from = serializers.CharField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    successor_id = serializers.UUIDField(allow_null=True, help_text="The key that has replaced it.")


class KeyIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=60,
        help_text="Permissions, none beyond your own: `companies.read`, `predictions.create`...",
    )
    days = serializers.IntegerField(
        required=False, min_value=1, help_text="Until it expires; 90 where nothing is said."
    )
    whole_tenant = serializers.BooleanField(
        required=False, default=False, help_text="For all organizations; admins of the institution only."
    )


class KeyWithSecretOut(KeyOut):
    """The only answer that holds the secret."""

    secret = serializers.CharField(help_text="Sent as `Authorization: Bearer ...`; shown only now.")


class RotateIn(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(
        required=False, default=24, min_value=0, max_value=168, help_text="How long the old key works on."
    )

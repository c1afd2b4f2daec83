"""Shapes of users as administrators see them."""

from __future__ import annotations

from typing import Any

from accounts.permissions import Role
from accounts.standing.models import Change
from tenants.kernel import serializers


class UserOut(serializers.Serializer[Any]):
    """A user as seen from where the caller administers: the platform, a tenant, or an organization."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    job_title = serializers.CharField()
    role = serializers.CharField(help_text="super_admin, tenant_admin, org_admin, org_member or user.")
    membership_role = serializers.ChoiceField(
        choices=[r.value for r in Role], allow_null=True, help_text="The strongest role held there."
    )
    is_active = serializers.BooleanField(help_text="Whether the user may enter there now.")
    state = serializers.CharField(help_text="active, deactivated, suspended or archived.")
    suspended_until = serializers.DateTimeField(allow_null=True)
    email_verified = serializers.BooleanField()
    organization_id = serializers.UUIDField(allow_null=True)
    tenant_id = serializers.UUIDField(allow_null=True)
    last_login = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class StandingReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Kept in the history of the user."
    )


class SuspendIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="Kept in the history of the user.")
    until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When it lifts itself; empty: when somebody lifts it."
    )


class StatusChangeOut(serializers.Serializer[Any]):
    change = serializers.ChoiceField(choices=Change.choices)
    reason = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    at = serializers.DateTimeField()
    by_id = serializers.UUIDField(allow_null=True, help_text="Empty: the platform itself.")
    tenant_id = serializers.UUIDField(allow_null=True, help_text="Empty: the whole account.")
    organization_id = serializers.UUIDField(allow_null=True)


class StatusHistoryOut(serializers.Serializer[Any]):
    items = StatusChangeOut(many=True)
    total = serializers.IntegerField()

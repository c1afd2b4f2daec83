"""Shapes of coming to the platform."""

from __future__ import annotations

from typing import Any

from accounts.recovery.api.serializers import password_field
from organizations.onboarding.services import ROLE_NAMES
from tenants.kernel import serializers


class RegisterIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = password_field(help_text="8 characters or more, none of the common ones, not your name.")
    full_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    username = serializers.CharField(max_length=150, required=False, allow_blank=True)
    organization_name = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="Opens an institution (platform) or an organization (institution) of this name.",
    )


class RegisteredOut(serializers.Serializer[Any]):
    """What was asked for; nothing in it tells whether the address had an account."""

    email = serializers.EmailField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    role = serializers.CharField()
    email_verified = serializers.BooleanField(default=False)
    detail = serializers.CharField(default="Open the link in the letter that is on its way to you.")


class CreateUserIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = password_field(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="Without one a letter lets its owner set it.",
    )
    first_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    full_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    username = serializers.CharField(max_length=150, required=False, allow_blank=True)
    job_title = serializers.CharField(max_length=100, required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=sorted(ROLE_NAMES), default="org_member")
    organization_id = serializers.UUIDField(required=False, allow_null=True)
    tenant_id = serializers.UUIDField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        names = [attrs.pop(name, "").strip() for name in ("first_name", "last_name")]
        attrs["full_name"] = attrs.get("full_name") or " ".join(name for name in names if name)
        attrs["password"] = attrs.get("password") or None
        return attrs

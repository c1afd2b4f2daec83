"""Shapes of identity."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


class LoginIn(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False, style={"input_type": "password"})


class TokensOut(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField(default="bearer")
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")


class RefreshIn(serializers.Serializer[Any]):
    refresh_token = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Is used up and replaced. Left out, the refresh token is read from the Authorization "
        "header and stays as it is.",
    )


class SwitchIn(serializers.Serializer[Any]):
    organization_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Where to work: one of the caller's organizations."
    )
    tenant_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="Instead of an organization, for administrators: the institution as a whole.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("organization_id") and not attrs.get("tenant_id"):
            raise serializers.ValidationError({"organization_id": "Name an organization."})
        return attrs


class OrganizationBrief(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class OrganizationNow(OrganizationBrief):
    """The organization somebody works in now."""

    domain = serializers.CharField()
    description = serializers.CharField()
    is_active = serializers.BooleanField(help_text="If not, it can only be read.")
    join_enabled = serializers.BooleanField()
    default_role = serializers.CharField()
    max_users = serializers.IntegerField()
    current_users = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    join_token = serializers.CharField(allow_null=True, required=False, help_text="For admins only.")


class TenantBrief(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    domain = serializers.CharField(allow_null=True)


class PlaceOut(serializers.Serializer[Any]):
    tenant = TenantBrief(allow_null=True)
    organization = OrganizationBrief(allow_null=True)
    workspace_id = serializers.UUIDField(
        allow_null=True,
        help_text="One's personal workspace, which is no organization: the `organization_id` to switch to.",
    )
    role = serializers.CharField()


class MeOut(serializers.Serializer[Any]):
    """The signed-in user with the place where he works now and every place where he could."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    role = serializers.CharField(help_text="super_admin, tenant_admin, org_admin, org_member or user.")
    is_active = serializers.BooleanField()
    email_verified = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)
    sector = serializers.CharField(allow_null=True)
    job_title = serializers.CharField()
    bio = serializers.CharField()
    time_zone = serializers.CharField(help_text="Of the IANA database; times are in UTC whatever it says.")
    preferences = serializers.DictField(help_text="Every preference: the user's choice, else the default.")
    avatar = serializers.CharField(allow_null=True, help_text="Address of the picture; takes a token too.")
    organization_id = serializers.UUIDField(allow_null=True)
    tenant_id = serializers.UUIDField(allow_null=True)
    organization = OrganizationNow(allow_null=True)
    tenant = TenantBrief(allow_null=True)
    places = PlaceOut(many=True, help_text="Where the user may work; switch with /auth/switch-organization.")

"""Shapes of single sign-on."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


class SsoOut(serializers.Serializer[Any]):
    """Whether and where to sign in by the institution's provider."""

    available = serializers.BooleanField()
    institution = serializers.CharField(allow_null=True)
    start = serializers.CharField(allow_null=True, help_text="Send the browser there, with a `challenge`.")
    passwords_taken = serializers.BooleanField(help_text="Whether members may sign in by password too.")


class StartIn(serializers.Serializer[Any]):
    challenge = serializers.RegexField(
        r"^[A-Za-z0-9_-]{43}$",
        required=False,
        help_text="S256 challenge (RFC 7636) of a verifier that the client keeps and shows at `exchange`.",
    )
    console = serializers.BooleanField(required=False, default=False, help_text="Go on to the console.")
    fresh = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Have the provider ask again who it is: counts as a fresh proof (step-up).",
    )


class CallbackIn(serializers.Serializer[Any]):
    state = serializers.CharField(max_length=200)
    code = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    error = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ExchangeIn(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=100, help_text="From the address that the browser came back to.")
    verifier = serializers.RegexField(
        r"^[A-Za-z0-9._~-]{43,128}$", help_text="The verifier whose challenge the client gave at `start`."
    )


class EmailDomainOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    domain = serializers.CharField()
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when the provider may speak for addresses of this domain."
    )


class EmailDomainIn(serializers.Serializer[Any]):
    domain = serializers.CharField(max_length=253, help_text="Such as `example.com`.")


class ConnectionOut(serializers.Serializer[Any]):
    """The institution's identity provider. The client's secret is never shown."""

    issuer = serializers.CharField()
    client_id = serializers.CharField()
    has_client_secret = serializers.SerializerMethodField()
    scopes = serializers.CharField()
    role_claim = serializers.CharField()
    role_map = serializers.DictField(child=serializers.CharField())
    default_role = serializers.CharField()
    organization_id = serializers.UUIDField(allow_null=True)
    provider_mfa = serializers.BooleanField()
    break_glass = serializers.BooleanField()
    is_active = serializers.BooleanField()
    updated_at = serializers.DateTimeField(allow_null=True)

    def get_has_client_secret(self, connection: Any) -> bool:
        return bool(connection.secret_sealed)


class ConnectionIn(serializers.Serializer[Any]):
    issuer = serializers.CharField(max_length=300, help_text="Exactly as in the discovery document.")
    client_id = serializers.CharField(max_length=200)
    client_secret = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Left out: stays. Empty: a public client."
    )
    scopes = serializers.CharField(max_length=200, required=False)
    role_claim = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="Claim that holds groups.",
    )
    role_map = serializers.DictField(
        child=serializers.CharField(max_length=20),
        required=False,
        help_text="Value of that claim to `admin`, `analyst` or `viewer`.",
    )
    default_role = serializers.CharField(
        max_length=20, required=False, allow_blank=True, help_text="Where no value fits; empty: not let in."
    )
    organization_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Where new people become members."
    )
    provider_mfa = serializers.BooleanField(
        required=False, help_text="The provider asks for a second factor, so the platform need not."
    )
    break_glass = serializers.BooleanField(
        required=False,
        help_text="The institution's admins keep their password in any case.",
    )
    is_active = serializers.BooleanField(required=False)

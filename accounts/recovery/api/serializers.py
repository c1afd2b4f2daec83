"""Shapes of mailed proofs and passwords."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


def password_field(**options: Any) -> serializers.CharField:
    """A password as it comes in: any text, kept as typed."""
    return serializers.CharField(
        max_length=256, trim_whitespace=False, style={"input_type": "password"}, **options
    )


class TokenIn(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200, help_text="From the letter.")


class EmailIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)


class PasswordResetIn(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200, help_text="From the letter; good once.")
    password = password_field(required=False, help_text="The new password.")
    new_password = password_field(required=False, help_text="Another name for it.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = attrs.pop("new_password", None)
        attrs.setdefault("password", given)
        if not attrs["password"]:
            raise serializers.ValidationError({"password": "This field is required."}, code="required")
        return attrs


class PasswordIn(serializers.Serializer[Any]):
    current_password = password_field(help_text="The present one.")
    new_password = password_field(help_text="8 characters or more, none of the common ones, not your name.")


class AddressIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254, help_text="The new address; a letter goes there.")
    current_password = password_field()


class SaidOut(serializers.Serializer[Any]):
    detail = serializers.CharField(help_text="One sentence for people.")

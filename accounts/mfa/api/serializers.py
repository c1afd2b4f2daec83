"""Shapes of second factors and proofs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ProofIn(serializers.Serializer[Any]):
    """One of them is enough; which are taken says ``step_up.methods`` of the refusal."""

    password = serializers.CharField(
        max_length=256,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        style={"input_type": "password"},
        help_text="Taken only from users without a second factor.",
    )
    code = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text="Of the authenticator app, or one of the recovery codes.",
    )


class ProofOut(serializers.Serializer[Any]):
    method = serializers.CharField(help_text="What the proof was: totp, webauthn, recovery_code or password.")
    proved_until = serializers.DateTimeField(help_text="Until then this session may do dangerous things.")

"""Shapes of second factors and proofs."""

from __future__ import annotations

from typing import Any

from accounts.mfa.api.webauthn import SignedIn
from tenants.kernel import serializers


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
    credential = SignedIn(
        required=False, help_text="What a passkey has signed; `POST /auth/step-up/options` says what to sign."
    )


class ProofOut(serializers.Serializer[Any]):
    method = serializers.CharField(help_text="What the proof was: passkey, totp, recovery_code or password.")
    proved_until = serializers.DateTimeField(help_text="Until then this session may do dangerous things.")


class VerifyIn(serializers.Serializer[Any]):
    mfa_token = serializers.CharField(max_length=100, help_text="From the log-in's refusal `mfa_required`.")
    code = serializers.CharField(
        max_length=40,
        required=False,
        help_text="Of the authenticator app, or one of the recovery codes.",
    )
    credential = SignedIn(
        required=False,
        help_text="Instead of a code: what a passkey has signed, see `POST /auth/mfa/verify/options`.",
    )


class VerifyAskIn(serializers.Serializer[Any]):
    mfa_token = serializers.CharField(max_length=100, help_text="From the log-in's refusal `mfa_required`.")


class CodeIn(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=12, help_text="The six digits that the app shows now.")


class EnrolmentOut(serializers.Serializer[Any]):
    """Shown once; asking again makes a new secret."""

    secret = serializers.CharField(help_text="In base32, for typing it into the app.")
    uri = serializers.CharField(help_text="otpauth:// address, which is what the QR code says.")
    qr_svg = serializers.CharField(help_text="The QR code as an SVG element.")


class RecoveryCodesOut(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(),
        help_text="Each good for one sign-in; shown once. Empty where older ones are still in force.",
    )


class MfaOut(serializers.Serializer[Any]):
    """Which second factors the user has, and where one is asked for."""

    totp = serializers.BooleanField(help_text="Whether an authenticator app is in force.")
    totp_since = serializers.DateTimeField(allow_null=True)
    passkeys = serializers.IntegerField(help_text="How many passkeys there are, of whichever host.")
    recovery_codes_left = serializers.IntegerField()
    required_here = serializers.BooleanField(help_text="Whether the institution asks for one.")
    session_has_it = serializers.BooleanField(help_text="Whether this session was opened with one.")


class MfaResetIn(serializers.Serializer[Any]):
    user_id = serializers.UUIDField(help_text="Whose second factors are taken away.")

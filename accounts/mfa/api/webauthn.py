"""Shapes of WebAuthn, as Web Authentication Level 3 writes them in JSON (section 5.1.8 and following).

Binary values are base64url without padding. Browsers read and write these forms themselves:
``PublicKeyCredential.parseCreationOptionsFromJSON``, ``parseRequestOptionsFromJSON`` and ``toJSON``.
"""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers


class KeyRefOut(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of the credential, base64url.")
    type = serializers.CharField(help_text="`public-key`.")


class PartyOut(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The host that the passkey is for.")
    name = serializers.CharField()


class HolderOut(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of the user, base64url.")
    name = serializers.CharField()
    displayName = serializers.CharField()


class AlgorithmOut(serializers.Serializer[Any]):
    type = serializers.CharField()
    alg = serializers.IntegerField(help_text="COSE number: -8 EdDSA, -7 ES256, -257 RS256.")


class SelectionOut(serializers.Serializer[Any]):
    residentKey = serializers.CharField()
    requireResidentKey = serializers.BooleanField()
    userVerification = serializers.CharField(help_text="`required`: a PIN, a finger or a face.")


class CreationOptionsOut(serializers.Serializer[Any]):
    """`PublicKeyCredentialCreationOptionsJSON`."""

    rp = PartyOut()
    user = HolderOut()
    challenge = serializers.CharField()
    pubKeyCredParams = AlgorithmOut(many=True)
    timeout = serializers.IntegerField(help_text="In milliseconds.")
    excludeCredentials = KeyRefOut(many=True)
    authenticatorSelection = SelectionOut()
    attestation = serializers.CharField(help_text="`none`: which make a key is, is not asked.")


class RequestOptionsOut(serializers.Serializer[Any]):
    """`PublicKeyCredentialRequestOptionsJSON`."""

    challenge = serializers.CharField()
    timeout = serializers.IntegerField(help_text="In milliseconds.")
    rpId = serializers.CharField()
    allowCredentials = KeyRefOut(many=True)
    userVerification = serializers.CharField()


class AttestationIn(serializers.Serializer[Any]):
    clientDataJSON = serializers.CharField(max_length=8000)
    attestationObject = serializers.CharField(max_length=40_000)


class AssertionIn(serializers.Serializer[Any]):
    clientDataJSON = serializers.CharField(max_length=8000)
    authenticatorData = serializers.CharField(max_length=8000)
    signature = serializers.CharField(max_length=8000)
    userHandle = serializers.CharField(max_length=200, required=False, allow_null=True)


class CredentialIn(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=1400)
    rawId = serializers.CharField(max_length=1400)
    type = serializers.CharField(max_length=20)


class MadeIn(CredentialIn):
    """`RegistrationResponseJSON`; members that are not named here are passed over."""

    response = AttestationIn()


class SignedIn(CredentialIn):
    """`AuthenticationResponseJSON`; members that are not named here are passed over."""

    response = AssertionIn()


class PasskeyAddIn(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text="What you call it: `Phone`, `Key at work`."
    )
    credential = MadeIn(help_text="What `navigator.credentials.create()` gave, `toJSON()`.")


class PasskeyNameIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)


class PasskeyOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    host = serializers.CharField(help_text="Where it was made. It answers on this host and nowhere else.")
    is_synced = serializers.BooleanField(help_text="Whether its owner's devices share it.")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    doubted_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Since when it is taken for copied, because its counter went back. It opens nothing.",
    )


class PasskeyAddedOut(serializers.Serializer[Any]):
    passkey = PasskeyOut()
    recovery_codes = serializers.ListField(
        child=serializers.CharField(),
        help_text="Each good for one sign-in; shown once. Empty where older ones are still in force.",
    )

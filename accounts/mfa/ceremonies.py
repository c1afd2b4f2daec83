"""WebAuthn: what a browser is asked to sign, and whether what it sends back is right.

Section numbers are those of Web Authentication Level 3 (https://www.w3.org/TR/webauthn-3/). The challenge
is kept in Redis for PATIENCE seconds and taken by the first answer, right or wrong.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.db.models import QuerySet
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts.mfa.models import Passkey
from accounts.models import User
from tenants.kernel import audit, mail, once
from tenants.kernel import request as request_info

PATIENCE = 300
NAME = "Default Risk Platform"
LONGEST_ID = 1400
# What "no attestation wanted" leaves: nothing, or a key's word for itself, without certificates (5.1.3).
FORMATS = frozenset({"none", "packed"})
# What the library and the parsers below it raise for bytes that are not what they should be.
MALFORMED = (
    *(WebAuthnException, InvalidSignature, UnsupportedAlgorithm),
    *(ValueError, KeyError, TypeError, IndexError, AttributeError),
)


@dataclass(frozen=True, slots=True)
class Place:
    """The relying party: a host (without port), and the origin of its pages."""

    host: str
    origin: str


def here() -> Place | None:
    """The relying party of the running request; None where there can be none (an address of numbers)."""
    origin = request_info.current().page
    host = urlsplit(origin).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return Place(host, origin) if host else None
    return None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an answer must fit: whose it is, what it is for, and where it was asked."""

    purpose: str
    user: str
    bound: str
    host: str
    origin: str


def _key(challenge: bytes) -> str:
    return f"webauthn:{hashlib.sha256(challenge).hexdigest()}"


def _challenge(purpose: str, user: User, bound: UUID, place: Place) -> bytes:
    challenge = secrets.token_bytes(32)
    waiting = Waiting(purpose, str(user.id), str(bound), place.host, place.origin)
    once.keep(_key(challenge), json.dumps(asdict(waiting)), seconds=PATIENCE)
    return challenge


def _take(credential: dict[str, Any], purpose: str, user: User, bound: UUID | None) -> tuple[bytes, Waiting]:
    """The challenge that the answer names and what was kept with it; raises ValueError for any misfit."""
    said = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
    kept = once.take(_key(said.challenge))
    if kept is None:
        raise ValueError("unknown, used or expired challenge")
    waiting = Waiting(**json.loads(kept))
    if (waiting.purpose, waiting.user, waiting.bound) != (purpose, str(user.id), str(bound)):
        raise ValueError("challenge of another purpose, user or session")
    if said.cross_origin:
        raise ValueError("asked inside a frame of another origin")
    return said.challenge, waiting


def _named(keys: QuerySet[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential_id)) for key in keys]


# -- making a key -------------------------------------------------------------------------------


def creation_options(user: User, *, place: Place, bound: UUID) -> dict[str, Any]:
    """``PublicKeyCredentialCreationOptionsJSON``; ``bound`` is the session that must answer."""
    options = generate_registration_options(
        rp_id=place.host,
        rp_name=NAME,
        user_id=user.id.bytes,
        user_name=user.email,
        challenge=_challenge("create", user, bound, place),
        timeout=PATIENCE * 1000,
        # A factor beside the password: nothing need be stored on the key to find the account by.
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(Passkey.objects.filter(user=user, host=place.host)),
    )
    return options_to_json_dict(options)


def creation_check(user: User, credential: dict[str, Any], *, bound: UUID) -> Passkey | None:
    """The key that a browser has made, not stored yet; None where the answer is not right (section 7.1)."""
    try:
        challenge, waiting = _take(credential, "create", user, bound)
        stated = parse_attestation_object(base64url_to_bytes(credential["response"]["attestationObject"]))
        if stated.fmt not in FORMATS or stated.att_stmt.x5c:
            return None
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=waiting.host,
            expected_origin=waiting.origin,
            require_user_verification=True,
        )
        # A key that cannot be read would be refused only when its owner stands before the door.
        decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
        identifier = bytes_to_base64url(made.credential_id)
    except MALFORMED:
        return None
    if len(identifier) > LONGEST_ID:
        return None
    return Passkey(
        user=user,
        host=waiting.host,
        credential_id=identifier,
        public_key=bytes_to_base64url(made.credential_public_key),
        sign_count=made.sign_count,
        is_synced=made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
    )


# -- using it -----------------------------------------------------------------------------------


def request_options(user: User, *, place: Place, bound: UUID) -> dict[str, Any]:
    """``PublicKeyCredentialRequestOptionsJSON``; ``bound`` is the session or the sign-in that must answer."""
    options = generate_authentication_options(
        rp_id=place.host,
        challenge=_challenge("get", user, bound, place),
        timeout=PATIENCE * 1000,
        allow_credentials=_named(Passkey.objects.filter(user=user, host=place.host, doubted_at=None)),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def passkey_use(user: User, credential: dict[str, Any], *, bound: UUID | None, now: datetime) -> bool:
    """Whether one of the user's keys has signed (section 7.2); its counter moves on.

    A counter that has not moved says that there are two of the key: it opens nothing from then on. Call it
    with the user's attempts locked.
    """
    try:
        challenge, waiting = _take(credential, "get", user, bound)
        keys = Passkey.objects.select_for_update().filter(user=user, host=waiting.host, doubted_at=None)
        key = keys.filter(credential_id=str(credential["id"])).first()
        if key is None or not _handle_fits(credential, user):
            return False
        given = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=waiting.host,
            expected_origin=waiting.origin,
            credential_public_key=base64url_to_bytes(key.public_key),
            # Ours to compare, below: only what carries a right signature may put a key in doubt.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except MALFORMED:
        return False
    if (given.credential_device_type == CredentialDeviceType.MULTI_DEVICE) != key.is_synced:
        return False
    if (given.new_sign_count or key.sign_count) and given.new_sign_count <= key.sign_count:
        _doubt(key, given.new_sign_count, now)
        return False
    key.sign_count, key.last_used_at = given.new_sign_count, now
    key.save(update_fields=["sign_count", "last_used_at"])
    return True


def _handle_fits(credential: dict[str, Any], user: User) -> bool:
    handle = credential["response"].get("userHandle")
    return handle is None or base64url_to_bytes(handle) == user.id.bytes


def _doubt(key: Passkey, counter: int, now: datetime) -> None:
    key.doubted_at = now
    key.save(update_fields=["doubted_at"])
    changes = {"passkey": key.name, "counter": [key.sign_count, counter]}
    audit.record(
        "accounts.mfa.passkey_doubted", on=key.user, changes=changes, security=True, actor=key.user.actor
    )
    mail.send(template="accounts/passkey_doubted", to=key.user.email, context={"user": key.user, "key": key})

"""A security key in software: ES256, attestation "none". It does what a browser and a key do together."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass
class Key:
    """One credential on the device."""

    host: str
    user: bytes
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counter: int = 0


@dataclass
class Authenticator:
    """A device with its keys, in a browser that shows a page of ``origin``.

    ``counts``: whether it has a counter of signatures; those that sync have none.
    """

    origin: str = "http://alpha.test"
    flags: int = PRESENT | VERIFIED
    counts: bool = True
    keys: list[Key] = field(default_factory=list)

    def twin(self) -> Authenticator:
        """A copy of the device, as a thief makes one."""
        return replace(self, keys=[replace(key) for key in self.keys])

    def _client_data(self, kind: str, challenge: str, **more: Any) -> bytes:
        said = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, **more}
        return json.dumps(said).encode()

    def _data(self, key: Key, flags: int) -> bytes:
        key.counter += self.counts
        return hashlib.sha256(key.host.encode()).digest() + bytes([flags]) + key.counter.to_bytes(4, "big")

    def create(self, options: dict[str, Any], *, identifier: bytes = b"", **more: Any) -> dict[str, Any]:
        """``navigator.credentials.create()``, as JSON; under an id of the device's choice."""
        key = Key(options["rp"]["id"], base64url_to_bytes(options["user"]["id"]))
        key.id = identifier or key.id
        self.keys.append(key)
        at = key.private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}
        data = self._data(key, self.flags | ATTESTED)
        data += bytes(16) + len(key.id).to_bytes(2, "big") + key.id + cbor2.dumps(public)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("create", options["challenge"], **more)
        return self._answer(key, clientDataJSON=client_data, attestationObject=attestation)

    def get(self, options: dict[str, Any], **more: Any) -> dict[str, Any]:
        """``navigator.credentials.get()``, as JSON. Unlike a browser it does not mind whose host it is."""
        wanted = {item["id"] for item in options["allowCredentials"]}
        key = next((k for k in self.keys if bytes_to_base64url(k.id) in wanted), self.keys[0])
        data = self._data(key, self.flags)
        client_data = self._client_data("get", options["challenge"], **more)
        signed = data + hashlib.sha256(client_data).digest()
        signature = key.private.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            key,
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=signature,
            userHandle=key.user,
        )

    def _answer(self, key: Key, **parts: bytes) -> dict[str, Any]:
        name = bytes_to_base64url(key.id)
        response = {part: bytes_to_base64url(value) for part, value in parts.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": response}

"""OpenID Connect as a client: discovery, keys, the exchange of a code, and the identity token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import jwt
from django.core.cache import caches

from accounts import hashing
from accounts.sso import outbound
from accounts.sso.errors import ProviderUnreachable, SsoRefused

# Signatures that anybody can check and only the provider can make. HMAC is left out: with it the client's
# secret would be a signing key, and "none" is no signature.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
ASYMMETRIC = {"RSA", "EC", "OKP"}
DOCUMENT_SECONDS = 3600
KEYS_SECONDS = 600
# Unknown key ids make us ask again, but not more often than this.
KEYS_AGAIN_SECONDS = 30
LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Provider:
    """What the discovery document says of a provider."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    by_post: bool

    def authorization_url(self, **parameters: str) -> str:
        """Where the browser is sent."""
        joint = "&" if "?" in self.authorization_endpoint else "?"
        return f"{self.authorization_endpoint}{joint}{urlencode(parameters)}"


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def discover(issuer: str) -> Provider:
    """The provider at an issuer, from its discovery document; cached. Raises ProviderUnreachable."""
    cache, key = caches["directory"], f"sso:document:{hashing.digest(issuer)}"
    document = cache.get(key)
    if document is None:
        document = outbound.call(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        cache.set(key, document, DOCUMENT_SECONDS)
    try:
        # A document that speaks for another issuer is how one provider passes for another.
        if document["issuer"] != issuer:
            raise ProviderUnreachable("The provider's document is of another issuer.")
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Provider(
            issuer=issuer,
            authorization_endpoint=outbound.checked(str(document["authorization_endpoint"])),
            token_endpoint=outbound.checked(str(document["token_endpoint"])),
            jwks_uri=outbound.checked(str(document["jwks_uri"])),
            by_post="client_secret_basic" not in methods and "client_secret_post" in methods,
        )
    except KeyError:
        raise ProviderUnreachable("The provider's document is not complete.") from None


def exchange(
    provider: Provider, *, code: str, client_id: str, client_secret: str, verifier: str, redirect_uri: str
) -> str:
    """The identity token for a code; raises ProviderUnreachable and SsoRefused."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
        "client_id": client_id,
    }
    basic = ""
    if client_secret and provider.by_post:
        form["client_secret"] = client_secret
    elif client_secret:
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        basic = base64.b64encode(pair.encode()).decode()
    token = outbound.call(provider.token_endpoint, form=form, basic=basic).get("id_token")
    if not isinstance(token, str):
        raise SsoRefused()
    return token


def claims_of(provider: Provider, token: str, *, client_id: str, nonce_hash: str) -> dict[str, Any]:
    """The claims of an identity token that this provider made for us and for this very sign-in.

    Checked: signature by a key of the provider and an algorithm of the list, issuer, audience, authorized
    party, expiry, age, nonce. Raises SsoRefused, ProviderUnreachable.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise SsoRefused()
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(provider, header.get("kid"), str(header["alg"])),
            algorithms=[str(header["alg"])],
            audience=client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
        )
    except jwt.PyJWTError:
        raise SsoRefused() from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise SsoRefused()
    if not hmac.compare_digest(hashing.digest(str(claims["nonce"])), nonce_hash):
        raise SsoRefused()
    if claims["exp"] - claims["iat"] > 86_400 or not 0 < len(str(claims["sub"])) <= 255:
        raise SsoRefused()
    return claims


def _key(provider: Provider, kid: str | None, algorithm: str) -> Any:
    """The provider's key of that name; asked for again, though not too often, where it is unknown."""
    for again in (False, True):
        fitting = [
            key
            for key in _keys(provider, again=again)
            if key.get("kty") in ASYMMETRIC
            and key.get("use", "sig") == "sig"
            and (kid is None or key.get("kid") == kid)
            and key.get("alg", algorithm) == algorithm
        ]
        # Without a name in the token there must be no choice.
        if len(fitting) == 1 or (kid is not None and fitting):
            return jwt.PyJWK(fitting[0], algorithm=algorithm).key
    raise SsoRefused()


def _keys(provider: Provider, *, again: bool) -> list[dict[str, Any]]:
    cache, key = caches["directory"], f"sso:keys:{hashing.digest(provider.jwks_uri)}"
    found = cache.get(key)
    if found is None or (again and cache.add(f"{key}:again", 1, KEYS_AGAIN_SECONDS)):
        listed = outbound.call(provider.jwks_uri).get("keys")
        found = json.dumps([k for k in listed if isinstance(k, dict)] if isinstance(listed, list) else [])
        cache.set(key, found, KEYS_SECONDS)
    keys: list[dict[str, Any]] = json.loads(found)
    return keys

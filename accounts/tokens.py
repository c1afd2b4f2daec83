"""RS256 access and refresh tokens: made, read, and bound to a session.

Claims: ``sub`` user, ``sid`` session, ``tid`` tenant, ``org`` active organization. Roles are not in
the token: they are read afresh (from a cache of seconds), so that a lost role is lost at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.http import HttpRequest
from rest_framework_simplejwt import tokens as simplejwt
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError

from accounts import keys, principals
from accounts.api_keys.reading import KeyRef, key_of
from accounts.api_keys.secrets import PREFIX
from accounts.models import AuthSession
from tenants.kernel.errors import BadToken
from tenants.kernel.ids import uuid7


class RingBackend(TokenBackend):
    """Signs with the ring's newest key, names it in the header, verifies with the one that is named."""

    def __init__(self) -> None:
        super().__init__("RS256", issuer=settings.TOKEN_ISSUER)

    def encode(self, payload: dict[str, Any]) -> str:
        ring = keys.ring()
        claims = {**payload, "iss": self.issuer}
        return jwt.encode(claims, ring.private_key, algorithm="RS256", headers={"kid": ring.signing_kid})

    def get_verifying_key(self, token: Any) -> Any:
        try:
            kid = jwt.get_unverified_header(token)["kid"]
            return keys.ring(unknown_kid=kid).public_keys[kid]
        except (KeyError, jwt.PyJWTError) as error:
            raise TokenBackendError("unknown key") from error


_backend = RingBackend()


class AccessToken(simplejwt.AccessToken):
    """Short-lived; opens the API."""

    lifetime = settings.ACCESS_TOKEN_LIFETIME
    _token_backend = _backend


class RefreshTokenJWT(simplejwt.RefreshToken):
    """Long-lived; gives access tokens. Its ``jti`` is a row of RefreshToken."""

    lifetime = settings.REFRESH_TOKEN_LIFETIME
    access_token_class = AccessToken
    _token_backend = _backend


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says."""

    user_id: UUID
    session_id: UUID
    tenant_id: UUID | None
    organization_id: UUID | None
    jti: str
    key: KeyRef | None = None


def _uuid(value: Any) -> UUID | None:
    return UUID(value) if value else None


def _read(token: str, kind: type[Any]) -> Claims:
    try:
        claims = kind(token)
        return Claims(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            tenant_id=_uuid(claims.get("tid")),
            organization_id=_uuid(claims.get("org")),
            jti=claims["jti"],
        )
    except (TokenError, KeyError, ValueError, TypeError) as error:
        raise BadToken() from error


def read_access(token: str) -> Claims:
    """The claims of an access token; raises BadToken."""
    return _read(token, AccessToken)


def read_refresh(token: str) -> Claims:
    """The claims of a refresh token; raises BadToken."""
    return _read(token, RefreshTokenJWT)


def _with_claims(token: Any, session: AuthSession) -> Any:
    token["sub"] = str(session.user_id)
    token["sid"] = str(session.id)
    if session.tenant_id:
        token["tid"] = str(session.tenant_id)
    if session.organization_id:
        token["org"] = str(session.organization_id)
    return token


def access_for(session: AuthSession) -> str:
    """An access token for a session."""
    return str(_with_claims(AccessToken(), session))


def refresh_for(session: AuthSession) -> tuple[UUID, str]:
    """A refresh token for a session, with its id. It never outlives the session."""
    identifier = uuid7()
    token = _with_claims(RefreshTokenJWT(), session)
    token["jti"] = str(identifier)
    token["exp"] = min(int(token["exp"]), int(session.expires_at.timestamp()))
    return identifier, str(token)


def read_key(secret: str) -> Claims:
    """The same of an API key, which stands in the header where a token would; raises BadToken."""
    ref = key_of(secret)
    if ref is None:
        raise BadToken("This API key is not known, expired or revoked.")
    return Claims(ref.user_id, ref.id, ref.tenant_id, ref.organization_id, jti="", key=ref)


def bearer_of(request: HttpRequest) -> str | None:
    """The bearer token of a request as sent, or None."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def read_bearer(request: HttpRequest) -> Claims | None:
    """The claims of a request's access token, read once; raises BadToken.

    ``/auth/refresh`` carries its own refresh token in the same header and reads it itself.
    """
    token = bearer_of(request)
    if token is None or request.path.rstrip("/").endswith("/auth/refresh"):
        return None
    claims = read_key(token) if token.startswith(PREFIX) else read_access(token)
    if claims.key is None and getattr(request, "on_platform", False):
        # Only there does the token say which tenant: a session that has just joined one is led into it.
        named = (claims.tenant_id, claims.organization_id)
        tenant_id, organization_id = principals.moved(claims.session_id, named)
        claims = replace(claims, tenant_id=tenant_id, organization_id=organization_id)
    request.claims = claims  # type: ignore[attr-defined]
    return claims

"""How the API learns who calls: a bearer token, or the console's session for people in a browser."""

from __future__ import annotations

from functools import partial
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from accounts.api_keys.principals import principal_for_key
from accounts.models import User
from accounts.principals import SessionPrincipal, principal_for
from tenants.kernel.context import in_public
from tenants.kernel.errors import BadToken


def _load(user_id: UUID) -> User:
    with in_public():
        user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise BadToken()
    return user


class BearerAuthentication(BaseAuthentication):
    """The middleware has verified the token; here user, tenant and organization must still agree."""

    def authenticate(self, request: Request) -> tuple[User, SessionPrincipal] | None:
        raw = request._request
        if error := getattr(raw, "token_error", None):
            raise error
        claims = getattr(raw, "claims", None)
        if claims is None:
            return None
        principal = (
            principal_for_key(claims.key)
            if claims.key is not None
            else principal_for(claims.session_id, claims.tenant_id, claims.organization_id)
        )
        if principal is None or principal.user_id != claims.user_id:
            raise BadToken()
        # The principal is the proof that the user is active; few endpoints need his row.
        return cast(User, SimpleLazyObject(partial(_load, principal.user_id))), principal

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class ConsoleAuthentication(SessionAuthentication):
    """The console's session, with CSRF protection, for the browsable API."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        raw = request._request
        principal = getattr(raw, "principal", None)
        if principal is None or isinstance(raw.user, AnonymousUser):
            return None
        self.enforce_csrf(request)
        return raw.user, principal


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or API key (drp_live_...)"}


class ConsoleScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.ConsoleAuthentication"
    name = "console"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "drp_session"}

"""Getting in and out: log-in, refresh, log-out, who am I, where do I work."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from drf_spectacular.utils import extend_schema
from jwt.algorithms import RSAAlgorithm
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, services
from accounts import tokens as token_module
from accounts.api import client
from accounts.api.serializers import LoginIn, MeOut, RefreshIn, SwitchIn, TokensOut
from accounts.mfa.api.actions import ProofActions
from accounts.models import User
from accounts.recovery.api.actions import RecoveryActions
from tenants.kernel import request as request_info
from tenants.kernel.errors import BadToken
from tenants.kernel.viewsets import ANYONE, BY_KEY, CONFINED, SIGNED_IN, DeclaredViewSet


@cache_control(public=True, max_age=300)
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys that verify our tokens (RFC 7517)."""
    documents = []
    for kid, key in keys.ring().public_keys.items():
        document = RSAAlgorithm.to_jwk(key, as_dict=True)
        document.pop("key_ops", None)
        documents.append({**document, "kid": kid, "use": "sig", "alg": "RS256"})
    return JsonResponse({"keys": documents})


def _user(request: Request) -> User:
    """The signed-in user; authentication has put a row of ours there."""
    return cast(User, request.user)


class AuthViewSet(ProofActions, RecoveryActions, DeclaredViewSet):
    """Log-in, tokens and the active organization."""

    serializer_class = LoginIn
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "login": ANYONE,
        "token": ANYONE,
        "refresh": ANYONE,
        "logout": SIGNED_IN,
        "me": SIGNED_IN,
        "switch_organization": SIGNED_IN,
        **ProofActions.proof_permissions,
        **RecoveryActions.recovery_permissions,
    }
    throttles: ClassVar[dict[str, str]] = {
        "login": "login",
        "token": "login",
        "refresh": "refresh",
        "prove": "secret",
        **RecoveryActions.recovery_throttles,
    }
    open_to: ClassVar[dict[str, frozenset[str]]] = {
        BY_KEY: frozenset({"me"}),
        CONFINED: frozenset({"me", "logout", "switch_organization", "prove", "prove_options"}),
    }

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    def _host_tenant_id(self, request: Request) -> UUID | None:
        """The institution on whose host the request came, or None on the platform's."""
        on_platform = getattr(request._request, "on_platform", False)
        tenant = None if on_platform else request._request.tenant  # type: ignore[attr-defined]
        return tenant.id if tenant else None

    def _login(self, request: Request) -> Response:
        data = self._read(LoginIn)
        _, pair = services.sign_in(
            email=data["email"],
            password=data["password"],
            tenant_id=self._host_tenant_id(request),
            device=request.headers.get("User-Agent", ""),
            address=request_info.current().address,
        )
        return Response(client.tokens(pair))

    @extend_schema(request=LoginIn, responses=TokensOut, summary="Log in", tags=["auth"])
    @action(detail=False, methods=["post"])
    def login(self, request: Request) -> Response:
        """Tokens for an e-mail address (in any case) and a password.

        On an institution's host the user must have a place there; on the platform's host the session
        begins where he worked last.
        """
        return self._login(request)

    @extend_schema(request=LoginIn, responses=TokensOut, summary="Log in (alias)", tags=["auth"])
    @action(detail=False, methods=["post"])
    def token(self, request: Request) -> Response:
        """The same as `login`."""
        return self._login(request)

    @extend_schema(request=RefreshIn, responses=TokensOut, summary="Refresh tokens", tags=["auth"])
    @action(detail=False, methods=["post"])
    def refresh(self, request: Request) -> Response:
        """With the refresh token in the body it is rotated; as bearer, with an empty body, it stays."""
        given = self._read(RefreshIn).get("refresh_token") or ""
        token = given or token_module.bearer_of(request._request)
        if not token:
            raise BadToken()
        pair = services.session_refresh(
            token=token, rotate=bool(given), host_tenant_id=self._host_tenant_id(request)
        )
        return Response(client.tokens(pair))

    @extend_schema(request=None, responses={204: None}, summary="Log out", tags=["auth"])
    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> Response:
        """Ends the session: all its tokens stop working."""
        services.session_close(session_id=self.principal.session_id, actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses=MeOut, summary="Who am I", tags=["auth"])
    @action(detail=False, methods=["get"])
    def me(self, request: Request) -> Response:
        """The signed-in user, the place where he works now, and the others he could switch to."""
        return Response(MeOut(self._described(_user(request))).data)

    def _described(self, user: User) -> dict[str, Any]:
        """A hook: what apps above add to it."""
        return client.me(user, self.principal)

    @extend_schema(
        request=SwitchIn, responses=TokensOut, summary="Work in another organization", tags=["auth"]
    )
    @action(detail=False, methods=["post"], url_path="switch-organization")
    def switch_organization(self, request: Request) -> Response:
        """New tokens for another organization of which the user is a member.

        Administrators of an institution may switch to each of its organizations, or with `tenant_id` to the
        institution as a whole. On an institution's host one stays within it.
        """
        data = self._read(SwitchIn)
        _, pair = services.session_switch(
            session_id=self.principal.session_id,
            user=_user(request),
            organization_id=data.get("organization_id"),
            tenant_id=data.get("tenant_id"),
            host_tenant_id=self._host_tenant_id(request),
            actor=self.principal.actor,
        )
        return Response(client.tokens(pair))

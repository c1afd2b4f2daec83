"""Second factors over HTTP: the second half of a sign-in, enrolment, recovery, reset."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.conf import settings
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts
from accounts.api import client
from accounts.api.serializers import TokensOut
from accounts.mfa import selectors, services
from accounts.mfa.api.serializers import (
    CodeIn,
    EnrolmentOut,
    MfaOut,
    MfaResetIn,
    RecoveryCodesOut,
    VerifyAskIn,
    VerifyIn,
)
from accounts.mfa.api.webauthn import RequestOptionsOut
from accounts.mfa.proofs import Given
from accounts.models import User
from accounts.principals import SessionPrincipal
from tenants.kernel import request as request_info
from tenants.kernel.context import current_tenant, in_a_tenant
from tenants.kernel.viewsets import ANYONE, SIGNED_IN, DeclaredViewSet


class MfaViewSet(DeclaredViewSet):
    """The signed-in user's second factors."""

    serializer_class = MfaOut
    pagination_class = None
    filter_backends = ()
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "list": SIGNED_IN,
        "verify": ANYONE,
        "verify_options": ANYONE,
        "begin_totp": SIGNED_IN,
        "remove_totp": SIGNED_IN,
        "confirm_totp": SIGNED_IN,
        "renew_codes": SIGNED_IN,
        "reset": "mfa.reset",
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"begin_totp", "remove_totp", "renew_codes", "reset"})
    throttles: ClassVar[dict[str, str]] = {
        "verify": "secret",
        "verify_options": "secret",
        "confirm_totp": "secret",
    }

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    @property
    def _user(self) -> User:
        return cast(User, self.request.user)

    @extend_schema(responses=forced_singular_serializer(MfaOut), summary="Your second factors", tags=["mfa"])
    def list(self, request: Request) -> Response:
        """What is enrolled, how many recovery codes are left, and whether this place asks for a factor."""
        principal = cast(SessionPrincipal, self.principal)
        required = settings.PLATFORM_REQUIRE_MFA and principal.grants.is_super_admin
        if in_a_tenant():
            required = required or current_tenant().settings.require_mfa
        body = {
            **selectors.standing(principal.user_id),
            "required_here": required,
            "session_has_it": principal.grants.second_factor,
        }
        return Response(MfaOut(body).data)

    @extend_schema(request=VerifyIn, responses=TokensOut, summary="Log in: the second factor", tags=["mfa"])
    @action(detail=False, methods=["post"])
    def verify(self, request: Request) -> Response:
        """Tokens for the `mfa_token` of a log-in and a code, or what a passkey has signed.

        A log-in of a user with a second factor is refused with 401 `mfa_required` and the members
        `mfa_token`, `methods` and `expires_in`. The token opens one session, on the host it was given on.
        """
        data = self._read(VerifyIn)
        session, _ = services.sign_in_finish(
            token=data["mfa_token"],
            given=Given(code=data.get("code", ""), credential=data.get("credential")),
            tenant_id=self._host_tenant_id,
            device=request.headers.get("User-Agent", ""),
            address=request_info.current().address,
        )
        return Response(client.tokens(accounts.issue(session)))

    @extend_schema(
        request=VerifyAskIn,
        responses={201: RequestOptionsOut},
        summary="Log in: what a passkey signs",
        tags=["mfa"],
    )
    @action(detail=False, methods=["post"], url_path="verify/options")
    def verify_options(self, request: Request) -> Response:
        """What `navigator.credentials.get()` needs to go on with a log-in whose `methods` name `passkey`."""
        token = self._read(VerifyAskIn)["mfa_token"]
        return Response(services.sign_in_ask(token=token, tenant_id=self._host_tenant_id), status=201)

    @property
    def _host_tenant_id(self) -> UUID | None:
        """The institution on whose host the caller is; None on the platform's."""
        request: Any = self.request._request
        return None if getattr(request, "on_platform", False) else request.tenant.id

    @extend_schema(
        request=None, responses={201: EnrolmentOut}, summary="Begin with an authenticator app", tags=["mfa"]
    )
    @action(detail=False, methods=["post"], url_path="totp")
    def begin_totp(self, request: Request) -> Response:
        """A secret and its QR code, shown once. It is in force when a code of it is confirmed."""
        enrolment = services.totp_begin(user=self._user, actor=self.principal.actor)
        return Response(EnrolmentOut(enrolment).data, status=201)

    @extend_schema(request=None, responses={204: None}, summary="Remove the authenticator app", tags=["mfa"])
    @begin_totp.mapping.delete
    def remove_totp(self, request: Request) -> Response:
        """Without any second factor left the recovery codes go too."""
        services.totp_remove(user=self._user, actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(
        request=CodeIn, responses=RecoveryCodesOut, summary="Confirm the authenticator app", tags=["mfa"]
    )
    @action(detail=False, methods=["post"], url_path="totp/confirm")
    def confirm_totp(self, request: Request) -> Response:
        """Puts the app into force; answers ten recovery codes and ends every other session."""
        codes = services.totp_confirm(
            user=self._user,
            code=self._read(CodeIn)["code"],
            session_id=self.principal.session_id,
            actor=self.principal.actor,
        )
        return Response({"recovery_codes": codes})

    @extend_schema(request=None, responses=RecoveryCodesOut, summary="New recovery codes", tags=["mfa"])
    @action(detail=False, methods=["post"], url_path="recovery-codes")
    def renew_codes(self, request: Request) -> Response:
        """Ten new codes, shown once; the old ones are dead."""
        codes = services.recovery_codes_renew(user=self._user, actor=self.principal.actor)
        return Response({"recovery_codes": codes})

    @extend_schema(
        request=MfaResetIn, responses={204: None}, summary="Reset somebody's factors", tags=["mfa"]
    )
    @action(detail=False, methods=["post"])
    def reset(self, request: Request) -> Response:
        """Takes every second factor from a user who has lost his, ends his sessions, and writes to him.

        A tenant admin resets users of his institution who work nowhere else, a super admin everybody.
        """
        principal = cast(SessionPrincipal, self.principal)
        services.mfa_reset(
            user_id=self._read(MfaResetIn)["user_id"],
            tenant_id=principal.tenant_id,
            by_super_admin=principal.grants.is_super_admin,
            actor=principal.actor,
        )
        return Response(status=204)

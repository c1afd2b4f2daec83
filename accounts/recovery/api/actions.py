"""What mailed proofs add to the endpoints of signing in."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.recovery import services
from accounts.recovery.api.serializers import EmailIn, PasswordIn, PasswordResetIn, SaidOut, TokenIn
from tenants.kernel import request as request_info
from tenants.kernel.viewsets import ANYONE, SIGNED_IN


def said(sentence: str, status: int = 200) -> Response:
    """An answer for people."""
    return Response({"detail": sentence}, status=status)


class RecoveryActions:
    """Verifying an address, forgotten and changed passwords, for the viewset of signing in."""

    recovery_permissions: ClassVar[dict[str, str]] = {
        "verify_email": ANYONE,
        "disown_email": ANYONE,
        "resend_verification": SIGNED_IN,
        "forgot_password": ANYONE,
        "reset_password": ANYONE,
        "change_password": SIGNED_IN,
    }
    recovery_throttles: ClassVar[dict[str, str]] = {
        "verify_email": "secret",
        "disown_email": "secret",
        "resend_verification": "mail",
        "forgot_password": "forgot",
        "reset_password": "secret",
        "change_password": "secret",
    }

    @extend_schema(request=TokenIn, responses=SaidOut, summary="Prove an address", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="verify-email")
    def verify_email(self: Any, request: Request) -> Response:
        """The token from the letter proves the address; a new address replaces the old one by it."""
        services.address_verify(**self._read(TokenIn))
        return said("Your address is verified.")

    @extend_schema(request=TokenIn, responses=SaidOut, summary="Say that it was not you", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="disown-email")
    def disown_email(self: Any, request: Request) -> Response:
        """Somebody else registered with this address: his password and his sessions end."""
        services.address_disown(**self._read(TokenIn))
        return said("The account is closed to whoever registered it.")

    @extend_schema(request=None, responses={202: SaidOut}, summary="Send the letter again", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="resend-verification")
    def resend_verification(self: Any, request: Request) -> Response:
        """Another letter to the signed-in user's address; a few in an hour."""
        services.verification_resend(user=cast(User, request.user), actor=self.principal.actor)
        return said("A letter is on its way.", 202)

    @extend_schema(request=EmailIn, responses={202: SaidOut}, summary="Ask for a new password", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="forgot-password")
    def forgot_password(self: Any, request: Request) -> Response:
        """A letter with a link, if there is an account; the answer never says whether."""
        services.password_forgot(**self._read(EmailIn))
        return said("If there is an account with this address, a letter is on its way.", 202)

    @extend_schema(request=PasswordResetIn, responses=SaidOut, summary="Reset the password", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="reset-password")
    def reset_password(self: Any, request: Request) -> Response:
        """With the token from the letter, once. Every session ends; a weak password leaves the token good."""
        services.password_reset(**self._read(PasswordResetIn))
        return said("The password is set; sign in with it.")

    @extend_schema(request=PasswordIn, responses=SaidOut, summary="Change the password", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="change-password")
    def change_password(self: Any, request: Request) -> Response:
        """Needs the present one (400 `wrong_password`); every other session ends."""
        data = self._read(PasswordIn)
        services.password_change(
            user=cast(User, request.user),
            session_id=self.principal.session_id,
            current=data["current_password"],
            password=data["new_password"],
            address=request_info.current().address,
            actor=self.principal.actor,
        )
        return said("The password is changed; your other sessions have ended.")

"""What second factors add to the endpoints of signing in."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.mfa import services
from accounts.mfa.api.serializers import ProofIn, ProofOut
from accounts.mfa.api.webauthn import RequestOptionsOut
from accounts.mfa.proofs import Given
from accounts.models import User
from tenants.kernel.viewsets import SIGNED_IN


class ProofActions:
    """``POST auth/step-up``, for the viewset of signing in."""

    proof_permissions: ClassVar[dict[str, str]] = {"prove": SIGNED_IN, "prove_options": SIGNED_IN}

    @extend_schema(
        request=ProofIn, responses=ProofOut, summary="Prove anew that it is you (step-up)", tags=["auth"]
    )
    @action(detail=False, methods=["post"], url_path="step-up", url_name="step-up")
    def prove(self: Any, request: Request) -> Response:
        """A fresh proof for dangerous actions, remembered on this session for a few minutes.

        Takes a second factor (or a recovery code), and the password only where the user has none. For a
        passkey ask `POST /auth/step-up/options` first. Wrong
        ones are counted: after five the answer is 429, for longer each time.
        """
        given = Given(**self._read(ProofIn))
        method, until = services.session_prove(
            session_id=self.principal.session_id,
            user=cast(User, request.user),
            given=given,
            actor=self.principal.actor,
        )
        return Response(ProofOut({"method": method, "proved_until": until}).data)

    @extend_schema(
        request=None, responses={201: RequestOptionsOut}, summary="Step-up: what to sign", tags=["auth"]
    )
    @action(detail=False, methods=["post"], url_path="step-up/options", url_name="step-up-options")
    def prove_options(self: Any, request: Request) -> Response:
        """What `navigator.credentials.get()` needs. Good for five minutes and one answer of this session."""
        options = services.session_ask(session_id=self.principal.session_id, user=cast(User, request.user))
        return Response(options, status=201)

"""What second factors add to the endpoints of signing in."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.mfa import services
from accounts.mfa.api.serializers import ProofIn, ProofOut
from accounts.mfa.proofs import Given
from accounts.models import User
from tenants.kernel.viewsets import SIGNED_IN


class ProofActions:
    """``POST auth/step-up``, for the viewset of signing in."""

    proof_permissions: ClassVar[dict[str, str]] = {"prove": SIGNED_IN}

    @extend_schema(
        request=ProofIn, responses=ProofOut, summary="Prove anew that it is you (step-up)", tags=["auth"]
    )
    @action(detail=False, methods=["post"], url_path="step-up", url_name="step-up")
    def prove(self: Any, request: Request) -> Response:
        """A fresh proof for dangerous actions, remembered on this session for a few minutes.

        Takes a second factor (or a recovery code), and the password only where the user has none. Wrong
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

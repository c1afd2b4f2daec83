"""The signed-in user's sessions."""

from __future__ import annotations

from typing import ClassVar, cast
from uuid import UUID

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts
from accounts.models import AuthSession, User
from accounts.profiles import selectors
from accounts.profiles.api.serializers import EndedOut, SessionOut, SessionsOut
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import SIGNED_IN, DeclaredViewSet


class SessionViewSet(DeclaredViewSet):
    """Where the signed-in user is signed in."""

    queryset = AuthSession.objects.none()  # for the description only
    serializer_class = SessionOut
    pagination_class = None
    filter_backends = ()
    permissions: ClassVar[dict[str, str]] = {
        "list": SIGNED_IN,
        "destroy": SIGNED_IN,
        "end_others": SIGNED_IN,
        "end_all": SIGNED_IN,
    }

    @extend_schema(
        responses=forced_singular_serializer(SessionsOut), summary="List my sessions", tags=["users"]
    )
    def list(self, request: Request) -> Response:
        """Every open session: device, address, when it was last seen, and which one is this."""
        rows = selectors.sessions_of(cast(User, request.user))
        context = {"current": self.principal.session_id}
        items = SessionOut(rows, many=True, context=context).data
        return Response({"items": items, "total": len(items)})

    @extend_schema(responses={204: None}, summary="End one of my sessions", tags=["users"])
    def destroy(self, request: Request, pk: str) -> Response:
        """All its tokens stop working; 404 for a session of somebody else."""
        accounts.user_session_end(
            user=cast(User, request.user), session_id=_uuid(pk), actor=self.principal.actor
        )
        return Response(status=204)

    @extend_schema(request=None, responses=EndedOut, summary="End my other sessions", tags=["users"])
    @action(detail=False, methods=["post"], url_path="end-others")
    def end_others(self, request: Request) -> Response:
        """Every session but this one."""
        return self._end(request, keep=self.principal.session_id)

    @extend_schema(request=None, responses=EndedOut, summary="End all my sessions", tags=["users"])
    @action(detail=False, methods=["post"], url_path="end-all")
    def end_all(self, request: Request) -> Response:
        """Every session, this one too."""
        return self._end(request, keep=None)

    def _end(self, request: Request, *, keep: UUID | None) -> Response:
        ended = accounts.user_sign_out(user=cast(User, request.user), keep=keep, actor=self.principal.actor)
        return Response({"ended": ended})


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Absent() from None

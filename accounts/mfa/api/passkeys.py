"""Passkeys over HTTP: made, listed, named, removed."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.mfa import passkeys, selectors
from accounts.mfa.api.webauthn import (
    CreationOptionsOut,
    PasskeyAddedOut,
    PasskeyAddIn,
    PasskeyNameIn,
    PasskeyOut,
)
from accounts.mfa.models import Passkey
from accounts.models import User
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import SIGNED_IN, DeclaredViewSet


class PasskeyViewSet(DeclaredViewSet):
    """The signed-in user's passkeys (WebAuthn), a second factor beside the password."""

    queryset = Passkey.objects.none()  # for the description only
    serializer_class = PasskeyOut
    pagination_class = None
    filter_backends = ()
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "list": SIGNED_IN,
        "create": SIGNED_IN,
        "begin": SIGNED_IN,
        "partial_update": SIGNED_IN,
        "destroy": SIGNED_IN,
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"create", "begin", "partial_update", "destroy"})

    @property
    def _user(self) -> User:
        return cast(User, self.request.user)

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    @extend_schema(responses=PasskeyOut(many=True), summary="Your passkeys", tags=["mfa"])
    def list(self, request: Request) -> Response:
        """All of them, on whichever host they were made."""
        return Response(PasskeyOut(selectors.passkeys_of(self._user.id), many=True).data)

    @extend_schema(
        request=None, responses={201: CreationOptionsOut}, summary="Begin with a passkey", tags=["mfa"]
    )
    @action(detail=False, methods=["post"], url_path="options")
    def begin(self, request: Request) -> Response:
        """What `navigator.credentials.create()` needs. Good for five minutes and one answer of this session.

        The passkey is for the host of the page that asks: this one, or the front end's that CORS allows.
        """
        options = passkeys.passkey_begin(user=self._user, session_id=self.principal.session_id)
        return Response(options, status=201)

    @extend_schema(
        request=PasskeyAddIn, responses={201: PasskeyAddedOut}, summary="Add a passkey", tags=["mfa"]
    )
    def create(self, request: Request) -> Response:
        """Puts it into force, and ends every other session that was opened without a second factor."""
        key, codes = passkeys.passkey_add(
            user=self._user,
            session_id=self.principal.session_id,
            actor=self.principal.actor,
            **{"name": "", **self._read(PasskeyAddIn)},
        )
        return Response({"passkey": PasskeyOut(key).data, "recovery_codes": codes}, status=201)

    @extend_schema(request=PasskeyNameIn, responses=PasskeyOut, summary="Rename a passkey", tags=["mfa"])
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give one of your passkeys another name."""
        key = passkeys.passkey_rename(
            user=self._user,
            passkey_id=_id(pk),
            name=self._read(PasskeyNameIn)["name"],
            actor=self.principal.actor,
        )
        return Response(PasskeyOut(key).data)

    @extend_schema(request=None, responses={204: None}, summary="Remove a passkey", tags=["mfa"])
    def destroy(self, request: Request, pk: str) -> Response:
        """Without any second factor left the recovery codes go too."""
        passkeys.passkey_remove(user=self._user, passkey_id=_id(pk), actor=self.principal.actor)
        return Response(status=204)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Absent() from None

"""Keys of programs over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_keys import selectors, services
from accounts.api_keys.api.serializers import KeyIn, KeyOut, KeyWithSecretOut, RotateIn
from accounts.api_keys.models import ApiKey
from accounts.models import User
from accounts.principals import SessionPrincipal
from tenants.kernel.viewsets import DeclaredViewSet


class ApiKeyViewSet(mixins.ListModelMixin, DeclaredViewSet):
    """Keys by which programs call the API in their owner's name, within their scopes.

    A key is sent as `Authorization: Bearer drp_live_...`. It may what its scopes say and its owner still
    may; it makes no keys, changes nothing of the account, and never counts as a proof.
    """

    serializer_class = KeyOut
    keeps_answers = False
    module = "api_keys"
    permissions: ClassVar[dict[str, str]] = {
        "list": "api_keys.use",
        "retrieve": "api_keys.use",
        "create": "api_keys.use",
        "destroy": "api_keys.use",
        "rotate": "api_keys.use",
    }
    step_up: ClassVar[frozenset[str]] = frozenset({"create", "rotate"})
    throttles: ClassVar[dict[str, str]] = {"create": "secret", "rotate": "secret"}

    @property
    def _principal(self) -> SessionPrincipal:
        return cast(SessionPrincipal, self.principal)

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):  # the schema generator has no caller
            return ApiKey.objects.none()
        return selectors.keys_for(self._principal)

    @extend_schema(summary="List keys", tags=["api keys"])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Your keys in this institution; who runs an organization sees its members' keys too."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=KeyOut, summary="A key", tags=["api keys"])
    def retrieve(self, request: Request, pk: str) -> Response:
        """One key, without its secret."""
        return Response(KeyOut(selectors.key_for(self._principal, pk)).data)

    @extend_schema(request=KeyIn, responses={201: KeyWithSecretOut}, summary="Make a key", tags=["api keys"])
    def create(self, request: Request) -> Response:
        """A key for your active organization. Its secret is in this answer and nowhere else.

        Needs a fresh proof (`POST /auth/step-up`). Scopes are permissions that you hold yourself.
        """
        key, secret = services.key_create(
            principal=self._principal,
            user=cast(User, request.user),
            **self._read(KeyIn),
            actor=self.principal.actor,
        )
        return Response({**KeyOut(key).data, "secret": secret}, status=201)

    @extend_schema(responses={204: None}, summary="Revoke a key", tags=["api keys"])
    def destroy(self, request: Request, pk: str) -> Response:
        """It stops working at once: yours, or a key of an organization that you run."""
        services.key_revoke(key=selectors.key_for(self._principal, pk), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(
        request=RotateIn, responses={201: KeyWithSecretOut}, summary="Rotate a key", tags=["api keys"]
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """A successor with the same name, place and scopes; the old key works on for some hours."""
        key, secret = services.key_rotate(
            key_id=selectors.key_for(self._principal, pk).id,
            principal=self._principal,
            overlap=timedelta(hours=self._read(RotateIn)["overlap_hours"]),
            actor=self.principal.actor,
        )
        return Response({**KeyOut(key).data, "secret": secret}, status=201)

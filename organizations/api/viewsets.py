"""Organizations, and registering on the platform."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.viewsets import AuthViewSet as AccountsAuthViewSet
from organizations import services
from organizations.api.serializers import OrganizationIn, OrganizationOut, RegisterIn
from organizations.models import Organization
from tenants.kernel.viewsets import ANYONE, OwnedViewSet


class AuthViewSet(AccountsAuthViewSet):
    """Identity's endpoints and, since a new individual gets an organization, registration."""

    permissions: ClassVar[dict[str, str]] = {**AccountsAuthViewSet.permissions, "register": ANYONE}

    @extend_schema(
        request=RegisterIn, responses={201: None}, summary="Register as an individual", tags=["auth"]
    )
    @action(detail=False, methods=["post"])
    def register(self, request: Request) -> Response:
        """A new account with a personal workspace. Roles are never taken from the request."""
        data = self._read(RegisterIn)
        user = services.individual_register(**data)
        body = {"id": user.id, "email": user.email, "full_name": user.profile.full_name, "role": "user"}
        return Response(body, status=201)


class OrganizationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Organizations of the tenant that the caller may see."""

    model = Organization
    serializer_class = OrganizationOut
    list_aliases: ClassVar[dict[str, str]] = {"list": "organizations"}
    permissions: ClassVar[dict[str, str]] = {
        "list": "organizations.read",
        "retrieve": "organizations.read",
        "create": "organizations.create",
    }

    @extend_schema(request=OrganizationIn, responses={201: OrganizationOut}, summary="Create an organization")
    def create(self, request: Request) -> Response:
        """A new organization of this tenant (tenant admins)."""
        serializer = OrganizationIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        organization = services.organization_create(**data, actor=self.principal.actor)
        return Response(OrganizationOut(organization).data, status=201)

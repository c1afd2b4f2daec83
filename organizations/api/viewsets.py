"""Organizations, and registering on the platform."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.viewsets import AuthViewSet as AccountsAuthViewSet
from accounts.standing.api.serializers import UserOut
from accounts.standing.selectors import reach_of, rows_of
from organizations import services
from organizations.api.serializers import OrganizationIn, OrganizationOut
from organizations.models import Organization
from organizations.onboarding import services as onboarding
from organizations.onboarding.api import CreateUserIn, RegisteredOut, RegisterIn
from tenants.kernel.viewsets import ANYONE, OwnedViewSet


class AuthViewSet(AccountsAuthViewSet):
    """Identity's endpoints and, since a new individual gets an organization, registration."""

    permissions: ClassVar[dict[str, str]] = {
        **AccountsAuthViewSet.permissions,
        "register": ANYONE,
        "create_user": "members.change",
    }
    throttles: ClassVar[dict[str, str]] = {
        **AccountsAuthViewSet.throttles,
        "register": "register",
        "create_user": "mail",
    }

    @extend_schema(request=RegisterIn, responses={201: RegisteredOut}, summary="Register", tags=["auth"])
    @action(detail=False, methods=["post"])
    def register(self, request: Request) -> Response:
        """A new account with a personal workspace, and a letter that proves the address.

        With `organization_name` an institution (on the platform's host) or an organization (on an
        institution's host) is opened once the address is proved, where that is allowed. Roles are never
        taken from the request. The answer is the same for an address that has an account.
        """
        data = self._read(RegisterIn)
        onboarding.registration_accept(**data)
        body = {"email": data["email"], "full_name": data.get("full_name", ""), "role": "user"}
        return Response(RegisteredOut({**body, "username": data.get("username", "")}).data, status=201)

    @extend_schema(request=CreateUserIn, responses={201: UserOut}, summary="Make a user", tags=["auth"])
    @action(detail=False, methods=["post"], url_path="admin/create-user")
    def create_user(self, request: Request) -> Response:
        """An account with a role not above the caller's, in his organization, tenant or on the platform."""
        user = onboarding.user_make(**self._read(CreateUserIn), principal=self.principal)
        [row] = rows_of([user], reach_of(self.principal))
        return Response(UserOut(row).data, status=201)


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

"""Organizations, and registering on the platform."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.users import UserViewSet as AccountsUserViewSet
from accounts.api.viewsets import AuthViewSet as AccountsAuthViewSet
from accounts.models import User
from accounts.selectors import members_of
from accounts.standing.api.serializers import UserOut
from accounts.standing.selectors import reach_of, rows_of
from organizations.api import client as organization_client
from organizations.api.member_actions import USER_ID, MemberFilter, user_id_of
from organizations.api.serializers import ActivateIn, MemberOut, RoleIn
from organizations.joining.api.serializers import JoinedOut, JoinIn
from organizations.joining.api.viewsets import joined_body
from organizations.joining.services import entering
from organizations.models import Organization
from organizations.onboarding import services as onboarding
from organizations.onboarding.api import CreateUserIn, RegisteredOut, RegisterIn
from organizations.selectors import working_organization
from organizations.services import members
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Absent, InvalidInput
from tenants.kernel.filters import narrowed
from tenants.kernel.viewsets import ANYONE, SIGNED_IN


class AuthViewSet(AccountsAuthViewSet):
    """Identity's endpoints and, since a new individual gets an organization, registration."""

    permissions: ClassVar[dict[str, str]] = {
        **AccountsAuthViewSet.permissions,
        "register": ANYONE,
        "create_user": "members.change",
        "join": SIGNED_IN,
    }
    throttles: ClassVar[dict[str, str]] = {
        **AccountsAuthViewSet.throttles,
        "register": "register",
        "create_user": "mail",
        "join": "secret",
    }

    def _described(self, user: User) -> dict[str, Any]:
        return organization_client.me(user, self.principal)

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

    @extend_schema(
        request=JoinIn, responses=JoinedOut, summary="Join an organization", tags=["auth", "joining"]
    )
    @action(detail=False, methods=["post"])
    def join(self, request: Request) -> Response:
        """By a join token, a short code or an invitation, with a verified address.

        The whitelist is asked where the organization wants it. What the caller made in his personal
        workspace stays his; a session that works there goes on in the organization.
        """
        data = self._read(JoinIn)
        user = cast(User, request.user)
        if data["email"].strip() and data["email"].strip().lower() != user.email.lower():
            error = {
                "pointer": "/email",
                "code": "other_address",
                "detail": "Use the address of your account.",
            }
            raise InvalidInput(errors=[error])
        joined = entering.join(
            user=user,
            secret=data["secret"],
            session_id=self.principal.session_id,
            actor=self.principal.actor,
        )
        return Response(JoinedOut(joined_body(joined)).data)


class UserViewSet(AccountsUserViewSet):
    """Identity's endpoints about users and, since they need an organization, those about members."""

    permissions: ClassVar[dict[str, str]] = {
        **AccountsUserViewSet.permissions,
        "organization_members": "members.read",
        "member_role": "members.change",
        "member_activate": "members.change",
    }
    list_aliases: ClassVar[dict[str, str]] = {
        **getattr(AccountsUserViewSet, "list_aliases", {}),
        "organization_members": "users",
    }

    def _described(self, user: User) -> dict[str, Any]:
        return organization_client.me(user, self.principal)

    def _here(self) -> UUID:
        """The organization that the request is about: the one that is named, else the active one."""
        named = self.request.query_params.get("organization_id")
        if named is None:
            return working_organization(self.principal)
        try:
            wanted = UUID(named)
        except ValueError:
            raise Absent() from None
        if not Organization.objects.filter(id=wanted).exists():
            raise Absent()
        return wanted

    def _body(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    @extend_schema(
        responses=MemberOut(many=True), summary="Members of the active organization", tags=["users"]
    )
    @action(detail=False, methods=["get"], url_path="organization-members", filterset_class=MemberFilter)
    def organization_members(self, request: Request) -> Response:
        """Of the active organization, or of `organization_id`."""
        rows = members_of({self._here()}, tenant_id=current_tenant().id)
        page = self.paginate_queryset(narrowed(MemberFilter, rows, request))
        body = [organization_client.member(membership) for membership in page or []]
        return self.get_paginated_response(MemberOut(body, many=True).data)

    @extend_schema(
        parameters=[USER_ID],
        request=RoleIn,
        responses=MemberOut,
        summary="Change a member's role",
        tags=["users"],
    )
    @action(detail=False, methods=["put"], url_path=r"members/(?P<user_id>[^/.]+)/role")
    def member_role(self, request: Request, user_id: str) -> Response:
        """In the active organization, or in `?organization_id=`."""
        membership = members.member_role_change(
            user_id=user_id_of(user_id),
            organization_id=self._here(),
            role=self._body(RoleIn)["role"],
            actor=self.principal.actor,
        )
        return Response(MemberOut(organization_client.member(membership)).data)

    @extend_schema(
        parameters=[USER_ID],
        request=ActivateIn,
        responses=MemberOut,
        summary="Let a member in, or keep him out",
        tags=["users"],
    )
    @action(detail=False, methods=["put"], url_path=r"members/(?P<user_id>[^/.]+)/activate")
    def member_activate(self, request: Request, user_id: str) -> Response:
        """`is_active` false keeps him out of this organization; his account and other places stay."""
        membership = members.member_state_change(
            user_id=user_id_of(user_id),
            organization_id=self._here(),
            is_active=self._body(ActivateIn)["is_active"],
            actor=self.principal.actor,
        )
        return Response(MemberOut(organization_client.member(membership)).data)

"""Members and admins of an organization, as actions on it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import MembershipState
from accounts.permissions import Role
from accounts.selectors import members_of
from organizations.api import client
from organizations.api.serializers import MemberIn, MemberOut, UserIdIn
from organizations.joining.api.serializers import InvitationOut
from organizations.joining.services import invitations
from organizations.models import Organization
from organizations.services import members
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.filters import BooleanFilter, narrowed
from tenants.kernel.viewsets import OwnedViewSet

MEMBER_PERMISSIONS = {
    "users": "members.read",
    "members": "members.read",
    "add_member": "members.change",
    "remove_member": "members.change",
    "leave": "organizations.read",
    "admins": "members.read",
    "grant_admin": "admins.change",
    "revoke_admin": "admins.change",
}
USER = r"(?P<user_id>[^/.]+)"
USER_ID = OpenApiParameter("user_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
if TYPE_CHECKING:
    _Base = OwnedViewSet
else:
    _Base = object


class MemberFilter(filters.FilterSet):
    """Which members."""

    search = filters.CharFilter(method="_search", help_text="Part of the address or the name.")
    role = filters.CharFilter(
        method="_role", help_text="owner, admin, analyst, viewer, org_admin, org_member."
    )
    is_active = BooleanFilter(method="_is_active")

    def _search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(Q(user__email__icontains=value) | Q(user__profile__full_name__icontains=value))

    def _role(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        groups = {"org_admin": [Role.OWNER, Role.ADMIN], "org_member": [Role.ANALYST, Role.VIEWER]}
        return rows.filter(role__in=groups.get(value, [value]))

    def _is_active(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        enters = Q(state=MembershipState.ACTIVE, user__is_active=True)
        return rows.filter(enters if value else ~enters)


def user_id_of(text: str) -> UUID:
    """The id of a person in an address; raises Absent for what is none."""
    with suppress(ValueError):
        return UUID(text)
    raise Absent()


class MemberActions(_Base):
    """Who works in an organization. Listing is for its admins; anybody may leave."""

    def _people(self, rows: QuerySet[Any]) -> Response:
        page = self.paginate_queryset(narrowed(MemberFilter, rows, self.request))
        body = [client.member(membership) for membership in page or []]
        return self.get_paginated_response(MemberOut(body, many=True).data)

    def _members(self) -> QuerySet[Any]:
        return members_of({self.get_object().id}, tenant_id=current_tenant().id)

    @extend_schema(responses=MemberOut(many=True), summary="Members of an organization (alias)")
    @action(detail=True, methods=["get"])
    def users(self, request: Request, pk: str) -> Response:
        """The same as `members`."""
        return self._people(self._members())

    @extend_schema(responses=MemberOut(many=True), summary="Members of an organization")
    @action(detail=True, methods=["get"])
    def members(self, request: Request, pk: str) -> Response:
        """Everybody with a membership, in the order of joining; those kept out are among them."""
        return self._people(self._members())

    @extend_schema(
        request=MemberIn,
        responses={201: MemberOut, 202: InvitationOut},
        summary="Add a member",
    )
    @members.mapping.post
    def add_member(self, request: Request, pk: str) -> Response:
        """Somebody of the institution becomes a member at once (201); others are invited by mail (202)."""
        organization: Organization = self.get_object()
        data = self._read(MemberIn)  # type: ignore[attr-defined]
        membership, invitation = invitations.member_add_or_invite(
            organization=organization, **data, actor=self.principal.actor
        )
        if membership is None:
            return Response(InvitationOut(invitation).data, status=202)
        return Response(MemberOut(client.member(membership)).data, status=201)

    @extend_schema(parameters=[USER_ID], responses={204: None}, summary="Remove a member")
    @action(detail=True, methods=["delete"], url_path=f"members/{USER}")
    def remove_member(self, request: Request, pk: str, user_id: str) -> Response:
        """His access ends at once; what he made stays. The owner transfers the organization first."""
        organization = self.get_object()
        members.member_remove(
            user_id=user_id_of(user_id), organization_id=organization.id, actor=self.principal.actor
        )
        return Response(status=204)

    @extend_schema(request=None, responses={204: None}, summary="Leave an organization")
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: str) -> Response:
        """The caller's own membership ends; what he made stays. The owner gives the ownership away first."""
        members.member_leave(organization_id=self.get_object().id, actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(responses=MemberOut(many=True), summary="Admins of an organization")
    @action(detail=True, methods=["get"])
    def admins(self, request: Request, pk: str) -> Response:
        """Its owner and its admins."""
        return self._people(self._members().filter(role__in=[Role.OWNER, Role.ADMIN]))

    @extend_schema(request=UserIdIn, responses=MemberOut, summary="Make a member an admin")
    @admins.mapping.post
    def grant_admin(self, request: Request, pk: str) -> Response:
        """The owner's to give, and of those above him."""
        organization = self.get_object()
        data = self._read(UserIdIn)  # type: ignore[attr-defined]
        membership = members.admin_grant(
            user_id=data["user_id"], organization_id=organization.id, actor=self.principal.actor
        )
        return Response(MemberOut(client.member(membership)).data)

    @extend_schema(parameters=[USER_ID], responses={200: MemberOut}, summary="Take an admin's role away")
    @action(detail=True, methods=["delete"], url_path=f"admins/{USER}")
    def revoke_admin(self, request: Request, pk: str, user_id: str) -> Response:
        """He stays as an analyst."""
        organization = self.get_object()
        membership = members.admin_revoke(
            user_id=user_id_of(user_id), organization_id=organization.id, actor=self.principal.actor
        )
        return Response(MemberOut(client.member(membership)).data)

"""Operations under the names that the JSON client calls, those about organizations among them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Role
from organizations import selectors
from organizations.api import client
from organizations.api.serializers import AssignedOut, AssignIn
from organizations.api.tenants.viewsets import TenantAdminViewSet as OpeningViewSet
from organizations.models import Organization
from organizations.services import members
from tenants.kernel.context import TenantRef
from tenants.kernel.errors import Absent


def said(request: Request, field: str) -> Any:
    """What a body says before it is checked; None where it is no object at all."""
    return request.data.get(field) if isinstance(request.data, dict) else None


@extend_schema(tags=["tenants"])
class TenantAdminViewSet(OpeningViewSet):
    """Opening an institution with its admin, and assigning people to organizations."""

    serializer_class = AssignIn
    permissions: ClassVar[dict[str, str]] = {
        **OpeningViewSet.permissions,
        "assign_user_to_organization": "organizations.govern",
    }

    def elsewhere(self, request: Request) -> TenantRef | None:
        """For operators on the platform's host: the tenant of the organization that is named."""
        with suppress(ValueError):
            return selectors.tenant_of(UUID(str(said(request, "organization_id"))))
        return None

    def _read(self, serializer_class: type[Any]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data

    @extend_schema(request=AssignIn, responses=AssignedOut, summary="Assign somebody to an organization")
    @action(detail=False, methods=["post"], url_path="assign-user-to-organization")
    def assign_user_to_organization(self, request: Request) -> Response:
        """Somebody of the institution, in a role; with `from_organization_id` he moves.

        The first `org_admin` of an organization without an owner becomes its owner.
        """
        data = self._read(AssignIn)
        organization = Organization.objects.filter(id=data["organization_id"]).first()
        if organization is None:
            raise Absent()
        role = data["role"]
        if said(request, "role") == "org_admin" and not selectors.has_owner(organization):
            role = Role.OWNER
        membership = members.member_assign(
            email=data["user_email"],
            organization_id=organization.id,
            role=role,
            move_from=data.get("from_organization_id"),
            actor=self.principal.actor,
        )
        return Response(AssignedOut(client.assigned(membership, organization.name)).data)

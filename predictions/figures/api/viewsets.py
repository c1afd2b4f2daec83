"""Endpoints of dashboards: everything a role's first page shows, in one call."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Profile
from organizations.selectors import global_data_allowed, names_of
from predictions.figures import boards
from predictions.figures.api.serializers import (
    AnalystBoardOut,
    BoardIn,
    ClientDashboardOut,
    ClientIn,
    MineOut,
    OrganizationBoardOut,
    PersonalBoardOut,
    PlatformBoardOut,
    TenantBoardOut,
)
from predictions.selectors import in_reference
from tenants.kernel.context import in_a_tenant, in_public
from tenants.kernel.viewsets import DeclaredViewSet


@extend_schema(tags=["dashboards"])
class DashboardViewSet(DeclaredViewSet):
    """Figures of the dashboards. They are counted anew once something has changed, and not before."""

    permissions: ClassVar[dict[str, str]] = {
        "mine": "predictions.read",
        "platform": "platform.read",
        "tenant": "tenant.read",
        "organization": "members.read",
        "analyst": "predictions.read",
        "personal": "predictions.read",
    }

    def _kind(self) -> str | None:
        given = BoardIn(data=self.request.query_params)
        given.is_valid(raise_exception=True)
        kind: str | None = given.validated_data.get("kind")
        return kind

    @extend_schema(responses=MineOut, summary="The dashboard to begin with", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def mine(self, request: Request) -> Response:
        """By the role in which the caller works now."""
        name = boards.board_of(self.principal)
        return Response(MineOut({"dashboard": name, "address": f"/api/v1/dashboards/{name}"}).data)

    @extend_schema(responses=PlatformBoardOut, summary="Dashboard of super admins", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def platform(self, request: Request) -> Response:
        """People, tenants, calls and how they were answered, uptime, and what happened last."""
        return Response(PlatformBoardOut(boards.platform()).data)

    @extend_schema(responses=TenantBoardOut, summary="Dashboard of tenant admins", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def tenant(self, request: Request) -> Response:
        """Organizations with people, state, risk and what was done there; up to 100 of them."""
        return Response(TenantBoardOut(boards.tenant()).data)

    @extend_schema(
        parameters=[BoardIn],
        responses=OrganizationBoardOut,
        summary="Dashboard of organization admins",
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def organization(self, request: Request) -> Response:
        """What is tracked, how risky it is, what was scored last, the team and what it did."""
        reach = self.principal.organizations_with("members.read")
        return Response(OrganizationBoardOut(boards.organization(reach, self._kind())).data)

    @extend_schema(
        parameters=[BoardIn], responses=AnalystBoardOut, summary="Dashboard of analysts", filters=False
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def analyst(self, request: Request) -> Response:
        """The portfolio by quarter, the riskiest companies, and what was scored last with its change."""
        return Response(AnalystBoardOut(boards.analyst(self._kind())).data)

    @extend_schema(
        parameters=[BoardIn], responses=PersonalBoardOut, summary="Dashboard of individuals", filters=False
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def personal(self, request: Request) -> Response:
        """One's own figures beside those of the platform's reference data."""
        found = boards.personal(reference=global_data_allowed(self.principal), kind=self._kind())
        return Response(PersonalBoardOut(found).data)


@extend_schema(tags=["dashboards"])
class ClientDashboardViewSet(DeclaredViewSet):
    """The JSON client's dashboard."""

    permissions: ClassVar[dict[str, str]] = {"dashboard": "predictions.read"}

    @extend_schema(
        request=ClientIn, responses=ClientDashboardOut, summary="The JSON client's dashboard", filters=False
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def dashboard(self, request: Request) -> Response:
        """Figures of the caller's reach and, where he may read it, of the platform's reference data."""
        given = ClientIn(data=request.data)
        given.is_valid(raise_exception=True)
        # An operator on the platform's host works with the platform's own data.
        door: Any = nullcontext() if in_a_tenant() else in_reference(reason="an operator's dashboard")
        with door:
            found = boards.client(
                self.principal,
                platform_stats=given.validated_data["include_platform_stats"],
                reference=global_data_allowed(self.principal),
                names=self._names(),
            )
        return Response(ClientDashboardOut(found).data)

    def _names(self) -> dict[str, Any]:
        caller = self.principal
        with in_public():
            name = Profile.objects.filter(user_id=caller.user_id).values_list("full_name", flat=True).first()
        organization = caller.organization_id
        return {
            "user_name": name or caller.actor.label,
            "organization_name": names_of({organization}).get(organization) if organization else None,
        }

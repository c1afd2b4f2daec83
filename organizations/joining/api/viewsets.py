"""Single join links and invitations, and what people without a place do with their secrets."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import effective_role
from organizations.joining import selectors
from organizations.joining.api.serializers import (
    AcceptIn,
    InvitationOut,
    JoinedOut,
    LinkIn,
    LinkOut,
    LinkStatsOut,
    PreviewOut,
    SecretIn,
)
from organizations.joining.models import Invitation, InvitationState, JoinLink
from organizations.joining.services import entering, invitations, links
from tenants.kernel.filters import one_of
from tenants.kernel.viewsets import ANYONE, DeclaredViewSet, OwnedViewSet


def joined_body(joined: entering.Joined) -> dict[str, Any]:
    """The answer to whoever has just become a member."""
    organization, role = joined.organization, joined.membership.role
    return {
        "success": True,
        "message": f"Welcome to {organization.name}.",
        "organization_id": organization.id,
        "organization_name": organization.name,
        "tenant_id": joined.tenant.id,
        "user_role": effective_role(role),
        "membership_role": role,
    }


def _read(view: Any, serializer_class: type[Any], **options: Any) -> dict[str, Any]:
    serializer = serializer_class(data=view.request.data, **options)
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def viewer(view: Any) -> dict[str, Any]:
    """For ``LinkOut``: who looks, since a link's secret is for those who may give its role."""
    return {"viewer": view.principal.role}


@extend_schema(tags=["joining"])
class LinkViewSet(OwnedViewSet):
    """Join links of the organizations that the caller runs; they are made on the organization."""

    model = JoinLink
    serializer_class = LinkOut
    module = "joining"
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "list": "joining.read",
        "retrieve": "joining.read",
        "partial_update": "joining.change",
        "destroy": "joining.change",
        "rotate": "joining.change",
        "stats": "joining.read",
    }

    def narrow(self, rows: Any) -> Any:
        return rows.select_related("organization").order_by("-id")

    @extend_schema(responses=LinkOut(many=True), summary="Join links")
    def list(self, request: Request) -> Response:
        """Those of every organization that the caller runs, the newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(LinkOut(page, many=True, context=viewer(self)).data)

    @extend_schema(responses=LinkOut, summary="One join link")
    def retrieve(self, request: Request, pk: str) -> Response:
        """With its secret."""
        return Response(LinkOut(self.get_object(), context=viewer(self)).data)

    @extend_schema(request=LinkIn, responses=LinkOut, summary="Change a join link")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Label, role, end, limit of uses; `is_on` switches it off and on."""
        link = links.link_update(
            link=self.get_object(), changes=_read(self, LinkIn), actor=self.principal.actor
        )
        return Response(LinkOut(link, context=viewer(self)).data)

    @extend_schema(responses={204: None}, summary="Remove a join link")
    def destroy(self, request: Request, pk: str) -> Response:
        """Whoever came by it stays. The organization's own link is switched off or rotated instead."""
        links.link_delete(link=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=LinkOut, summary="Rotate a join link")
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Another secret; the old one opens nothing any more."""
        link = self.get_object()
        links.link_rotate(link=link, actor=self.principal.actor)
        return Response(LinkOut(self.get_object(), context=viewer(self)).data)

    @extend_schema(responses=LinkStatsOut, summary="Use of a join link")
    @action(detail=True, methods=["get"])
    def stats(self, request: Request, pk: str) -> Response:
        """How many came by it, when, and how many of them are members still."""
        return Response(LinkStatsOut(selectors.link_stats(self.get_object())).data)


@extend_schema(tags=["joining"])
class InvitationViewSet(OwnedViewSet):
    """Invitations of the organizations that the caller runs; they are made on the organization."""

    model = Invitation
    serializer_class = InvitationOut
    module = "joining"
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "list": "joining.read",
        "retrieve": "joining.read",
        "destroy": "joining.change",
        "resend": "joining.change",
        "revoke": "joining.change",
    }
    throttles: ClassVar[dict[str, str]] = {"resend": "mail"}

    def narrow(self, rows: Any) -> Any:
        return selectors.invitations_in(rows, one_of(self.request, "state", InvitationState.values))

    @extend_schema(
        parameters=[OpenApiParameter("state", enum=InvitationState.values)],
        responses=InvitationOut(many=True),
        summary="Invitations",
    )
    def list(self, request: Request) -> Response:
        """Those of every organization that the caller runs, the newest first; `?state=pending` narrows."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(InvitationOut(page, many=True).data)

    @extend_schema(responses=InvitationOut, summary="One invitation")
    def retrieve(self, request: Request, pk: str) -> Response:
        """How it stands; its secret is in the letter only."""
        return Response(InvitationOut(self.get_object()).data)

    @extend_schema(request=None, responses=InvitationOut, summary="Send an invitation again")
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        """With a new secret and a new end; the earlier letter opens nothing any more."""
        invitation = invitations.invitation_resend(invitation=self.get_object(), actor=self.principal.actor)
        return Response(InvitationOut(invitation).data)

    @extend_schema(responses={204: None}, summary="Revoke an invitation")
    def destroy(self, request: Request, pk: str) -> Response:
        """Its letter opens nothing any more; the row stays as a record."""
        invitations.invitation_revoke(invitation=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses={204: None}, summary="Revoke an invitation (alias)")
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """The same as DELETE."""
        return self.destroy(request, pk)


@extend_schema(tags=["joining"])
class JoinViewSet(DeclaredViewSet):
    """For people without a place: what a secret opens, and accepting an invitation by its letter alone."""

    serializer_class = SecretIn
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {"preview": ANYONE, "accept": ANYONE}
    throttles: ClassVar[dict[str, str]] = {"preview": "secret", "accept": "secret"}

    @extend_schema(request=SecretIn, responses=PreviewOut, summary="What a link, code or invitation opens")
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """The organization's name, and no more of it. In the body, so that the secret stays out of logs."""
        return Response(PreviewOut(entering.preview(_read(self, SecretIn)["token"])).data)

    @extend_schema(request=AcceptIn, responses=JoinedOut, summary="Accept an invitation")
    @action(detail=False, methods=["post"])
    def accept(self, request: Request) -> Response:
        """By the letter's token, with the account of its address or a new one; then log in."""
        data = _read(self, AcceptIn)
        joined = entering.invitation_accept(
            secret=data["token"], password=data.get("password") or None, full_name=data["full_name"]
        )
        return Response(JoinedOut(joined_body(joined)).data)

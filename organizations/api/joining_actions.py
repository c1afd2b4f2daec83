"""Ways into an organization, as actions on it: whitelist, invitations, links, code, import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import emails_of
from organizations.joining import selectors
from organizations.joining.api.serializers import (
    CodeOut,
    FileIn,
    ImportOut,
    InvitationIn,
    InvitationOut,
    LinkIn,
    LinkOut,
    RegenerateOut,
    WhitelistIn,
    WhitelistOut,
)
from organizations.joining.api.viewsets import viewer
from organizations.joining.models import Invitation, InvitationState, JoinLink, WhitelistEntry
from organizations.joining.services import codes, invitations, links, whitelist
from organizations.joining.services.whitelist import RowResult
from organizations.joining.tables import read_people
from tenants.kernel.filters import one_of
from tenants.kernel.viewsets import OwnedViewSet

JOINING_PERMISSIONS = {
    "whitelist": "joining.read",
    "whitelist_add": "joining.change",
    "whitelist_remove": "joining.change",
    "whitelist_import": "joining.change",
    "invitations": "joining.read",
    "invite": "joining.change",
    "links": "joining.read",
    "link_create": "joining.change",
    "regenerate_token": "joining.change",
    "code_rotate": "joining.change",
    "code_remove": "joining.change",
    "import_users": "joining.change",
}
JOINING_MODULES = dict.fromkeys(JOINING_PERMISSIONS, "joining")
if TYPE_CHECKING:
    _Base = OwnedViewSet
else:
    _Base = object


def _import_answer(results: Sequence[RowResult], *, preview: bool) -> Response:
    counts = Counter(result.status for result in results)
    body = {
        "preview": preview,
        "total": len(results),
        "done": counts["added"] + counts["invited"] + counts["would_be_invited"],
        "known": counts["known"],
        "refused": counts["refused"],
        "rows": results,
    }
    return Response(ImportOut(body).data)


class JoiningActions(_Base):
    """How people come into an organization; for its admins."""

    # -- whitelist ----------------------------------------------------------------------------

    @extend_schema(responses=WhitelistOut(many=True), summary="Whitelist of an organization")
    @action(detail=True, methods=["get"])
    def whitelist(self, request: Request, pk: str) -> Response:
        """Addresses and domains that may join by a link or the code."""
        rows = WhitelistEntry.objects.filter(organization=self.get_object())
        rows = selectors.entries_with(rows, request.query_params.get("search"))
        page = self.paginate_queryset(rows) or []
        emails = emails_of({entry.created_by_id for entry in page if entry.created_by_id})
        body = WhitelistOut(page, many=True, context={"emails": emails}).data
        return self.get_paginated_response(body)

    @extend_schema(
        request=WhitelistIn, responses={201: WhitelistOut}, summary="Put somebody on the whitelist"
    )
    @whitelist.mapping.post
    def whitelist_add(self, request: Request, pk: str) -> Response:
        """An address, or a whole domain, with the role that it gets."""
        entry = whitelist.entry_add(
            organization=self.get_object(),
            **self._read(WhitelistIn),  # type: ignore[attr-defined]
            actor=self.principal.actor,
        )
        return Response(WhitelistOut(entry).data, status=201)

    @extend_schema(responses={204: None}, summary="Take somebody off the whitelist")
    @action(detail=True, methods=["delete"], url_path=r"whitelist/(?P<email>[^/]+)")
    def whitelist_remove(self, request: Request, pk: str, email: str) -> Response:
        """By the address or domain as it is. Whoever has joined stays."""
        whitelist.entry_remove(
            organization=self.get_object(), email=unquote(email), actor=self.principal.actor
        )
        return Response(status=204)

    @extend_schema(
        request={"multipart/form-data": FileIn}, responses=ImportOut, summary="Put a file on the whitelist"
    )
    @action(detail=True, methods=["post"], url_path="whitelist-import", parser_classes=[MultiPartParser])
    def whitelist_import(self, request: Request, pk: str) -> Response:
        """CSV or XLSX with `email` and, if wanted, `role`; tells what became of every row."""
        organization, data = self.get_object(), self._read(FileIn)  # type: ignore[attr-defined]
        results = whitelist.entries_import(
            organization=organization,
            rows=read_people(data["file"], size=data["file"].size),
            preview=data["preview"],
            actor=self.principal.actor,
        )
        return _import_answer(results, preview=data["preview"])

    # -- invitations --------------------------------------------------------------------------

    @extend_schema(
        parameters=[OpenApiParameter("state", enum=InvitationState.values)],
        responses=InvitationOut(many=True),
        summary="Invitations of an organization",
    )
    @action(detail=True, methods=["get"])
    def invitations(self, request: Request, pk: str) -> Response:
        """The newest first; `?state=pending` (or accepted, revoked) narrows them."""
        rows = Invitation.objects.filter(organization=self.get_object())
        rows = selectors.invitations_in(rows, one_of(request, "state", InvitationState.values))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(InvitationOut(page, many=True).data)

    @extend_schema(request=InvitationIn, responses={201: InvitationOut}, summary="Invite somebody")
    @invitations.mapping.post
    def invite(self, request: Request, pk: str) -> Response:
        """A letter with a link that is good once, for that address, for a time."""
        invitation = invitations.invitation_create(
            organization=self.get_object(),
            **self._read(InvitationIn),  # type: ignore[attr-defined]
            actor=self.principal.actor,
        )
        return Response(InvitationOut(invitation).data, status=201)

    @extend_schema(
        request={"multipart/form-data": FileIn}, responses=ImportOut, summary="Invite everybody in a file"
    )
    @action(detail=True, methods=["post"], url_path="import-users", parser_classes=[MultiPartParser])
    def import_users(self, request: Request, pk: str) -> Response:
        """CSV or XLSX with `email`, and if wanted `full_name`, `role`, `job_title`; tells of every row."""
        organization, data = self.get_object(), self._read(FileIn)  # type: ignore[attr-defined]
        results = invitations.people_import(
            organization=organization,
            rows=read_people(data["file"], size=data["file"].size),
            preview=data["preview"],
            actor=self.principal.actor,
        )
        return _import_answer(results, preview=data["preview"])

    # -- links and the code -------------------------------------------------------------------

    @extend_schema(responses=LinkOut(many=True), summary="Join links of an organization")
    @action(detail=True, methods=["get"])
    def links(self, request: Request, pk: str) -> Response:
        """With their secrets; the organization's own link comes first."""
        rows = JoinLink.objects.filter(organization=self.get_object()).select_related("organization")
        rows = rows.order_by("-is_primary", "-id")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(LinkOut(page, many=True, context=viewer(self)).data)

    @extend_schema(request=LinkIn, responses={201: LinkOut}, summary="Make a join link")
    @links.mapping.post
    def link_create(self, request: Request, pk: str) -> Response:
        """With a role, an end and a limit of uses, each if wanted."""
        organization, data = self.get_object(), self._read(LinkIn)  # type: ignore[attr-defined]
        data.pop("is_on", None)
        link = links.link_create(organization=organization, **data, actor=self.principal.actor)
        return Response(LinkOut(link, context=viewer(self)).data, status=201)

    @extend_schema(request=None, responses=RegenerateOut, summary="A new join token")
    @action(detail=True, methods=["post"], url_path="regenerate-token")
    def regenerate_token(self, request: Request, pk: str) -> Response:
        """For the organization's own link; the old token opens nothing any more."""
        token = links.primary_rotate(organization=self.get_object(), actor=self.principal.actor)
        return Response({"success": True, "new_token": token, "join_url": f"/join/{token}"})

    @extend_schema(request=None, responses=CodeOut, summary="A new short code")
    @action(detail=True, methods=["post"], url_path="code")
    def code_rotate(self, request: Request, pk: str) -> Response:
        """The old one leads nowhere any more."""
        code = codes.code_rotate(organization=self.get_object(), actor=self.principal.actor)
        return Response({"code": code})

    @extend_schema(responses={204: None}, summary="Have no short code")
    @code_rotate.mapping.delete
    def code_remove(self, request: Request, pk: str) -> Response:
        """Until a new one is made."""
        codes.code_remove(organization=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

"""A person's own data: fetched, or forgotten."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.privacy import services
from accounts.privacy.api.serializers import CloseIn, PersonalExportOut, PersonalExportsOut
from accounts.privacy.models import DataExport
from tenants.kernel import request as request_info
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import SIGNED_IN, DeclaredViewSet


class PrivacyViewSet(DeclaredViewSet):
    """Everything that is kept of the signed-in user, and the end of it."""

    queryset = DataExport.objects.none()  # for the description only
    serializer_class = PersonalExportOut
    pagination_class = None
    filter_backends = ()
    keeps_answers = False
    permissions: ClassVar[dict[str, str]] = {
        "list": SIGNED_IN,
        "create": SIGNED_IN,
        "download": SIGNED_IN,
        "close": SIGNED_IN,
    }
    throttles: ClassVar[dict[str, str]] = {"create": "export", "download": "export", "close": "secret"}

    @property
    def _me(self) -> User:
        return cast(User, self.request.user)

    @extend_schema(
        responses=forced_singular_serializer(PersonalExportsOut), summary="My exports", tags=["users"]
    )
    def list(self, request: Request) -> Response:
        """The newest first; a ready one can be downloaded until it expires."""
        with in_public():
            items = PersonalExportOut(DataExport.objects.filter(user=self._me)[:20], many=True).data
        return Response({"items": items, "total": len(items)})

    @extend_schema(request=None, responses={202: PersonalExportOut}, summary="Export my data", tags=["users"])
    def create(self, request: Request) -> Response:
        """Collects everything that is kept of the caller into a zip of JSON files; a letter says when."""
        export = services.export_ask(user=self._me, actor=self.principal.actor)
        return Response(PersonalExportOut(export).data, status=202)

    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        summary="Download an export",
        tags=["users"],
    )
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: str) -> HttpResponse:
        """404 for a foreign, unfinished or expired one."""
        try:
            wanted = UUID(pk)
        except ValueError:
            raise Absent() from None
        content = services.export_read(user=self._me, export_id=wanted, actor=self.principal.actor)
        answer = HttpResponse(content, content_type="application/zip")
        answer["Content-Disposition"] = 'attachment; filename="my-data.zip"'
        return answer

    @extend_schema(request=CloseIn, responses={204: None}, summary="Close my account", tags=["users"])
    @action(detail=False, methods=["post"])
    def close(self, request: Request) -> Response:
        """Makes the account nameless for good. Owners and last administrators hand over first (409)."""
        serializer = CloseIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        services.account_close(
            user=self._me,
            password=data["current_password"],
            address=request_info.current().address,
            actor=self.principal.actor,
        )
        return Response(status=204)

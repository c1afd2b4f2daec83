"""The caller's own notices."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.profiles.preferences import APP, MAIL, NOTICE_KINDS, notice_key, with_defaults
from accounts.profiles.services import profile_update
from organizations.notices import selectors, services
from organizations.notices.api.serializers import (
    MarkIn,
    NoticeOut,
    NoticePreferencesIn,
    NoticePreferencesOut,
    ReadOut,
    UnreadOut,
)
from organizations.notices.models import Notice
from tenants.kernel.context import in_a_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.filters import BooleanFilter
from tenants.kernel.viewsets import DeclaredViewSet


class NoticeFilter(django_filters.FilterSet):
    unread = BooleanFilter(field_name="read_at", lookup_expr="isnull")
    kind = django_filters.MultipleChoiceFilter(choices=list(NOTICE_KINDS.items()), distinct=False)


@extend_schema(tags=["notices"])
class NoticeViewSet(DeclaredViewSet):
    """What the platform has told the caller, in the organizations that he reaches."""

    serializer_class = NoticeOut
    filterset_class = NoticeFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "notices.read",
        "retrieve": "notices.read",
        "destroy": "notices.read",
        "mark": "notices.read",
        "unread": "notices.read",
        "read_all": "notices.read",
        "preferences": "notices.read",
        "change_preferences": "notices.read",
    }

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the schema generator has no tenant
            nothing: QuerySet[Any] = Notice._default_manager.none()
            return nothing
        if not in_a_tenant():
            raise Absent()
        return selectors.notices_of(self.principal.user_id)

    @extend_schema(summary="List my notices")
    def list(self, request: Request) -> Response:
        """The newest first. `?unread=true` leaves out what was read, `?kind=` names kinds."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(NoticeOut(page or [], many=True).data)

    @extend_schema(summary="Show one of my notices")
    def retrieve(self, request: Request, pk: str) -> Response:
        """One notice; 404 for somebody else's."""
        row = self.get_queryset().filter(pk=_uuid(pk)).first()
        if row is None:
            raise Absent()
        return Response(NoticeOut(row).data)

    @extend_schema(responses={204: None}, summary="Remove one of my notices")
    def destroy(self, request: Request, pk: str) -> Response:
        """What it is about stays."""
        services.notice_remove(notice_id=_uuid(pk), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=MarkIn, responses=NoticeOut, summary="Mark a notice as read")
    @action(detail=True, methods=["post"])
    def mark(self, request: Request, pk: str) -> Response:
        """Read, or with `{"read": false}` new again."""
        serializer = MarkIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = services.notice_mark(
            notice_id=_uuid(pk), read=serializer.validated_data["read"], actor=self.principal.actor
        )
        return Response(NoticeOut(row).data)

    @extend_schema(responses=UnreadOut, summary="Count my unread notices", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def unread(self, request: Request) -> Response:
        """The number for the bell."""
        return Response({"unread": selectors.unread_count(self.principal.user_id) if in_a_tenant() else 0})

    @extend_schema(request=None, responses=ReadOut, summary="Mark all my notices as read")
    @action(detail=False, methods=["post"], url_path="read-all")
    def read_all(self, request: Request) -> Response:
        """All that the caller reaches from where he works."""
        marked = services.notices_read(actor=self.principal.actor) if in_a_tenant() else 0
        return Response({"marked": marked})

    @extend_schema(responses=NoticePreferencesOut, summary="What I want to be told", filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def preferences(self, request: Request) -> Response:
        """Every kind with its channels. They are preferences of the account and hold in every institution."""
        return Response(self._preferences(request))

    @extend_schema(
        request=NoticePreferencesIn, responses=NoticePreferencesOut, summary="Choose what I want to be told"
    )
    @preferences.mapping.patch
    def change_preferences(self, request: Request) -> Response:
        """Channels by kind; what is left out stays."""
        serializer = NoticePreferencesIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        chosen = {
            notice_key(item["kind"], channel): item[channel]
            for item in serializer.validated_data["items"]
            for channel in (APP, MAIL)
            if channel in item
        }
        profile_update(
            user=cast(User, request.user), changes={"preferences": chosen}, actor=self.principal.actor
        )
        return Response(self._preferences(request))

    def _preferences(self, request: Request) -> dict[str, Any]:
        chosen = with_defaults(cast(User, request.user).profile.preferences)
        return {
            "items": [
                {
                    "kind": kind,
                    "name": name,
                    "app": chosen[notice_key(kind, APP)],
                    "mail": chosen[notice_key(kind, MAIL)],
                }
                for kind, name in NOTICE_KINDS.items()
            ]
        }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Absent() from None

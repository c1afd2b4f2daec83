"""Watchlists and notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import django_filters
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import emails_of
from companies.api.filters import CompanyFilter
from companies.api.serializers import ChangedOut, CompanyOut
from companies.lists import services
from companies.lists.api.serializers import (
    CompaniesIn,
    NoteChangeIn,
    NoteIn,
    NoteOut,
    WatchlistIn,
    WatchlistOut,
)
from companies.lists.models import Note, Watchlist
from companies.lists.selectors import seen_by
from companies.models import Company
from companies.outlook import outlook
from organizations.selectors import working_organization
from tenants.kernel.errors import Absent
from tenants.kernel.filters import BooleanFilter
from tenants.kernel.viewsets import OwnedViewSet


class WatchlistFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    shared = BooleanFilter()
    company = django_filters.UUIDFilter(
        field_name="entries__company_id", label="Lists that this company is on."
    )


@extend_schema(tags=["watchlists"], request=WatchlistIn, responses=WatchlistOut)
class WatchlistViewSet(OwnedViewSet):
    """The caller's lists, and those that are shared with him."""

    model = Watchlist
    serializer_class = WatchlistOut
    filterset_class = WatchlistFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "companies": "companies.read",
        "create": "lists.create",
        "partial_update": "lists.change",
        "destroy": "lists.change",
        "add": "lists.change",
        "remove": "lists.change",
    }
    versioned: ClassVar[frozenset[str]] = frozenset({"partial_update"})

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        mine = seen_by(self.principal.user_id)
        present = Q(entries__company_deleted_at=None)
        counted: QuerySet[Any] = rows.filter(mine).annotate(held=Count("entries", filter=present))
        return counted.order_by("name", "id")

    def _shown(self, watchlist: Watchlist, status: int = 200) -> Response:
        row = self.get_queryset().get(id=watchlist.id)
        body = WatchlistOut(row, context={"user_id": self.principal.user_id}).data
        return self.tagged(body, row, status=status)

    @extend_schema(responses=WatchlistOut(many=True), summary="List watchlists")
    def list(self, request: Request) -> Response:
        """In the order of their names."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        context = {"user_id": self.principal.user_id}
        return self.get_paginated_response(WatchlistOut(page, many=True, context=context).data)

    @extend_schema(summary="Show a watchlist")
    def retrieve(self, request: Request, pk: str) -> Response:
        """Its companies are at `GET /watchlists/{id}/companies`."""
        return self._shown(self.get_object())

    @extend_schema(responses={201: WatchlistOut}, summary="Begin a watchlist")
    def create(self, request: Request) -> Response:
        """For oneself, or shared with the organization."""
        given = WatchlistIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.watchlist_create(
            **given.validated_data,
            organization_id=working_organization(self.principal),
            actor=self.principal.actor,
        )
        return self._shown(row, status=201)

    @extend_schema(summary="Change a watchlist")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Name, description, or who sees it."""
        row: Watchlist = self.get_object()
        given = WatchlistIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        row = services.watchlist_update(
            watchlist=row, changes=given.validated_data, expected=self.expected, actor=self.principal.actor
        )
        return self._shown(row)

    @extend_schema(request=None, responses={204: None}, summary="Remove a watchlist")
    def destroy(self, request: Request, pk: str) -> Response:
        """Its companies stay."""
        services.watchlist_delete(watchlist=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=CompanyOut(many=True), summary="Companies of a watchlist")
    @action(detail=True, methods=["get"], filterset_class=CompanyFilter)
    def companies(self, request: Request, pk: str) -> Response:
        """With the latest PD of each, its level and its change; narrowed and ordered as companies are."""
        watchlist: Watchlist = self.get_object()
        rows = Company.objects.filter(watchlist_entries__watchlist=watchlist).order_by("symbol", "id")
        page = list(self.paginate_queryset(self.filter_queryset(rows)) or [])
        context = {"outlooks": outlook().of([row.id for row in page])}
        return self.get_paginated_response(CompanyOut(page, many=True, context=context).data)

    @extend_schema(request=CompaniesIn, responses=ChangedOut, summary="Put companies on a watchlist")
    @action(detail=True, methods=["post"])
    def add(self, request: Request, pk: str) -> Response:
        """Up to 1,000 at once; one that is not to be found refuses all."""
        watchlist: Watchlist = self.get_object()
        given = CompaniesIn(data=request.data)
        given.is_valid(raise_exception=True)
        changed = services.watchlist_add(
            watchlist=watchlist, company_ids=given.validated_data["companies"], actor=self.principal.actor
        )
        return Response({"changed": changed})

    @extend_schema(request=CompaniesIn, responses=ChangedOut, summary="Take companies off a watchlist")
    @action(detail=True, methods=["post"])
    def remove(self, request: Request, pk: str) -> Response:
        """Those that are not on it do not matter."""
        watchlist: Watchlist = self.get_object()
        given = CompaniesIn(data=request.data)
        given.is_valid(raise_exception=True)
        changed = services.watchlist_remove(
            watchlist=watchlist, company_ids=given.validated_data["companies"], actor=self.principal.actor
        )
        return Response({"changed": changed})


class NoteFilter(django_filters.FilterSet):
    company = django_filters.UUIDFilter(field_name="company_id")
    in_reply_to = django_filters.UUIDFilter(field_name="in_reply_to_id")
    mine = BooleanFilter(method="by_mine", label="Written by the caller.")
    naming_me = BooleanFilter(method="by_naming", label="Notes that name the caller.")

    def by_mine(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        mine = Q(created_by_id=self.request.auth.user_id)
        return rows.filter(mine if value else ~mine)

    def by_naming(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        named = Q(mentions__contains=[self.request.auth.user_id])
        return rows.filter(named if value else ~named)


@extend_schema(tags=["notes"], responses=NoteOut)
class NoteViewSet(OwnedViewSet):
    """What people wrote about companies; the whole organization reads it."""

    model = Note
    serializer_class = NoteOut
    filterset_class = NoteFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "create": "notes.create",
        "partial_update": "notes.change",
        "destroy": "notes.remove",
    }
    versioned: ClassVar[frozenset[str]] = frozenset({"partial_update"})

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("company").order_by("-id")

    def _context(self, rows: Iterable[Note]) -> dict[str, Any]:
        people = {user_id for row in rows for user_id in (row.created_by_id, *row.mentions) if user_id}
        return {"emails": emails_of(people) if people else {}}

    def _shown(self, note: Note, status: int = 200) -> Response:
        return self.tagged(NoteOut(note, context=self._context([note])).data, note, status=status)

    @extend_schema(responses=NoteOut(many=True), summary="List notes")
    def list(self, request: Request) -> Response:
        """The newest first; `?company=` those on one company."""
        page = list(self.paginate_queryset(self.filter_queryset(self.get_queryset())) or [])
        return self.get_paginated_response(NoteOut(page, many=True, context=self._context(page)).data)

    @extend_schema(summary="Show a note")
    def retrieve(self, request: Request, pk: str) -> Response:
        """One note."""
        return self._shown(self.get_object())

    @extend_schema(request=NoteIn, responses={201: NoteOut}, summary="Write a note")
    def create(self, request: Request) -> Response:
        """On a company, or in reply to a note on it. Whoever is named is told."""
        given = NoteIn(data=request.data)
        given.is_valid(raise_exception=True)
        said = dict(given.validated_data)
        company: Company | None = Company.objects.filter(id=said.pop("company")).first()
        if company is None:
            raise Absent()
        return self._shown(
            services.note_create(company=company, **said, actor=self.principal.actor), status=201
        )

    @extend_schema(request=NoteChangeIn, summary="Change one's own note")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Nobody changes another's words. Who is named anew is told."""
        note: Note = self.get_object()
        given = NoteChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        note = services.note_update(
            note=note, **given.validated_data, expected=self.expected, actor=self.principal.actor
        )
        return self._shown(note)

    @extend_schema(request=None, responses={204: None}, summary="Remove a note")
    def destroy(self, request: Request, pk: str) -> Response:
        """With its replies. Administrators may remove any, everybody else his own."""
        services.note_delete(note=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

"""Companies of the caller's organization, the institution's own fields of them, and the table of sectors."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies import selectors, services
from companies.api.filters import CompanyFilter
from companies.api.global_actions import GlobalActions
from companies.api.serializers import (
    ClassifiedOut,
    ClassifyIn,
    CompanyIn,
    CompanyOut,
    CustomFieldChangeIn,
    CustomFieldIn,
    CustomFieldOut,
    SectorOut,
)
from companies.api.standing_actions import LifeActions, StandingActions
from companies.lists.models import RecentView
from companies.lists.services import view_remember
from companies.models import Company, CustomField
from companies.sectors import SECTORS, reading
from organizations.selectors import working_organization
from tenants.kernel.context import in_a_tenant
from tenants.kernel.errors import Absent
from tenants.kernel.filters import is_true
from tenants.kernel.schema import ONE_PAGE
from tenants.kernel.viewsets import DeclaredViewSet


@extend_schema(tags=["companies"], request=CompanyIn, responses=CompanyOut)
class CompanyViewSet(GlobalActions, LifeActions, StandingActions):
    """Companies; they are typed in, tracked, or come with predictions and files."""

    serializer_class = CompanyOut
    filterset_class = CompanyFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "create": "companies.create",
        "update": "companies.change",
        "partial_update": "companies.change",
        "destroy": "companies.change",
        "recent": "companies.read",
        **StandingActions.permissions,
        **LifeActions.permissions,
        **GlobalActions.permissions,
    }
    versioned: ClassVar[frozenset[str]] = frozenset({"update", "partial_update", "destroy"})

    @extend_schema(responses=CompanyOut(many=True), summary="List companies")
    def list(self, request: Request) -> Response:
        """Newest first, or as `ordering` says; with `search` the surest first. `custom.NAME=` narrows by a
        field of the institution's own, `custom.NAME.min=` and `.max=` for numbers and dates."""
        return self.listed(self.filter_queryset(self.get_queryset()))

    @extend_schema(summary="Show a company")
    def retrieve(self, request: Request, pk: str) -> Response:
        """One company with what is thought of it now. It is remembered as looked at."""
        company: Company = self.get_object()
        view_remember(company=company, user_id=self.principal.user_id)
        return self.shown(company)

    @extend_schema(responses=CompanyOut(many=True), summary="Companies looked at last", filters=False)
    @action(detail=False, methods=["get"], filterset_class=None)
    def recent(self, request: Request) -> Response:
        """By the caller, the last one first; 50 are remembered."""
        views = RecentView.objects.filter(user_id=self.principal.user_id).order_by()
        seen = Subquery(views.filter(company=OuterRef("pk")).values("viewed_at")[:1])
        # The few first: asked of every company when it was seen takes half a second at a hundred thousand.
        rows = Company.objects.filter(id__in=views.values("company_id"))
        return self.listed(rows.annotate(seen=seen).order_by("-seen", "-id"))

    @extend_schema(responses={201: CompanyOut}, summary="Make a company")
    def create(self, request: Request) -> Response:
        """409 `duplicate_company` with `company_id` where there is one of this symbol, LEI or CIK."""
        given = CompanyIn(data=request.data)
        given.is_valid(raise_exception=True)
        company = services.company_create(
            values=given.validated_data,
            organization_id=working_organization(self.principal),
            actor=self.principal.actor,
        )
        return self.shown(company, status=201)

    @extend_schema(summary="Replace what is said of a company")
    def update(self, request: Request, pk: str) -> Response:
        """What is left out is emptied; values of own fields too, where they are not required."""
        company: Company = self.get_object()
        given = CompanyIn(data=request.data)
        given.is_valid(raise_exception=True)
        own = {f.name: None for f in selectors.custom_fields() if not f.required}
        said = {**CompanyIn.EMPTY, **given.validated_data}
        said["custom"] = {**own, **given.validated_data.get("custom", {})}
        return self._change(company, said)

    @extend_schema(summary="Change a company")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Only what is sent; own fields one by one."""
        company: Company = self.get_object()
        given = CompanyIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return self._change(company, given.validated_data)

    def _change(self, company: Company, values: dict[str, Any]) -> Response:
        changed = services.company_update(
            company=company, values=values, expected=self.expected, actor=self.principal.actor
        )
        return self.shown(changed)

    @extend_schema(request=None, responses={204: None}, summary="Delete a company")
    def destroy(self, request: Request, pk: str) -> Response:
        """It is hidden with everything of it, and can be restored for a while."""
        services.company_delete(company=self.get_object(), expected=self.expected, actor=self.principal.actor)
        return Response(status=204)


@extend_schema(tags=["companies"])
class CustomFieldViewSet(DeclaredViewSet):
    """Fields of companies that the institution has defined for itself."""

    serializer_class = CustomFieldOut
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "create": "tenant.change",
        "partial_update": "tenant.change",
        "archive": "tenant.change",
        "unarchive": "tenant.change",
    }
    versioned: ClassVar[frozenset[str]] = frozenset({"partial_update"})

    def get_queryset(self) -> QuerySet[Any]:
        fake = getattr(self, "swagger_fake_view", False) or not in_a_tenant()
        rows: QuerySet[Any] = CustomField.objects.none() if fake else CustomField.objects.all()
        return rows

    def _field(self, pk: str) -> CustomField:
        if not in_a_tenant():
            raise Absent()
        try:
            row: CustomField | None = CustomField.objects.filter(id=UUID(pk)).first()
        except ValueError:
            row = None
        if row is None:
            raise Absent()
        return row

    @extend_schema(
        parameters=[
            OpenApiParameter("archived", bool, description="Those that are out of use as well."),
            *ONE_PAGE,
        ],
        summary="List own fields",
        filters=False,
    )
    def list(self, request: Request) -> Response:
        """In their order; `?archived=true` adds those that are out of use."""
        archived = is_true(request, "archived")
        rows = selectors.custom_fields(archived=archived) if in_a_tenant() else []
        body = CustomFieldOut(rows, many=True).data
        return Response({"items": body, "total": len(rows), "page": 1, "size": len(rows), "pages": 1})

    @extend_schema(summary="Show an own field")
    def retrieve(self, request: Request, pk: str) -> Response:
        """One field, in use or not."""
        row = self._field(pk)
        return self.tagged(CustomFieldOut(row).data, row)

    @extend_schema(request=CustomFieldIn, responses={201: CustomFieldOut}, summary="Define an own field")
    def create(self, request: Request) -> Response:
        """Name and kind are for good. Companies that are there already need not have a required one."""
        given = CustomFieldIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.custom_field_create(**given.validated_data, actor=self.principal.actor)
        return self.tagged(CustomFieldOut(row).data, row, status=201)

    @extend_schema(request=CustomFieldChangeIn, responses=CustomFieldOut, summary="Change an own field")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Label, choices, help, place, and whether it is asked of new companies."""
        row = self._field(pk)
        given = CustomFieldChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.custom_field_update(
            field=row, changes=given.validated_data, expected=self.expected, actor=self.principal.actor
        )
        return self.tagged(CustomFieldOut(row).data, row)

    @extend_schema(request=None, responses=CustomFieldOut, summary="Take an own field out of use")
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Its values stay."""
        return self._archived(pk, archived=True)

    @extend_schema(request=None, responses=CustomFieldOut, summary="Bring an own field back into use")
    @action(detail=True, methods=["post"])
    def unarchive(self, request: Request, pk: str) -> Response:
        """With the values that companies had."""
        return self._archived(pk, archived=False)

    def _archived(self, pk: str, *, archived: bool) -> Response:
        row = services.custom_field_archive(
            field=self._field(pk), archived=archived, actor=self.principal.actor
        )
        return self.tagged(CustomFieldOut(row).data, row)


@extend_schema(tags=["companies"])
class SectorViewSet(DeclaredViewSet):
    """The table of sectors and industries."""

    serializer_class = SectorOut
    pagination_class = None
    filter_backends = ()
    permissions: ClassVar[dict[str, str]] = {"list": "companies.read", "classify": "companies.read"}

    @extend_schema(responses=SectorOut(many=True), summary="List sectors and industries")
    def list(self, request: Request) -> Response:
        """Eleven sectors with their industries, and other names that are understood."""
        return Response(SectorOut(SECTORS, many=True).data)

    @extend_schema(parameters=[ClassifyIn], responses=ClassifiedOut, summary="Find sector and industry")
    @action(detail=False, methods=["get"])
    def classify(self, request: Request) -> Response:
        """By names in any spelling, by SIC or by NACE; empty where it is not known."""
        asked = ClassifyIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(ClassifiedOut(reading(**asked.validated_data)).data)

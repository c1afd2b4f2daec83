"""Companies of the platform, read through one door, and those of them that an organization follows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies import identifiers, selectors, services
from companies.api.base import CompanyBase
from companies.api.filters import CompanyFilter
from companies.api.serializers import CompanyOut, GlobalCompanyOut, TrackIn
from companies.identifiers import BadIdentifier
from companies.models import Company
from companies.outlook import outlook
from organizations.selectors import global_data_allowed, working_organization
from tenants.kernel.errors import Forbidden, InvalidInput

_TAGS = ["companies"]


class GlobalActions(CompanyBase):
    """Following what the platform knows."""

    permissions: ClassVar[dict[str, str]] = {
        "of_platform": "companies.read",
        "track": "companies.create",
        "untrack": "companies.change",
        "refresh": "companies.change",
    }

    @extend_schema(tags=_TAGS, responses=GlobalCompanyOut(many=True), summary="List the platform's companies")
    @action(detail=False, methods=["get"], url_path="global", filterset_class=CompanyFilter)
    def of_platform(self, request: Request) -> Response:
        """With what the platform thinks of each. Empty for whoever is not entitled to reference data."""
        if not global_data_allowed(self.principal):
            return self.listed(Company.objects.none(), GlobalCompanyOut)
        with selectors.in_reference(reason=f"platform's companies for {self.principal.user_id}"):
            rows = self.filter_queryset(Company.objects.order_by("symbol", "id"))
            page = list(self.paginate_queryset(rows) or [])
            outlooks = outlook().of([row.id for row in page])
        context = {"outlooks": outlooks, "tracked": self._tracked([row.id for row in page])}
        return self.get_paginated_response(GlobalCompanyOut(page, many=True, context=context).data)

    def _tracked(self, ids: list[Any]) -> dict[Any, Any]:
        rows: QuerySet[Any] = Company.objects.filter(reference_id__in=ids)
        return dict(rows.values_list("reference_id", "id"))

    @extend_schema(
        tags=_TAGS, request=TrackIn, responses={201: CompanyOut}, summary="Track a company of the platform"
    )
    @action(detail=False, methods=["post"])
    def track(self, request: Request) -> Response:
        """A company of the organization that follows one of the platform: who it is is copied and kept up to
        date, statements and predictions are the organization's own. 409 `duplicate_company` with
        `company_id` where the organization has such a company: name it as `company` to let it follow."""
        if not global_data_allowed(self.principal):
            raise Forbidden("Your organization does not use the platform's data.", code="no_global_data")
        given = TrackIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        own = self.another(asked["company"], "companies.change") if "company" in asked else None
        try:
            symbol = identifiers.symbol(asked["symbol"]) if asked.get("symbol") else ""
        except BadIdentifier as bad:
            fault = {"pointer": "/symbol", "code": bad.code, "detail": bad.detail}
            raise InvalidInput(bad.detail, errors=[fault]) from None
        company = services.company_track(
            reference_id=asked["reference_id"],
            organization_id=own.organization_id if own else working_organization(self.principal),
            symbol=symbol,
            company=own,
            actor=self.principal.actor,
        )
        return self.shown(company, status=201)

    @extend_schema(tags=_TAGS, request=None, responses=CompanyOut, summary="Stop tracking")
    @action(detail=True, methods=["post"])
    def untrack(self, request: Request, pk: str) -> Response:
        """What was copied stays, and is the organization's own from now on."""
        return self.shown(services.company_untrack(company=self.get_object(), actor=self.principal.actor))

    @extend_schema(tags=_TAGS, request=None, responses=CompanyOut, summary="Refresh a tracked company")
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, pk: str) -> Response:
        """At once, instead of within hours."""
        company: Company = self.get_object()
        if not global_data_allowed(self.principal):
            raise Forbidden("Your organization does not use the platform's data.", code="no_global_data")
        services.tracked_refresh(company=company, actor=self.principal.actor)
        company.refresh_from_db()
        return self.shown(company)

"""How a company stands: default, internal rating, tags; and deleting, restoring, merging."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import emails_of
from companies import identifiers, services
from companies.api.base import CompanyBase
from companies.api.serializers import (
    CandidateOut,
    ChangedOut,
    CompanyOut,
    DefaultIn,
    DeletedCompanyOut,
    MergeIn,
    MergeOut,
    RatingIn,
    RatingOut,
    RestoreIn,
    ReviveIn,
    TagsIn,
    UndoMergeIn,
)
from companies.cleaning import tags_of
from companies.custom_values import BadValue
from companies.identifiers import BadIdentifier
from companies.models import Company, CompanyMerge
from companies.outlook import outlook
from companies.services.duplicates import candidates
from tenants.kernel.errors import Absent, InvalidInput

_TAGS = ["companies"]


class StandingActions(CompanyBase):
    """What people find out about a company."""

    permissions: ClassVar[dict[str, str]] = {
        "default": "companies.assess",
        "revive": "companies.assess",
        "rate": "companies.assess",
        "ratings": "companies.read",
        "tags": "companies.change",
    }

    @extend_schema(tags=_TAGS, request=DefaultIn, responses=CompanyOut, summary="Mark a company as defaulted")
    @action(detail=True, methods=["post"])
    def default(self, request: Request, pk: str) -> Response:
        """The outcome is noted for the monitoring of models. The same again changes nothing."""
        company: Company = self.get_object()
        given = DefaultIn(data=request.data)
        given.is_valid(raise_exception=True)
        company = services.company_default(
            company=company,
            **given.validated_data,
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.shown(company)

    @extend_schema(
        tags=_TAGS, request=ReviveIn, responses=CompanyOut, summary="Mark a company as alive again"
    )
    @action(detail=True, methods=["post"])
    def revive(self, request: Request, pk: str) -> Response:
        """Cured, or marked by mistake: then its outcome goes as well."""
        company: Company = self.get_object()
        given = ReviveIn(data=request.data)
        given.is_valid(raise_exception=True)
        company = services.company_revive(
            company=company,
            **given.validated_data,
            expected=self.expected,
            actor=self.principal.actor,
        )
        return self.shown(company)

    @extend_schema(tags=_TAGS, request=RatingIn, responses=CompanyOut, summary="Rate a company internally")
    @action(detail=True, methods=["post"], url_path="rating")
    def rate(self, request: Request, pk: str) -> Response:
        """By a grade of the institution's master scale or in its own words. Kept with who, when and why."""
        company: Company = self.get_object()
        given = RatingIn(data=request.data)
        given.is_valid(raise_exception=True)
        services.company_rate(
            company=company, **given.validated_data, expected=self.expected, actor=self.principal.actor
        )
        company.refresh_from_db()
        return self.shown(company)

    @extend_schema(
        tags=_TAGS, responses=RatingOut(many=True), summary="Ratings of a company so far", filters=False
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def ratings(self, request: Request, pk: str) -> Response:
        """The newest first."""
        page = list(self.paginate_queryset(self.get_object().rating_changes.order_by("-id")) or [])
        emails = emails_of({row.created_by_id for row in page if row.created_by_id})
        return self.get_paginated_response(RatingOut(page, many=True, context={"emails": emails}).data)

    @extend_schema(tags=_TAGS, request=TagsIn, responses=ChangedOut, summary="Tag several companies")
    @action(detail=False, methods=["post"])
    def tags(self, request: Request) -> Response:
        """Add and remove tags. One company that is not to be found or not to be changed refuses all."""
        given = TagsIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked: dict[str, Any] = given.validated_data
        try:
            add, remove = tags_of(asked["add"]), tags_of(asked["remove"])
        except BadValue as bad:
            raise _refusal("add", bad.code, bad.detail) from None
        companies = [self.another(i, "companies.change") for i in dict.fromkeys(asked["companies"])]
        changed = services.tags_change(
            companies=companies, add=add, remove=remove, actor=self.principal.actor
        )
        return Response({"changed": changed})


class LifeActions(CompanyBase):
    """Companies that go, come back, or turn out to be one."""

    permissions: ClassVar[dict[str, str]] = {
        "deleted": "companies.change",
        "restore": "companies.change",
        "purge": "companies.purge",
        "duplicates": "companies.read",
        "merge": "companies.change",
        "merges": "companies.read",
        "undo_merge": "companies.change",
    }

    @extend_schema(
        tags=_TAGS, responses=DeletedCompanyOut(many=True), summary="List deleted companies", filters=False
    )
    @action(detail=False, methods=["get"], filterset_class=None)
    def deleted(self, request: Request) -> Response:
        """The last one first, merged ones too. They can be restored until they are removed for good."""
        return self.listed(self.get_queryset(), DeletedCompanyOut)

    @extend_schema(tags=_TAGS, request=RestoreIn, responses=CompanyOut, summary="Restore a deleted company")
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """With everything of it. 409 `duplicate_company` where its symbol was given away meanwhile."""
        company: Company = self.get_object()
        given = RestoreIn(data=request.data)
        given.is_valid(raise_exception=True)
        symbol = given.validated_data.get("symbol", "")
        try:
            symbol = identifiers.symbol(symbol) if symbol else ""
        except BadIdentifier as bad:
            raise _refusal("symbol", bad.code, bad.detail) from None
        company = services.company_restore(company=company, symbol=symbol, actor=self.principal.actor)
        return self.shown(company)

    @extend_schema(
        tags=_TAGS, request=None, responses={204: None}, summary="Remove a deleted company for good"
    )
    @action(detail=True, methods=["post"])
    def purge(self, request: Request, pk: str) -> Response:
        """With its statements, predictions and scores; the audit log keeps that it was there."""
        services.company_purge(company=self.get_object(), actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(
        tags=_TAGS,
        responses=CandidateOut(many=True),
        summary="Companies that are probably one",
        filters=False,
    )
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def duplicates(self, request: Request) -> Response:
        """The same national number, ticker, or name but for its legal form; 100 groups at most."""
        found = candidates()
        ids = {company.id for candidate in found for company in candidate.companies}
        context = {"outlooks": outlook().of(ids)}
        return Response(CandidateOut(found, many=True, context=context).data)

    @extend_schema(tags=_TAGS, request=MergeIn, responses=MergeOut, summary="Merge another company into this")
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: str) -> Response:
        """Statements, predictions, notes, lists and outcomes move here; gaps of this company are filled. A
        period that both have is this company's: the other's stays with it, hidden. It can be taken back."""
        survivor: Company = self.get_object()
        given = MergeIn(data=request.data)
        given.is_valid(raise_exception=True)
        merge = services.companies_merge(
            survivor=survivor,
            merged=self.another(given.validated_data["merged"], "companies.change"),
            reason=given.validated_data["reason"],
            expected=self.expected,
            actor=self.principal.actor,
        )
        return Response(MergeOut(merge).data)

    @extend_schema(
        tags=_TAGS, responses=MergeOut(many=True), summary="What was merged into a company", filters=False
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def merges(self, request: Request, pk: str) -> Response:
        """The newest first, with those that were taken back."""
        page = self.paginate_queryset(self.get_object().merges.order_by("-id"))
        return self.get_paginated_response(MergeOut(page or [], many=True).data)

    @extend_schema(tags=_TAGS, request=UndoMergeIn, responses=CompanyOut, summary="Take a merger back")
    @action(detail=True, methods=["post"], url_path="undo-merge")
    def undo_merge(self, request: Request, pk: str) -> Response:
        """The other company comes back with what was its own; answers with it."""
        survivor: Company = self.get_object()
        given = UndoMergeIn(data=request.data)
        given.is_valid(raise_exception=True)
        merge: CompanyMerge | None = survivor.merges.filter(id=given.validated_data["merge"]).first()
        if merge is None:
            raise Absent()
        return self.shown(services.merge_undo(merge=merge, actor=self.principal.actor))


def _refusal(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(detail, errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])

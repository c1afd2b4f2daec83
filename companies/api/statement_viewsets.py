"""Statements of companies: versions of periods, entered, restated, looked through."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from companies.api.statement_serializers import (
    AmountsIn,
    CheckedOut,
    CheckIn,
    DeleteIn,
    HistoryIn,
    QualityCheckOut,
    RatedOut,
    RatioSeriesOut,
    StatementIn,
    StatementOut,
    VersionOut,
)
from companies.models import Company, PeriodKind, Quality, SourceKind, Statement
from companies.quality import CHECKS
from companies.ratios import ratios_of
from companies.services import statement_delete
from companies.services.entry import Checked, Entry, entry_check, statement_enter
from companies.statement_selectors import Rated, difference, ratio_history, ratios_for, versions_of
from organizations.selectors import working_organization
from tenants.kernel.errors import Absent, InvalidInput
from tenants.kernel.filters import BooleanFilter, WholeNumberFilter
from tenants.kernel.viewsets import OwnedViewSet


class StatementFilter(django_filters.FilterSet):
    company = django_filters.UUIDFilter(field_name="company_id")
    symbol = django_filters.CharFilter(field_name="company__symbol", lookup_expr="iexact")
    kind = django_filters.MultipleChoiceFilter(choices=PeriodKind.choices, distinct=False)
    fiscal_year = WholeNumberFilter()
    fiscal_quarter = WholeNumberFilter()
    currency = django_filters.CharFilter(lookup_expr="iexact")
    quality = django_filters.MultipleChoiceFilter(choices=Quality.choices, distinct=False)
    source_kind = django_filters.MultipleChoiceFilter(choices=SourceKind.choices, distinct=False)
    filing_id = django_filters.CharFilter()
    unscored = BooleanFilter(method="bearing_none", label="Whether it bears no score.")
    superseded = BooleanFilter(method="with_superseded", label="Show earlier versions as well.")

    def bearing_none(self, rows: QuerySet[Statement], name: str, value: bool) -> QuerySet[Statement]:
        return rows.exclude(unscored="") if value else rows.filter(unscored="")

    def with_superseded(self, rows: QuerySet[Statement], name: str, value: bool) -> QuerySet[Statement]:
        return rows

    def filter_queryset(self, queryset: QuerySet[Statement]) -> QuerySet[Statement]:
        rows: QuerySet[Statement] = super().filter_queryset(queryset)
        return rows if self.form.cleaned_data.get("superseded") else rows.filter(current=True)


@extend_schema(tags=["statements"])
class StatementViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Statements. A version is never changed: an amendment is a further one."""

    model = Statement
    serializer_class = StatementOut
    filterset_class = StatementFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "companies.read",
        "retrieve": "companies.read",
        "create": "companies.create",
        "restate": "companies.change",
        "destroy": "companies.change",
        "versions": "companies.read",
        "ratios": "companies.read",
        "ratio_history": "companies.read",
        "checks": "companies.read",
    }

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(company__deleted_at=None).select_related("company").order_by("-created_at", "-id")

    @extend_schema(
        parameters=[CheckIn],
        request=StatementIn,
        responses={201: StatementOut, 200: CheckedOut},
        summary="Enter a statement",
    )
    def create(self, request: Request) -> Response:
        """Store a period that is not there yet; 409 `duplicate_statement` where it is.

        Amounts in whichever unit are kept in millions. Errors of the checks are 400 with the field, the code
        and a hint; `confirmable` ones can be answered with `confirm`. With `?check=true` nothing is stored.
        """
        serializer = StatementIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        entry = _entry(
            self._company(data), data, data["kind"], data["fiscal_year"], data.get("fiscal_quarter")
        )
        if self._only_check():
            return Response(CheckedOut(_checked(entry_check(entry=entry))).data)
        statement = statement_enter(entry=entry, actor=self.principal.actor)
        return Response(StatementOut(statement).data, status=201)

    @extend_schema(
        parameters=[CheckIn],
        request=AmountsIn,
        responses={201: StatementOut, 200: CheckedOut},
        summary="Restate a statement",
        filters=False,
    )
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def restate(self, request: Request, pk: str) -> Response:
        """Say the period anew: a further version, whole, which holds from now on.

        409 `not_the_current_version` where this one does not hold any more. With `?check=true` nothing is
        stored.
        """
        row: Statement = self.get_object()
        serializer = AmountsIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        said = {"currency": row.currency, "period_end": row.period_end, "months": row.months}
        data = {**said, **serializer.validated_data}
        entry = _entry(row.company, data, row.kind, row.fiscal_year, row.fiscal_quarter)
        if self._only_check():
            return Response(CheckedOut(_checked(entry_check(entry=entry))).data)
        statement = statement_enter(entry=entry, restating=row, actor=self.principal.actor)
        return Response(StatementOut(statement).data, status=201)

    @extend_schema(parameters=[DeleteIn], summary="Take a mistaken version out of sight")
    def destroy(self, request: Request, pk: str) -> Response:
        """The version before it holds again; the row and the reason are kept. Scores follow."""
        asked = DeleteIn(data=request.query_params)
        row = self.get_object()
        asked.is_valid(raise_exception=True)
        statement_delete(statement=row, reason=asked.validated_data["reason"], actor=self.principal.actor)
        return Response(status=204)

    @extend_schema(
        responses=VersionOut(many=True), summary="Versions of a period, with what changed", filters=False
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def versions(self, request: Request, pk: str) -> Response:
        """From the first to the last, each beside the one before."""
        rows = versions_of(self.get_object())
        pairs = zip([None, *rows[:-1]], rows, strict=True)
        body = [
            {"statement": new, "differences": difference(old, new) if old is not None else []}
            for old, new in pairs
        ]
        return Response(VersionOut(body, many=True).data)

    @extend_schema(responses=RatedOut, summary="Ratios of a statement", filters=False)
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def ratios(self, request: Request, pk: str) -> Response:
        """The classic ratios and what the model looks at, each with formula, inputs, unit, or why not."""
        return Response(RatedOut(_rated(ratios_for([self.get_object()])[0])).data)

    @extend_schema(
        parameters=[HistoryIn],
        responses=RatioSeriesOut(many=True),
        summary="Ratios of a company over the years",
        filters=False,
    )
    @action(
        detail=False,
        methods=["get"],
        url_path="ratio-history",
        filterset_class=None,
        pagination_class=None,
    )
    def ratio_history(self, request: Request) -> Response:
        """One series for each ratio, from old to new; at most 40 periods."""
        asked = HistoryIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        if not Company.objects.filter(id=asked.validated_data["company"]).exists():
            raise Absent()
        rated = ratio_history(company_id=asked.validated_data["company"], kind=asked.validated_data["kind"])
        wanted = {name for name in asked.validated_data.get("ratio", "").split(",") if name}
        return Response(RatioSeriesOut(_series(rated, wanted), many=True).data)

    @extend_schema(
        responses=QualityCheckOut(many=True), summary="The checks and their boundaries", filters=False
    )
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def checks(self, request: Request) -> Response:
        """What every statement is held against on its way in."""
        return Response(QualityCheckOut([asdict(row) for row in CHECKS.values()], many=True).data)

    def _only_check(self) -> bool:
        # ``?check`` alone means yes.
        asked = {"check": self.request.query_params.get("check") or "true"}
        if "check" not in self.request.query_params:
            return False
        serializer = CheckIn(data=asked)
        serializer.is_valid(raise_exception=True)
        return bool(serializer.validated_data["check"])

    def _company(self, data: dict[str, Any]) -> Company:
        rows = Company.objects.all()
        company: Company | None
        if data.get("company"):
            company = rows.filter(id=data["company"]).first()
        else:
            symbol = data["company_symbol"].strip().upper()
            company = rows.filter(symbol=symbol, organization_id=working_organization(self.principal)).first()
        if company is None:
            detail = "There is no such company."
            pointer = "/company" if data.get("company") else "/company_symbol"
            raise InvalidInput(errors=[{"pointer": pointer, "code": "unknown_company", "detail": detail}])
        return company


def _entry(
    company: Company, data: dict[str, Any], kind: str, fiscal_year: int, fiscal_quarter: int | None
) -> Entry:
    return Entry(
        company=company,
        kind=PeriodKind(kind),
        fiscal_year=fiscal_year,
        fiscal_quarter=fiscal_quarter,
        amounts={name: value for name, value in data["amounts"].items() if value is not None},
        currency=data.get("currency") or "",
        unit=data.get("unit") or "",
        period_end=data.get("period_end"),
        months=data.get("months"),
        source=data.get("source") or "Typed in",
        filing_id=data.get("filing_id") or "",
        filed_on=data.get("filed_on"),
        confirmed=frozenset(data.get("confirm") or ()),
    )


def _checked(found: Checked) -> dict[str, Any]:
    amounts = {name: float(value) for name, value in found.draft.amounts.items()}
    return {
        "outcome": found.outcome,
        "current_id": found.before.id if found.before is not None else None,
        "currency": found.draft.currency,
        "unit": found.draft.unit,
        "amounts": amounts,
        "findings": [finding.as_json() for finding in found.findings],
        "confirmable": sorted({f.code for f in found.findings if f.confirmable and f.level == "error"}),
        "ratios": [asdict(ratio) for ratio in ratios_of([(amounts, [])])[0]],
    }


def _rated(found: Rated) -> dict[str, Any]:
    row = found.statement
    return {
        "statement_id": row.id,
        "fiscal_year": row.fiscal_year,
        "fiscal_quarter": row.fiscal_quarter,
        "version": row.version,
        "currency": row.currency,
        "basis": found.basis,
        "ratios": [asdict(ratio) for ratio in found.ratios],
    }


def _series(rated: list[Rated], wanted: set[str]) -> list[dict[str, Any]]:
    series: dict[tuple[str, str], dict[str, Any]] = {}
    for found in rated:
        for ratio in found.ratios:
            if wanted and ratio.name not in wanted:
                continue
            line = series.setdefault(
                (ratio.group, ratio.name),
                {
                    "name": ratio.name,
                    "label": ratio.label,
                    "group": ratio.group,
                    "unit": ratio.unit,
                    "formula": ratio.formula,
                    "points": [],
                },
            )
            line["points"].append(
                {
                    "fiscal_year": found.statement.fiscal_year,
                    "fiscal_quarter": found.statement.fiscal_quarter,
                    "statement_id": found.statement.id,
                    "value": ratio.value,
                    "reason": ratio.reason,
                }
            )
    return list(series.values())

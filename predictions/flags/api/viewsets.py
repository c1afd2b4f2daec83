"""Flagged companies."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.flags import services
from predictions.flags.models import Flag, FlagRule
from predictions.models import PredictionKind
from tenants.kernel import serializers
from tenants.kernel.filters import BooleanFilter
from tenants.kernel.viewsets import OwnedViewSet


class FlagOut(serializers.ModelSerializer[Flag]):
    symbol = serializers.CharField(source="company.symbol")
    name = serializers.CharField(source="company.name")
    change = serializers.SerializerMethodField(help_text="Difference of the two PDs, -1 to 1.")

    class Meta:
        model = Flag
        fields = (
            *("id", "company_id", "symbol", "name", "prediction_id", "kind", "reasons", "pd", "pd_before"),
            *("change", "risk_level", "level_before", "opened_at", "replaced_at", "acknowledged_at"),
            *("acknowledged_by_id", "note", "organization_id"),
        )

    def get_change(self, row: Flag) -> float:
        return round(row.pd - row.pd_before, 6)


class FlagAnswerIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class FlagRuleOut(serializers.ModelSerializer[FlagRule]):
    class Meta:
        model = FlagRule
        fields = ("points", "relative", "on_level")


class FlagRuleIn(serializers.Serializer[Any]):
    points = serializers.FloatField(required=False, allow_null=True, min_value=0.0001, max_value=1)
    relative = serializers.FloatField(required=False, allow_null=True, min_value=0.001, max_value=100)
    on_level = serializers.BooleanField(required=False)


class FlagFilter(django_filters.FilterSet):
    open = BooleanFilter(method="by_open", label="Neither acknowledged nor replaced.")
    company = django_filters.UUIDFilter(field_name="company_id")
    kind = django_filters.ChoiceFilter(choices=PredictionKind.choices)
    risk_level = django_filters.CharFilter()

    def by_open(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        still = {"acknowledged_at": None, "replaced_at": None}
        return rows.filter(**still) if value else rows.exclude(**still)


@extend_schema(tags=["flags"])
class FlagViewSet(OwnedViewSet):
    """Companies whose risk has changed more than the institution lets pass."""

    model = Flag
    serializer_class = FlagOut
    filterset_class = FlagFilter
    permissions: ClassVar[dict[str, str]] = {
        "list": "predictions.read",
        "retrieve": "predictions.read",
        "acknowledge": "companies.assess",
        "rule": "predictions.read",
        "change_rule": "tenant.change",
    }

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("company").order_by("-id")

    @extend_schema(summary="List flagged companies")
    def list(self, request: Request) -> Response:
        """The newest first; `?open=true` what nobody has looked at."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(FlagOut(page or [], many=True).data)

    @extend_schema(summary="Show a flag")
    def retrieve(self, request: Request, pk: str) -> Response:
        """One change of one company's PD."""
        return Response(FlagOut(self.get_object()).data)

    @extend_schema(request=FlagAnswerIn, responses=FlagOut, summary="Acknowledge a flag")
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Somebody has looked at it."""
        flag: Flag = self.get_object()
        given = FlagAnswerIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.flag_acknowledge(flag=flag, **given.validated_data, actor=self.principal.actor)
        return Response(FlagOut(row).data)

    @extend_schema(responses=FlagRuleOut, summary="What is flagged", filters=False)
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def rule(self, request: Request) -> Response:
        """Absolute and relative change of the PD, and changes of the risk level."""
        return Response(FlagRuleOut(services.rule_of_institution()).data)

    @extend_schema(request=FlagRuleIn, responses=FlagRuleOut, summary="Change what is flagged")
    @rule.mapping.patch
    def change_rule(self, request: Request) -> Response:
        """Holds for scores from now on; null switches a limit off."""
        given = FlagRuleIn(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.flag_rule_update(changes=given.validated_data, actor=self.principal.actor)
        return Response(FlagRuleOut(row).data)

"""Companies of the caller's organization."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from rest_framework import mixins

from companies.api.serializers import CompanyOut
from companies.models import Company
from tenants.kernel.viewsets import OwnedViewSet


class CompanyFilter(django_filters.FilterSet):
    # Filters are declared one by one: Meta.fields would read the guarded manager at import.
    search = django_filters.CharFilter(method="matching", label="Part of the symbol or the name.")
    symbol = django_filters.CharFilter(lookup_expr="iexact")
    sector = django_filters.CharFilter(lookup_expr="iexact")

    def matching(self, rows: QuerySet[Company], name: str, value: str) -> QuerySet[Company]:
        return rows.filter(Q(symbol__icontains=value) | Q(name__icontains=value))


class CompanyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnedViewSet):
    """Companies; they come with predictions and files."""

    model = Company
    serializer_class = CompanyOut
    filterset_class = CompanyFilter
    permissions: ClassVar[dict[str, str]] = {"list": "companies.read", "retrieve": "companies.read"}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.order_by("-created_at", "-id")

"""Exchange rates: read by everybody, loaded by the platform."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from companies.fx.files import LARGEST
from companies.fx.models import FxRate
from companies.fx.services import rates_load
from tenants.kernel import serializers
from tenants.kernel.context import in_public
from tenants.kernel.errors import InvalidInput
from tenants.kernel.viewsets import DeclaredViewSet


class RateOut(serializers.Serializer[Any]):
    """One rate."""

    currency = serializers.CharField(help_text="ISO 4217.")
    on = serializers.DateField(help_text="The day that the rate is of.")
    usd_per_unit = serializers.FloatField(help_text="US dollars for one unit of the currency.")
    source = serializers.CharField(help_text="Who published the rate.")  # type: ignore[assignment]
    loaded_at = serializers.DateTimeField()


class RatesIn(serializers.Serializer[Any]):
    file = serializers.FileField(
        help_text="CSV: the ECB's reference rates, or columns currency, date, usd_per_unit."
    )
    source = serializers.CharField(max_length=60, default="ECB")  # type: ignore[assignment]


class LoadedOut(serializers.Serializer[Any]):
    """What a file of rates brought."""

    rates = serializers.IntegerField(help_text="Rates in the file.")
    changed = serializers.IntegerField(help_text="New, or other than before.")
    currencies = serializers.IntegerField()


class RateFilter(django_filters.FilterSet):
    currency = django_filters.CharFilter(lookup_expr="iexact")
    since = django_filters.DateFilter(field_name="on", lookup_expr="gte")
    until = django_filters.DateFilter(field_name="on", lookup_expr="lte")


@extend_schema(tags=["fx-rates"])
class FxRateViewSet(DeclaredViewSet):
    """Exchange rates that statements in other currencies are scored with."""

    queryset = FxRate.objects.order_by("-on", "currency")
    serializer_class = RateOut
    filterset_class = RateFilter
    permissions: ClassVar[dict[str, str]] = {"list": "companies.read", "create": "platform.change"}
    throttles: ClassVar[dict[str, str]] = {"create": "upload"}
    parser_classes = (MultiPartParser,)

    @extend_schema(summary="Exchange rates")
    def list(self, request: Request) -> Response:
        """Rates to the US dollar, the newest first."""
        with in_public():
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
            return self.get_paginated_response(RateOut(page or [], many=True).data)

    @extend_schema(
        summary="Load exchange rates",
        request={"multipart/form-data": RatesIn},
        responses={201: LoadedOut},
    )
    def create(self, request: Request) -> Response:
        """Take in a file; rates that are there already are replaced. Scores keep the rate of their making."""
        serializer = RatesIn(data=request.data)
        serializer.is_valid(raise_exception=True)
        file = serializer.validated_data["file"]
        if file.size > LARGEST:
            raise _no_text("The file is larger than 20 MB.")
        try:
            text = file.read().decode("utf-8")
        except UnicodeDecodeError:
            raise _no_text("The file is no text in UTF-8.") from None
        found = rates_load(text=text, source=serializer.validated_data["source"], actor=self.principal.actor)
        return Response(LoadedOut(found).data, status=201)


def _no_text(detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": "/file", "code": "bad_rates", "detail": detail}])

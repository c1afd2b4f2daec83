"""Endpoints of comparisons."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
import numpy as np
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.selectors import global_data_allowed
from predictions.comparison import history, peers, sectors
from predictions.comparison.api.serializers import (
    BenchmarkIn,
    BenchmarkOut,
    DistributionIn,
    DistributionOut,
    KindIn,
    MigrationIn,
    MigrationOut,
    RankedOut,
    RankingIn,
    SectorsIn,
    SectorsOut,
    SideBySideIn,
    SideBySideOut,
)
from predictions.comparison.metrics import METRICS, PD
from predictions.models import PredictionKind, RiskLevel
from tenants.kernel.errors import Absent
from tenants.kernel.viewsets import DeclaredViewSet


class RankingFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=PredictionKind.choices, method="as_it_is")
    sector = django_filters.CharFilter(field_name="company__sector", lookup_expr="iexact")
    risk_level = django_filters.MultipleChoiceFilter(choices=RiskLevel.choices, distinct=False)

    def as_it_is(self, rows: Any, name: str, value: str) -> Any:
        return rows  # the rows are of one kind already


@extend_schema(tags=["comparison"])
class ComparisonViewSet(DeclaredViewSet):
    """Companies beside peers, beside each other, and beside their past."""

    module = "comparison"
    # The ranking has one of its own.
    filterset_class: ClassVar[type[Any] | None] = None
    permissions: ClassVar[dict[str, str]] = {
        "benchmark": "predictions.read",
        "companies": "predictions.read",
        "sectors": "predictions.read",
        "ranking": "predictions.read",
        "migration": "predictions.read",
        "distribution": "predictions.read",
    }

    def _asked(self, shape: type[Any]) -> dict[str, Any]:
        given = shape(data=self.request.query_params)
        given.is_valid(raise_exception=True)
        asked: dict[str, Any] = given.validated_data
        return asked

    def _reference(self, asked: dict[str, Any]) -> bool:
        return bool(asked["reference"]) and global_data_allowed(self.principal)

    @extend_schema(
        parameters=[BenchmarkIn], responses=BenchmarkOut, summary="Industry benchmark", filters=False
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def benchmark(self, request: Request) -> Response:
        """Quartiles of the PD and of every ratio in a group of peers, and where a company stands in it.

        By sector and size class, from one's own companies and the reference data. A group of fewer than ten
        names is widened, and the answer says so.
        """
        asked = self._asked(BenchmarkIn)
        company, sector, size = None, asked["sector"], asked.get("size")
        if "company_id" in asked:
            found = peers.standings([asked["company_id"]], asked["kind"])
            if not found:
                raise Absent()
            company = found[0]
            sector, size = sector or company.company.sector, size or company.size
        group = peers.group_for(asked["kind"], sector, size, reference=self._reference(asked))
        body = {
            "company_id": company.company.id if company else None,
            "company_symbol": company.company.symbol if company else None,
            "kind": asked["kind"],
            "group": _group(group),
            "metrics": peers.benchmark(group, company.values if company else None),
        }
        return Response(BenchmarkOut(body).data)

    @extend_schema(
        parameters=[SideBySideIn], responses=SideBySideOut, summary="Companies side by side", filters=False
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def companies(self, request: Request) -> Response:
        """Two to ten: PD, category, what it was before, percentile in its sector, and every ratio."""
        asked = self._asked(SideBySideIn)
        found = peers.standings(asked["ids"], asked["kind"])
        if len(found) < len(asked["ids"]):
            raise Absent()
        earlier = sectors.before([s.head for s in found if s.head is not None])
        groups = {
            sector: peers.group_at(
                "sector" if sector else "all", asked["kind"], sector, None, reference=self._reference(asked)
            )
            for sector in {s.company.sector for s in found}
        }
        body = {
            "kind": asked["kind"],
            "companies": [_side(s, earlier.get(s.company.id), groups[s.company.sector]) for s in found],
            "metrics": [_side_metric(name, found) for name in METRICS],
        }
        return Response(SideBySideOut(body).data)

    @extend_schema(
        parameters=[SectorsIn], responses=SectorsOut, summary="Sectors side by side", filters=False
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def sectors(self, request: Request) -> Response:
        """By sector: names, PDs, categories; one's own beside the reference data."""
        asked = self._asked(SectorsIn)
        found = sectors.sectors(asked["kind"], reference=self._reference(asked))
        return Response(SectorsOut({"kind": asked["kind"], **found}).data)

    @extend_schema(
        parameters=[RankingIn], responses=RankedOut(many=True), summary="Who stands where", filters=False
    )
    @action(detail=False, methods=["get"], filterset_class=RankingFilter)
    def ranking(self, request: Request) -> Response:
        """What stands now, the riskiest first, beside the period before."""
        kind = self._asked(KindIn)["kind"]
        page = self.paginate_queryset(self.filter_queryset(sectors.ranked(kind))) or []
        first = getattr(self.paginator, "offset", None) or 0
        earlier = sectors.before(page)
        rows = [_ranked(first + place, head, earlier) for place, head in enumerate(page, start=1)]
        return self.get_paginated_response(rows)

    @extend_schema(
        parameters=[MigrationIn],
        responses=MigrationOut,
        summary="From category to category between two days",
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def migration(self, request: Request) -> Response:
        """By the score that held on each day; deleted companies are left out."""
        asked = self._asked(MigrationIn)
        found = history.migration(asked["start"], asked["end"], asked["kind"])
        return Response(MigrationOut({**asked, **found}).data)

    @extend_schema(
        parameters=[DistributionIn],
        responses=DistributionOut,
        summary="Categories at the end of each quarter",
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def distribution(self, request: Request) -> Response:
        """By the score that held then; the last row is today."""
        asked = self._asked(DistributionIn)
        rows = history.distribution(asked["quarters"], asked["kind"])
        return Response(DistributionOut({"kind": asked["kind"], "quarters": rows}).data)


def _group(group: peers.Group) -> dict[str, Any]:
    return {
        "level": group.level,
        "sector": group.sector,
        "size": group.size,
        "names": group.names,
        "own": group.own.names,
        "reference": group.reference.names,
        "sampled_from": group.own.whole + group.reference.whole,
        "least": peers.LEAST,
        "passed": [{"level": level, "names": names} for level, names in group.passed],
        "text": group.text,
    }


def _side(standing: peers.Standing, earlier: Any, group: peers.Group) -> dict[str, Any]:
    company, head = standing.company, standing.head
    current = head.current if head is not None else None
    return {
        "company_id": company.id,
        "company_symbol": company.symbol,
        "company_name": company.name,
        "sector": company.sector,
        "country": company.country,
        "size": standing.size,
        "prediction_id": head.id if head else None,
        "reporting_year": str(head.fiscal_year) if head else None,
        "reporting_quarter": head.quarter_text if head else None,
        "probability": head.pd if head else None,
        "risk_level": head.risk_level if head else None,
        "grade": current.grade if current else None,
        "confidence": current.confidence if current else None,
        "probability_before": earlier.pd if earlier else None,
        "percentile": peers.compared(PD, standing.values[PD], group)["percentile"],
    }


def _side_metric(name: str, found: list[peers.Standing]) -> dict[str, Any]:
    spec = METRICS[name]
    values = [s.values[name] for s in found]
    best = worst = None
    known = [(value, s.company.id) for value, s in zip(values, found, strict=True) if value is not None]
    if spec.direction and len({value for value, _ in known}) > 1:
        order = sorted(known, key=lambda pair: spec.direction * pair[0])
        best, worst = order[0][1], order[-1][1]
    return {
        "name": name,
        "label": spec.label,
        "family": spec.family,
        "unit": spec.unit,
        "direction": spec.direction,
        "values": [None if v is None else float(np.round(v, 10)) for v in values],
        "best": best,
        "worst": worst,
    }


def _ranked(rank: int, head: Any, earlier: dict[Any, Any]) -> dict[str, Any]:
    company, before = head.company, earlier.get(head.company_id)
    return {
        "rank": rank,
        "company_id": company.id,
        "company_symbol": company.symbol,
        "company_name": company.name,
        "sector": company.sector,
        "prediction_id": head.id,
        "reporting_year": str(head.fiscal_year),
        "reporting_quarter": head.quarter_text,
        "probability": round(head.pd, 6),
        "probability_before": None if before is None or before.pd is None else round(before.pd, 6),
        "risk_level": head.risk_level,
        "risk_level_before": before.risk_level if before else None,
        "grade": head.current.grade if head.current else "",
        "organization_id": head.organization_id,
    }

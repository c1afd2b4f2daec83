"""A watchlist as a table: its companies with what is thought of them now and before."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat

from companies.api.filters import CompanyFilter, by_custom
from companies.lists.models import Watchlist
from companies.models import Company
from predictions.exporting.lists.predictions import in_reach
from predictions.exporting.tables import Column, ListTable
from predictions.models import Prediction

_COLUMNS = (
    Column("symbol", "text", "The organization's own short name of the company."),
    Column("name", "text", "The company's name.", width=34),
    Column("country", "text", "ISO 3166-1, two letters.", width=8),
    Column("sector", "text", "Sector.", width=24),
    Column("state", "text", "alive, defaulted or merged."),
    Column("internal_rating", "text", "The institution's own rating that holds now."),
    Column("pd", "share", "The latest annual PD; the quarterly one where there is no annual.", "said_pd"),
    Column(
        "risk_level", "text", "LOW, MEDIUM, HIGH or CRITICAL by the institution's cut-offs.", "said_level"
    ),
    Column("period", "text", "The period of that PD.", "said_period", width=10),
    Column("pd_before", "share", "The PD of the period before.", "before_pd"),
    Column("risk_level_before", "text", "The level of the period before.", "before_level"),
    Column(
        "change",
        "share",
        "Difference of the two PDs: 1.00% is one percentage point.",
        lambda row: None if None in (row.said_pd, row.before_pd) else row.said_pd - row.before_pd,
    ),
    Column("tags", "text", "Words that the organization put on it, separated by semicolons."),
    Column("id", "text", "Its identifier, for programs.", width=38),
)


def _rows() -> QuerySet[Any]:
    heads = Prediction.objects.filter(company_id=OuterRef("pk"), pd__isnull=False)
    now = heads.filter(latest=True).order_by("kind")
    before = heads.filter(kind=OuterRef("said_kind")).order_by("-fiscal_year", "-fiscal_quarter")
    year, quarter = (Cast(name, CharField()) for name in ("fiscal_year", "fiscal_quarter"))
    period = Case(
        When(fiscal_quarter=None, then=year),
        default=Concat(year, Value(" Q"), quarter),
        output_field=CharField(),
    )
    rows: QuerySet[Any] = Company.objects.annotate(
        said_kind=Subquery(now.values("kind")[:1]),
        said_pd=Subquery(now.values("pd")[:1]),
        said_level=Subquery(now.values("risk_level")[:1]),
        said_period=Subquery(now.annotate(period=period).values("period")[:1]),
    ).annotate(
        before_pd=Subquery(before.values("pd")[1:2]), before_level=Subquery(before.values("risk_level")[1:2])
    )
    return rows.order_by(F("said_pd").desc(nulls_last=True), "symbol", "id")


TABLES = (
    ListTable(
        "watchlist",
        "Companies of a watchlist",
        "companies.read",
        _rows,
        CompanyFilter,
        lambda: _COLUMNS,
        further=by_custom,
        needs={"watchlist": in_reach(Watchlist)},
    ),
)

"""Companies and statements as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet

from companies import selectors
from companies.api.filters import CompanyFilter, by_custom
from companies.line_items import LineItems
from companies.models import Company, PeriodKind, Statement
from ml.features import LINE_ITEMS
from predictions.exporting.tables import Column, Kind, ListTable
from tenants.kernel.filters import BooleanFilter, WholeNumberFilter

_CUSTOM_KINDS: dict[str, Kind] = {
    "text": "text", "choice": "text", "number": "number", "date": "date", "yes_no": "yes_no"
}  # fmt: skip
_COMPANY = (
    Column("symbol", "text", "The organization's own short name of the company."),
    Column("name", "text", "The company's name.", width=34),
    Column("legal_form", "text", "Legal form.", lambda row: row.get_legal_form_display()),
    Column("country", "text", "ISO 3166-1, two letters.", width=8),
    Column("sector", "text", "Sector.", width=24),
    Column("industry", "text", "Industry.", width=30),
    Column("ticker", "text", "The symbol on its exchange.", width=10),
    Column("exchange", "text", "Name or ISO 10383 code of the market.", width=10),
    Column("cik", "text", "Central Index Key of the SEC."),
    Column("lei", "text", "Legal Entity Identifier, ISO 17442.", width=24),
    Column("national_id", "text", "Number in a national register."),
    Column("currency", "text", "ISO 4217: in which the company reports.", width=9),
    Column("fiscal_year_end", "whole", "Month in which the fiscal year ends."),
    Column("market_cap", "money", "Market value in millions of market_cap_currency, or of currency."),
    Column("market_cap_currency", "text", "ISO 4217, where it is another one.", width=9),
    Column("market_cap_on", "date", "Day of the market value."),
    Column("state", "text", "alive, defaulted or merged."),
    Column("defaulted_on", "date", "Day of the default."),
    Column("default_kind", "text", "Kind of the default."),
    Column("internal_rating", "text", "The institution's own rating that holds now."),
    Column("tags", "text", "Words that the organization put on it, separated by semicolons."),
)


def _custom(name: str) -> Any:
    return lambda row: row.custom.get(name)


def _company_columns() -> Sequence[Column]:
    own = [
        Column(
            f"custom.{field.name}",
            _CUSTOM_KINDS[field.kind],
            field.help_text or f"{field.label}: a field of the institution.",
            _custom(field.name),
        )
        for field in selectors.custom_fields()
    ]
    kept = (
        Column("created_at", "moment", "When it was made."),
        Column("updated_at", "moment", "When it was last changed."),
        Column("id", "text", "Its identifier, for programs.", width=38),
    )
    return (*_COMPANY, *own, *kept)


def _companies() -> QuerySet[Any]:
    rows: QuerySet[Any] = Company.objects.order_by("symbol", "id")
    return rows


class StatementFilter(django_filters.FilterSet):
    company = django_filters.UUIDFilter(field_name="company_id")
    symbol = django_filters.CharFilter(field_name="company__symbol", lookup_expr="iexact")
    kind = django_filters.MultipleChoiceFilter(choices=PeriodKind.choices, distinct=False)
    year = WholeNumberFilter(field_name="fiscal_year")
    current = BooleanFilter(label="Only the versions that hold now.")


STATEMENT_COLUMNS = (
    Column("symbol", "text", "The company's symbol.", "company.symbol"),
    Column("name", "text", "The company's name.", "company.name", width=34),
    Column("kind", "text", "annual, quarterly or ttm (trailing twelve months)."),
    Column("fiscal_year", "whole", "Fiscal year."),
    Column("fiscal_quarter", "whole", "Fiscal quarter, 1 to 4."),
    Column("period_end", "date", "Last day of the period."),
    Column("months", "whole", "Months that the flows cover."),
    Column("basis", "text", "reported or restated."),
    Column("version", "whole", "Number of the version; each amendment is a further one."),
    Column("current", "yes_no", "Whether the version holds now."),
    Column("currency", "text", "ISO 4217: in which the amounts are.", width=9),
    Column("quality", "text", "The gravest thing that the checks found."),
    Column("source", "text", "Where the amounts come from.", width=30),
    Column("filing_id", "text", "The source's own number of the filing.", width=24),
    Column("filed_on", "date", "Day of the filing."),
    *(
        Column(name, "money", f"{LINE_ITEMS[name].label}, millions of currency.")
        for name in LineItems.item_names()
    ),
    Column("created_at", "moment", "When it was stored."),
    Column("id", "text", "Its identifier, for programs.", width=38),
)


def statements() -> QuerySet[Any]:
    """Statements with their companies, by company and period."""
    rows: QuerySet[Any] = Statement.objects.select_related("company")
    return rows.order_by(
        "company__symbol", "company_id", "kind", "-fiscal_year", "-fiscal_quarter", "-version"
    )


TABLES = (
    ListTable(
        "companies",
        "Companies",
        "companies.read",
        _companies,
        CompanyFilter,
        _company_columns,
        further=by_custom,
    ),
    ListTable(
        "statements", "Statements", "companies.read", statements, StatementFilter, lambda: STATEMENT_COLUMNS
    ),
)

"""How lists of companies are narrowed and ordered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from companies import identifiers, search
from companies.custom_values import BadValue, read_value
from companies.identifiers import BadIdentifier
from companies.lists.models import WatchlistEntry
from companies.lists.selectors import companies_on
from companies.models import CompanyState, CustomKind
from companies.outlook import RISK_LEVELS, outlook
from companies.sectors import sector_named
from companies.selectors import custom_fields_by_name
from tenants.kernel.errors import InvalidInput
from tenants.kernel.filters import BooleanFilter

PREFIX = "custom."


class StableOrderingFilter(django_filters.OrderingFilter):
    """Orders as asked and then by identifier, so that equal rows keep their page."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        ordered: QuerySet[Any] = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "-id") if value else ordered


class CompanyFilter(django_filters.FilterSet):
    # Filters are declared one by one: Meta.fields would read the guarded manager at import.
    search = django_filters.CharFilter(
        method="by_words", label="Words of the name, the beginning of symbol or ticker, or an identifier."
    )
    symbol = django_filters.CharFilter(lookup_expr="iexact")
    sector = django_filters.CharFilter(method="by_sector", label="A sector by any of its names; repeatable.")
    industry = django_filters.CharFilter(lookup_expr="iexact")
    country = django_filters.CharFilter(method="by_country", label="ISO 3166-1; repeatable.")
    state = django_filters.MultipleChoiceFilter(choices=CompanyState.choices, distinct=False)
    tag = django_filters.CharFilter(method="by_tag", label="A tag; repeated, all of them.")
    rating = django_filters.CharFilter(method="by_rating", label="Internal rating; repeatable.")
    lei = django_filters.CharFilter(lookup_expr="iexact")
    cik = django_filters.CharFilter(method="by_cik", label="With or without zeros in front.")
    tracked = BooleanFilter(
        field_name="reference_id",
        lookup_expr="isnull",
        exclude=True,
        label="Whether it follows a company of the platform.",
    )
    has_prediction = BooleanFilter(method="by_scored", label="Whether it has a PD.")
    risk_level = django_filters.MultipleChoiceFilter(
        choices=[(level, level.title()) for level in RISK_LEVELS],
        method="by_standing",
        label="Level of the latest PD; repeatable.",
    )
    min_probability = django_filters.NumberFilter(method="by_standing", label="Least latest PD, 0 to 1.")
    max_probability = django_filters.NumberFilter(method="by_standing", label="Highest latest PD, 0 to 1.")
    mine = django_filters.ChoiceFilter(
        choices=[("created", "Created"), ("watched", "Watched"), ("tracked", "Tracked"), ("any", "Any")],
        method="by_mine",
        label="Made by the caller, on a list of his, made by him to follow the platform's, or any of these.",
    )
    watchlist = django_filters.UUIDFilter(
        method="by_watchlist", label="On this watchlist, which is the caller's or shared with him."
    )
    ordering = StableOrderingFilter(
        fields=(
            ("symbol", "symbol"),
            ("name", "name"),
            ("sector", "sector"),
            ("country", "country"),
            ("market_cap", "market_cap"),
            ("created_at", "created_at"),
            ("updated_at", "updated_at"),
        ),
        help_text="symbol, name, sector, country, market_cap, created_at, updated_at; a minus: descending.",
    )

    def _all(self, name: str) -> list[str]:
        return [value for value in self.data.getlist(name) if value.strip()]  # type: ignore[attr-defined]

    def by_words(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search.matching(rows, value)

    def by_sector(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        wanted = Q()
        for text in self._all(name):
            wanted |= Q(sector__iexact=sector_named(text))
        return rows.filter(wanted)

    def by_country(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        try:
            return rows.filter(country__in=[identifiers.country(text) for text in self._all(name)])
        except BadIdentifier as bad:
            raise InvalidInput(
                bad.detail, errors=[{"pointer": "/country", "code": bad.code, "detail": bad.detail}]
            ) from None

    def by_tag(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(tags__contains=self._all(name))

    def by_rating(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(internal_rating__in=self._all(name))

    def by_cik(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(cik=value.strip().lstrip("0") or "0")

    def by_scored(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return outlook().narrowed(rows, has=value)

    def by_mine(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        me = self.request.auth.user_id
        created = Q(created_by_id=me)
        watched = Q(
            Exists(WatchlistEntry.objects.filter(company_id=OuterRef("pk"), watchlist__created_by_id=me))
        )
        ways = {"created": created, "watched": watched, "tracked": created & ~Q(reference_id=None)}
        return rows.filter(ways.get(value, created | watched))

    def by_watchlist(self, rows: QuerySet[Any], name: str, value: UUID) -> QuerySet[Any]:
        return rows.filter(id__in=companies_on(value, self.request.auth.user_id))

    def by_standing(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Levels and range are one question about the same PD: two would each walk all companies."""
        cleaned = self.form.cleaned_data
        levels = cleaned["risk_level"]
        lowest, highest = (
            None if cleaned[end] is None else float(cleaned[end])
            for end in ("min_probability", "max_probability")
        )
        given = {"risk_level": levels, "min_probability": lowest, "max_probability": highest}
        first = next((end for end, limit in given.items() if limit not in (None, [])), None)
        if name != first:
            return rows
        return outlook().narrowed(rows, risk_levels=levels, lowest=lowest, highest=highest)


def by_custom(rows: QuerySet[Any], params: Any) -> QuerySet[Any]:
    """Narrow by the institution's own fields: ``custom.NAME=``, for numbers and dates ``custom.NAME.min=``
    and ``.max=`` too. Raises InvalidInput for a field that is not there and a value that it does not take."""
    asked = {key: value for key, value in params.items() if key.startswith(PREFIX) and value.strip()}
    if not asked:
        return rows
    definitions = custom_fields_by_name()
    for key, value in asked.items():
        name, _, end = key.removeprefix(PREFIX).partition(".")
        definition = definitions.get(name)
        ranged = definition is not None and definition.kind in {CustomKind.NUMBER, CustomKind.DATE}
        if definition is None or end not in ({"", "min", "max"} if ranged else {""}):
            raise _bad(key, "unknown_field", "There is no such field to filter by.")
        try:
            read = read_value(definition, value)
        except BadValue as bad:
            raise _bad(key, bad.code, bad.detail) from None
        if end:
            # Values of other kinds compare as well in jsonb, numbers below texts: there are none of them.
            rows = rows.filter(**{f"custom__{name}__{'gte' if end == 'min' else 'lte'}": read})
        else:
            rows = rows.filter(custom__contains={name: read})
    return rows


def _bad(key: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(detail, errors=[{"pointer": f"/{key}", "code": code, "detail": detail}])

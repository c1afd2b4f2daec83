"""Shapes of companies."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field

from companies.models import (
    FIELD_NAME,
    Company,
    CompanyMerge,
    CustomField,
    CustomKind,
    DefaultKind,
    LegalForm,
    RatingChange,
)
from tenants.kernel import serializers


class OutlookOut(serializers.Serializer[Any]):
    prediction_id = serializers.UUIDField()
    kind = serializers.CharField(help_text="annual, or quarterly where there is no annual prediction.")
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField(help_text="Latest PD within a year, 0 to 1.")
    risk_level = serializers.CharField(help_text="LOW, MEDIUM, HIGH or CRITICAL.")
    previous_probability = serializers.FloatField(allow_null=True, help_text="Of the period before.")
    previous_risk_level = serializers.CharField(allow_null=True)
    change = serializers.FloatField(allow_null=True, help_text="Difference of the two PDs, -1 to 1.")


class CompanyOut(serializers.ModelSerializer[Company]):
    market_cap = serializers.FloatField(
        allow_null=True, help_text="Millions of market_cap_currency, or of currency where that is empty."
    )
    custom = serializers.DictField(help_text="Values of the institution's own fields by name.")
    latest = serializers.SerializerMethodField(help_text="What is thought of it now; null without a PD.")
    merged_into_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = Company
        fields = (
            *("id", "symbol", "name", "sector", "industry", "legal_form", "country"),
            *("ticker", "exchange", "cik", "lei", "national_id"),
            *("currency", "fiscal_year_end", "market_cap", "market_cap_currency", "market_cap_on"),
            *("state", "defaulted_on", "default_kind", "merged_into_id", "tags", "custom"),
            *("internal_rating", "reference_id", "latest", "organization_id", "version"),
            *("created_at", "updated_at", "created_by_id"),
        )

    @extend_schema_field(OutlookOut(allow_null=True))
    def get_latest(self, row: Company) -> dict[str, Any] | None:
        outlooks: dict[Any, dict[str, Any]] = self.context.get("outlooks", {})
        return outlooks.get(row.id)


class DeletedCompanyOut(CompanyOut):
    class Meta(CompanyOut.Meta):
        fields = (*CompanyOut.Meta.fields, "deleted_at", "deleted_by_id")  # type: ignore[assignment]


class CompanyIn(serializers.Serializer[Any]):
    """What may be said of a company. The values are judged by one set of rules, whoever brings them."""

    symbol = serializers.CharField(
        max_length=60, help_text="How the organization knows it: letters, digits and . - _ / & (30 at most)."
    )
    name = serializers.CharField(max_length=300, required=False, allow_blank=True)
    legal_form = serializers.ChoiceField(choices=LegalForm.choices, required=False, allow_blank=True)
    country = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text="ISO 3166-1 code, or an English name."
    )
    sector = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="One of GET /sectors; others are kept."
    )
    industry = serializers.CharField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="An industry by name, or a code as `SIC 3674` or `NACE C26.11`.",
    )
    sic = serializers.CharField(max_length=10, required=False, allow_blank=True, help_text="SIC code.")
    nace = serializers.CharField(max_length=10, required=False, allow_blank=True, help_text="NACE code.")
    ticker = serializers.CharField(max_length=40, required=False, allow_blank=True)
    exchange = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text="ISO 10383 code, or a usual name."
    )
    cik = serializers.CharField(
        max_length=20, required=False, allow_blank=True, help_text="Central Index Key of the SEC."
    )
    lei = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="Its check digits are verified."
    )
    national_id = serializers.CharField(
        max_length=60,
        required=False,
        allow_blank=True,
        help_text="Number in a national register; verified where the country's numbers have check digits.",
    )
    currency = serializers.CharField(max_length=10, required=False, allow_blank=True, help_text="ISO 4217.")
    fiscal_year_end = serializers.IntegerField(
        required=False, allow_null=True, help_text="Month in which the fiscal year ends, 1 to 12."
    )
    market_cap = serializers.FloatField(
        required=False, allow_null=True, help_text="Millions of market_cap_currency, else of currency."
    )
    market_cap_currency = serializers.CharField(max_length=10, required=False, allow_blank=True)
    market_cap_on = serializers.DateField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    custom = serializers.DictField(
        required=False, help_text="Values of the institution's own fields by name; null empties one."
    )

    # What a PUT does not say is emptied.
    EMPTY: dict[str, Any] = dict.fromkeys(  # noqa: RUF012 - DRF collects fields only
        (
            *("name", "legal_form", "country", "sector", "industry", "ticker", "exchange", "cik", "lei"),
            *("national_id", "currency", "market_cap_currency"),
        ),
        "",
    ) | {"fiscal_year_end": None, "market_cap": None, "market_cap_on": None, "tags": []}


class RestoreIn(serializers.Serializer[Any]):
    symbol = serializers.CharField(
        max_length=60, required=False, help_text="Another symbol, where its own was given away."
    )


class DefaultIn(serializers.Serializer[Any]):
    occurred_on = serializers.DateField(help_text="When the default happened.")
    kind = serializers.ChoiceField(choices=DefaultKind.choices, default=DefaultKind.OTHER)


class ReviveIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)
    mistaken = serializers.BooleanField(
        default=False, help_text="It never defaulted: the outcome that was noted goes as well."
    )


class RatingIn(serializers.Serializer[Any]):
    rating = serializers.CharField(
        max_length=20,
        allow_blank=True,
        help_text="A grade of the master scale, or own words; empty withdraws.",
    )
    reason = serializers.CharField(max_length=500)


class RatingOut(serializers.ModelSerializer[RatingChange]):
    created_by = serializers.SerializerMethodField(help_text="Address of who decided; null if not known.")

    class Meta:
        model = RatingChange
        fields = ("id", "rating", "before", "scheme", "reason", "created_at", "created_by_id", "created_by")

    def get_created_by(self, row: RatingChange) -> str | None:
        emails: dict[Any, str] = self.context.get("emails", {})
        return emails.get(row.created_by_id)


class MergeIn(serializers.Serializer[Any]):
    merged = serializers.UUIDField(help_text="The company that goes; this one stays.")
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class UndoMergeIn(serializers.Serializer[Any]):
    merge = serializers.UUIDField(help_text="Id of a merger of GET /companies/{id}/merges.")


class MergeOut(serializers.ModelSerializer[CompanyMerge]):
    moved = serializers.SerializerMethodField(help_text="Rows that moved, by table.")
    kept = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Rows that stayed with the merged company, because the survivor has their period.",
    )
    learnt = serializers.DictField(help_text="What the survivor took over: [before, after] by field.")

    class Meta:
        model = CompanyMerge
        fields = (
            *("id", "survivor_id", "merged_id", "moved", "kept", "learnt", "reason"),
            *("created_at", "created_by_id", "undone_at", "undone_by_id"),
        )

    def get_moved(self, row: CompanyMerge) -> dict[str, int]:
        return {label: len(ids) for label, ids in row.moved.items()}


class CandidateOut(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="national_id, ticker, or name: in what they agree.")
    value = serializers.CharField(help_text="What they have in common.")
    companies = CompanyOut(many=True)


class TagsIn(serializers.Serializer[Any]):
    companies = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=500)
    add = serializers.ListField(child=serializers.CharField(max_length=60), default=list)
    remove = serializers.ListField(child=serializers.CharField(max_length=60), default=list)


class ChangedOut(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="Rows that are otherwise now.")


class TrackIn(serializers.Serializer[Any]):
    reference_id = serializers.UUIDField(help_text="Id of a company of GET /companies/global.")
    symbol = serializers.CharField(
        max_length=60, required=False, help_text="Another symbol than the platform's, if that is taken."
    )
    company = serializers.UUIDField(
        required=False, help_text="A company of one's own that shall follow it, instead of a new one."
    )


class GlobalCompanyOut(CompanyOut):
    tracked_as = serializers.SerializerMethodField(
        help_text="Id of the organization's own company that follows it; null if none does."
    )

    class Meta(CompanyOut.Meta):
        fields = (*CompanyOut.Meta.fields, "tracked_as")  # type: ignore[assignment]

    def get_tracked_as(self, row: Company) -> str | None:
        found = self.context.get("tracked", {}).get(row.id)
        return str(found) if found else None


class CustomFieldOut(serializers.ModelSerializer[CustomField]):
    archived = serializers.SerializerMethodField()

    class Meta:
        model = CustomField
        fields = (
            *("id", "name", "label", "kind", "choices", "required", "help_text", "position"),
            *("archived", "version", "created_at"),
        )

    def get_archived(self, row: CustomField) -> bool:
        return row.archived_at is not None


class CustomFieldChangeIn(serializers.Serializer[Any]):
    # Names of fields that the base class has attributes for: DRF collects them all the same.
    label = serializers.CharField(max_length=80, required=False)  # type: ignore[assignment]
    choices = serializers.ListField(child=serializers.CharField(max_length=80), required=False)
    required = serializers.BooleanField(  # type: ignore[assignment]
        required=False, help_text="Asked of new companies."
    )
    help_text = serializers.CharField(  # type: ignore[assignment]
        max_length=200, required=False, allow_blank=True
    )
    position = serializers.IntegerField(min_value=0, max_value=10_000, required=False)


class CustomFieldIn(CustomFieldChangeIn):
    name = serializers.CharField(
        max_length=40, validators=[FIELD_NAME], help_text="Small letters, digits and underscores; for good."
    )
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=CustomKind.choices, help_text="For good.")


class SectorOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    industries = serializers.ListField(child=serializers.CharField())
    also = serializers.ListField(child=serializers.CharField(), help_text="Other names that are understood.")


class ClassifyIn(serializers.Serializer[Any]):
    sector = serializers.CharField(required=False, default="", help_text="Any name of a sector.")
    industry = serializers.CharField(required=False, default="")
    sic = serializers.CharField(required=False, default="", help_text="SIC code, three or four digits.")
    nace = serializers.CharField(required=False, default="", help_text="NACE code, such as C26.11.")


class ClassifiedOut(serializers.Serializer[Any]):
    sector = serializers.CharField(allow_blank=True)
    industry = serializers.CharField(allow_blank=True)

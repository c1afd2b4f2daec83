"""Shapes of statements."""

from __future__ import annotations

from typing import Any

from companies.models import FIRST_YEAR, LAST_YEAR, AmountUnit, PeriodKind, Statement
from companies.quality import CONFIRMABLE
from companies.sheets.units import CURRENCIES
from tenants.kernel import serializers

_MILLIONS = "Millions of `currency` by line item; what is not known is left out."


class FindingOut(serializers.Serializer[Any]):
    """What a check found."""

    code = serializers.CharField()
    level = serializers.ChoiceField(("info", "warning", "error"))
    items = serializers.ListField(child=serializers.CharField(), help_text="Line items it is about.")
    message = serializers.CharField()
    hint = serializers.CharField(help_text="What to look at.")
    confirmed = serializers.BooleanField(help_text="A doubt that somebody answered with: it is so.")


class StatementOut(serializers.ModelSerializer[Statement]):
    """One version of one period."""

    company_symbol = serializers.CharField(source="company.symbol", read_only=True)
    company_name = serializers.CharField(source="company.name", read_only=True)
    amounts = serializers.SerializerMethodField(help_text=_MILLIONS)
    findings = FindingOut(many=True)

    class Meta:
        model = Statement
        fields = (
            *("id", "company_id", "company_symbol", "company_name", "kind", "fiscal_year", "fiscal_quarter"),
            *("period_end", "months", "basis", "version", "current", "currency", "unit", "amounts"),
            *("source_kind", "source", "source_ref", "filing_id", "filed_on", "quality", "findings"),
            *("unscored", "organization_id", "created_at", "created_by_id"),
        )

    def get_amounts(self, row: Statement) -> dict[str, float]:
        return row.amounts()


class AmountsIn(serializers.Serializer[Any]):
    """What a version says; the period is named beside it, or by the version that it restates."""

    amounts = serializers.DictField(
        child=serializers.DecimalField(max_digits=30, decimal_places=10, allow_null=True),
        help_text="Line items by name, in `unit` of `currency`. Null and a missing name mean: not known.",
    )
    currency = serializers.CharField(
        max_length=3, required=False, allow_blank=True, help_text="ISO 4217; by default the company's."
    )
    unit = serializers.ChoiceField(
        AmountUnit.choices,
        required=False,
        allow_blank=True,
        help_text="Detected where it is not said; a doubtful one is refused until it is.",
    )
    period_end = serializers.DateField(required=False, allow_null=True)
    months = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=24, help_text="That the flows cover."
    )
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=200, required=False, allow_blank=True, help_text="Where the amounts come from, in words."
    )
    filing_id = serializers.CharField(max_length=60, required=False, allow_blank=True)
    filed_on = serializers.DateField(required=False, allow_null=True)
    confirm = serializers.ListField(
        child=serializers.ChoiceField(CONFIRMABLE),
        required=False,
        max_length=20,
        help_text="Codes of doubts (`confirmable`) that you answer with: it is so.",
    )

    def validate_currency(self, value: str) -> str:
        code = value.strip().upper()
        if code and code not in CURRENCIES:
            raise serializers.ValidationError("Three letters of ISO 4217, such as EUR.")
        return code


class StatementIn(AmountsIn):
    """A statement of a company's period, typed in."""

    company = serializers.UUIDField(required=False, help_text="The company's id, or else its symbol.")
    company_symbol = serializers.CharField(max_length=30, required=False)
    kind = serializers.ChoiceField(PeriodKind.choices, default=PeriodKind.ANNUAL)
    fiscal_year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)
    fiscal_quarter = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=4)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("company") and not attrs.get("company_symbol"):
            raise serializers.ValidationError({"company": ["Say which company: its id or its symbol."]})
        quarterly = attrs["kind"] != PeriodKind.ANNUAL
        if quarterly != (attrs.get("fiscal_quarter") is not None):
            text = "A quarter is needed." if quarterly else "An annual statement has no quarter."
            raise serializers.ValidationError({"fiscal_quarter": [text]})
        return attrs


class CheckIn(serializers.Serializer[Any]):
    check = serializers.BooleanField(  # type: ignore[assignment]
        required=False,
        default=False,
        help_text="Only say what would become of it: findings, detected unit, ratios. Nothing is stored.",
    )


class DeleteIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, help_text="Kept with the version and in the audit log.")


class StatementRatioOut(serializers.Serializer[Any]):
    """One ratio; null with a reason where there is none."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    family = serializers.CharField()
    group = serializers.ChoiceField(
        ("classic", "feature"), help_text="Of the classic sheets, or what the model looks at."
    )
    formula = serializers.CharField()
    unit = serializers.CharField(help_text="% (25.5 means 25.5 %), x, days, points, or log USD m.")
    value = serializers.FloatField(allow_null=True)
    inputs = serializers.DictField(
        child=serializers.FloatField(), help_text="Line items it follows from, derived ones included."
    )
    missing = serializers.ListField(child=serializers.CharField())
    reason = serializers.ChoiceField(
        ("", "missing_inputs", "no_earlier_year", "denominator_not_positive", "worst_state"),
        help_text="Why there is no value.",
    )


class RatedOut(serializers.Serializer[Any]):
    """The ratios of a statement."""

    statement_id = serializers.UUIDField()
    fiscal_year = serializers.IntegerField()
    fiscal_quarter = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField()
    currency = serializers.CharField()
    basis = serializers.ChoiceField(("year", "trailing_year", "quarter"))
    ratios = StatementRatioOut(many=True)


class SeriesPointOut(serializers.Serializer[Any]):
    fiscal_year = serializers.IntegerField()
    fiscal_quarter = serializers.IntegerField(allow_null=True)
    statement_id = serializers.UUIDField()
    value = serializers.FloatField(allow_null=True)
    reason = serializers.CharField()


class RatioSeriesOut(serializers.Serializer[Any]):
    """One ratio over the periods, from old to new."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    group = serializers.CharField()
    unit = serializers.CharField()
    formula = serializers.CharField()
    points = SeriesPointOut(many=True)


class HistoryIn(serializers.Serializer[Any]):
    company = serializers.UUIDField()
    kind = serializers.ChoiceField(PeriodKind.choices, default=PeriodKind.ANNUAL)
    ratio = serializers.CharField(required=False, help_text="Names with commas between; all by default.")


class DifferenceOut(serializers.Serializer[Any]):
    item = serializers.CharField()
    before = serializers.JSONField(allow_null=True, help_text="Millions for a line item, else text.")
    after = serializers.JSONField(allow_null=True)
    change = serializers.FloatField(allow_null=True, help_text="Millions.")
    percent = serializers.FloatField(allow_null=True)


class VersionOut(serializers.Serializer[Any]):
    """A version with what it changed."""

    statement = StatementOut()
    differences = DifferenceOut(many=True, help_text="From the version before; empty for the first.")


class CheckedOut(serializers.Serializer[Any]):
    """What would become of an entry."""

    outcome = serializers.ChoiceField(("created", "restated", "unchanged", "refused"))
    current_id = serializers.UUIDField(allow_null=True, help_text="The version that holds now.")
    currency = serializers.CharField()
    unit = serializers.CharField()
    amounts = serializers.DictField(child=serializers.FloatField(), help_text=_MILLIONS)
    findings = FindingOut(many=True)
    confirmable = serializers.ListField(
        child=serializers.CharField(), help_text="Codes that `confirm` would take as answered."
    )
    ratios = StatementRatioOut(many=True)


class QualityCheckOut(serializers.Serializer[Any]):
    """A check with its boundaries: the gravest level whose boundary the measure exceeds is what it says."""

    code = serializers.CharField()
    title = serializers.CharField()
    measure = serializers.CharField()
    hint = serializers.CharField()
    items = serializers.ListField(child=serializers.CharField())
    info = serializers.FloatField(allow_null=True)
    warning = serializers.FloatField(allow_null=True)
    error = serializers.FloatField(allow_null=True)
    confirmable = serializers.BooleanField()

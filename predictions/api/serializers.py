"""Shapes of predictions and jobs. Ratio fields come from the engine's table, units and all."""

from __future__ import annotations

from typing import Any

from companies.models import FIRST_YEAR, LAST_YEAR, SYMBOL
from ml.features import ANNUAL_RATIOS, QUARTERLY_RATIOS, RATIOS
from predictions.models import JobPriority, PredictionKind, RiskLevel
from predictions.staleness import StaleReason
from tenants.kernel import serializers

UNITS = (
    "%, x (a multiple), points; of a logarithm what it is read as: log USD m is ln(USD million), log x and "
    "log % are 100 ln(ratio), read as a multiple and as a change. `text` says them in words."
)

QUARTERS = ("Q1", "Q2", "Q3", "Q4")
MOST_PERIODS, MOST_ITEMS = 20, 100
_GRADE = "On the institution's master scale, as it was when the score was made."


def _ratio_fields(names: tuple[str, ...]) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    units = {"%": "percent, 25.5 means 25.5 %", "x": "multiple"}
    return {
        name: serializers.FloatField(
            required=False, allow_null=True, help_text=f"{RATIOS[name].label} ({units[RATIOS[name].unit]})."
        )
        for name in names
    }


class YearField(serializers.IntegerField):
    """A fiscal year, as a number or as text; answered as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=FIRST_YEAR, max_value=LAST_YEAR, **kwargs)


class PredictionIn(serializers.Serializer[Any]):
    """What a company is scored on. No single input is required, at least one is."""

    company_symbol = serializers.CharField(max_length=30)
    company_name = serializers.CharField(max_length=255, required=False, allow_blank=True)
    sector = serializers.CharField(max_length=100, required=False, allow_blank=True, allow_null=True)
    market_cap = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=1e13, help_text="Millions of the currency."
    )
    reporting_year = YearField()
    statement = serializers.DictField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        help_text="Line items by name (see the model's features), in `unit` of `currency`.",
    )
    prior = serializers.ListField(
        child=serializers.DictField(child=serializers.FloatField(allow_null=True)),
        required=False,
        max_length=MOST_PERIODS,
        help_text="Line items of earlier periods, the nearest first.",
    )
    currency = serializers.RegexField(r"^[A-Za-z]{3}$", required=False, help_text="ISO 4217; USD by default.")
    unit = serializers.ChoiceField(("units", "thousands", "millions"), required=False)
    fx_to_usd = serializers.FloatField(
        required=False, min_value=1e-9, help_text="US dollars for one unit of the currency."
    )

    def to_internal_value(self, data: Any) -> Any:
        # Counted before the children are looked at: each of them would cost time and an error.
        if isinstance(data, dict):
            prior = data.get("prior")
            periods = prior if isinstance(prior, list) else []
            if len(periods) > MOST_PERIODS:
                raise serializers.ValidationError({"prior": [f"At most {MOST_PERIODS} periods."]})
            for name, items in [("statement", data.get("statement")), *(("prior", p) for p in periods)]:
                if isinstance(items, dict) and len(items) > MOST_ITEMS:
                    raise serializers.ValidationError({name: [f"At most {MOST_ITEMS} line items."]})
        return super().to_internal_value(data)

    def validate_company_symbol(self, value: str) -> str:
        symbol = value.strip().upper()
        SYMBOL(symbol)
        return symbol


class AnnualIn(PredictionIn):
    reporting_quarter = serializers.ChoiceField(
        QUARTERS, required=False, allow_null=True, allow_blank=True, help_text="A label; no part of the key."
    )

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **_ratio_fields(ANNUAL_RATIOS)}


class QuarterlyIn(PredictionIn):
    reporting_quarter = serializers.ChoiceField(QUARTERS)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **_ratio_fields(QUARTERLY_RATIOS)}


class DriverOut(serializers.Serializer[Any]):
    feature = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    value = serializers.FloatField(allow_null=True)
    typical = serializers.FloatField(
        allow_null=True, help_text="Median of its peers in the development data."
    )
    peers = serializers.CharField(
        required=False,
        help_text="Who they are: companies of its size class, or all where the size is unknown.",
    )
    unit = serializers.CharField(help_text=UNITS)
    contribution = serializers.FloatField(help_text="Log-odds; positive raises the PD.")
    direction = serializers.CharField()
    text = serializers.CharField()


class TermOut(serializers.Serializer[Any]):
    """PDs of one horizon."""

    years = serializers.IntegerField()
    cumulative = serializers.FloatField(help_text="PD within so many years; never falls with them.")
    marginal = serializers.FloatField(help_text="PD in just that year, seen from today.")
    annualised = serializers.FloatField(help_text="The yearly PD that leads to the cumulative one.")


class ClassicScoreOut(serializers.Serializer[Any]):
    """A published score beside the PD. It ranks; it is no PD of this platform."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    value = serializers.FloatField(allow_null=True)
    probability = serializers.FloatField(
        allow_null=True, help_text="In its author's sample; to rank by only."
    )
    zone = serializers.ChoiceField(("distress", "grey", "safe", "rank_only", "not_applicable"))
    reason = serializers.CharField(allow_blank=True, help_text="Why it is not applicable, as a code.")
    text = serializers.CharField(allow_blank=True, help_text="The same in words.")
    higher_is_riskier = serializers.BooleanField()
    distress = serializers.FloatField(allow_null=True, help_text="Bound of the zone of distress.")
    safe = serializers.FloatField(allow_null=True, help_text="Bound of the safe zone.")
    inputs = serializers.ListField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField())


class PredictionOut(serializers.Serializer[Any]):
    """A prediction with its current score."""

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    sector = serializers.CharField(allow_null=True)
    market_cap = serializers.FloatField(allow_null=True, help_text="Millions of the company's currency.")
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField(help_text="One-year probability of default, 0 to 1.")
    probability_raw = serializers.FloatField(help_text="Before the floor.")
    probability_low = serializers.FloatField(allow_null=True, help_text="Lower end of the 90 % interval.")
    probability_high = serializers.FloatField(allow_null=True, help_text="Upper end of the 90 % interval.")
    ensemble_probability = serializers.FloatField(help_text="The same as probability.")
    logistic_probability = serializers.FloatField(allow_null=True)
    gbm_probability = serializers.FloatField(allow_null=True)
    random_forest_probability = serializers.FloatField(allow_null=True)
    risk_level = serializers.ChoiceField(RiskLevel.choices)
    grade = serializers.CharField(allow_blank=True, help_text=_GRADE)
    confidence = serializers.FloatField(help_text="0 to 1.")
    confidence_level = serializers.CharField()
    confidence_reasons = serializers.ListField(child=serializers.CharField())
    input_shape = serializers.CharField(help_text="Which inputs the score rests on.")
    missing_inputs = serializers.ListField(child=serializers.CharField())
    drivers = DriverOut(many=True, required=False, help_text="Only where one prediction is asked for.")
    warnings = serializers.ListField(child=serializers.DictField(), required=False)
    floor_effect = serializers.FloatField(
        required=False, help_text="What the floor added, in log-odds. Only where one prediction is asked for."
    )
    term_structure = TermOut(
        many=True,
        required=False,
        help_text="PDs within 1 to 5 years, the first being probability; empty if the model version "
        "is gone. Only where one prediction is asked for.",
    )
    classic_scores = ClassicScoreOut(
        many=True,
        required=False,
        help_text="From the line items; empty for ratios alone. Only where one prediction is asked for.",
    )
    model_version = serializers.CharField()
    model_sha256 = serializers.CharField()
    statement_id = serializers.UUIDField(
        allow_null=True, help_text="The version of a statement that was scored."
    )
    stale_reasons = serializers.ListField(
        child=serializers.ChoiceField([str(reason) for reason in StaleReason]),
        help_text="Why the score is out of date; empty where it is not.",
    )
    access_level = serializers.ChoiceField(("personal", "organization", "system"))
    organization_id = serializers.UUIDField(allow_null=True)
    organization_name = serializers.CharField(allow_null=True)
    created_by = serializers.UUIDField(allow_null=True)
    created_by_email = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _nullable_ratios(names: tuple[str, ...]) -> dict[str, Any]:
    fields = _ratio_fields(names)
    for field in fields.values():
        field.required = True
    return fields


class AnnualOut(PredictionOut):
    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **_nullable_ratios(ANNUAL_RATIOS)}


class QuarterlyOut(PredictionOut):
    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **_nullable_ratios(QUARTERLY_RATIOS)}


class ScoreOut(serializers.Serializer[Any]):
    """One run in a prediction's history."""

    id = serializers.UUIDField()
    probability = serializers.FloatField()
    risk_level = serializers.ChoiceField(RiskLevel.choices)
    grade = serializers.CharField(allow_blank=True, help_text=_GRADE)
    model_version = serializers.CharField()
    model_sha256 = serializers.CharField()
    input_hash = serializers.CharField()
    input_shape = serializers.CharField()
    job_id = serializers.UUIDField(allow_null=True)
    row = serializers.IntegerField(allow_null=True)
    statement_id = serializers.UUIDField(
        allow_null=True, help_text="The version of a statement that was scored."
    )
    history_ids = serializers.ListField(
        child=serializers.UUIDField(), help_text="Versions of earlier periods that it looked back at."
    )
    fx = serializers.DictField(
        allow_null=True,
        help_text="The rate of exchange: currency, usd_per_unit, on, source.",
    )
    created_at = serializers.DateTimeField()


class UploadIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV (also packed with gzip), XLSX or Parquet.")
    sheet = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=255,
        help_text="Of a workbook, the sheet to read; needed where several hold a portfolio.",
    )
    unit = serializers.ChoiceField(
        ("units", "thousands", "millions"), default="units", help_text="Of amounts, where the file says none."
    )
    currency = serializers.RegexField(
        r"^[A-Za-z]{3}$", required=False, default="", help_text="Of amounts, where the file says none."
    )
    priority = serializers.ChoiceField(
        JobPriority.choices,
        required=False,
        default="",
        help_text="Without one a small file is urgent (2,000 rows by default), any other normal. Urgent can "
        "be a file of up to 20,000 rows by default.",
    )


class PriorityIn(serializers.Serializer[Any]):
    priority = serializers.ChoiceField(JobPriority.choices)


class JobUploadIn(UploadIn):
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)


class JobOut(serializers.Serializer[Any]):
    """A file being scored. ``status`` speaks the client's five words, ``state`` is exact."""

    id = serializers.UUIDField()
    job_id = serializers.UUIDField()
    task_id = serializers.CharField()
    status = serializers.ChoiceField(("pending", "queued", "processing", "completed", "failed"))
    state = serializers.CharField()
    priority = serializers.ChoiceField(JobPriority.choices)
    job_type = serializers.ChoiceField(PredictionKind.choices)
    original_filename = serializers.CharField()
    file_size = serializers.IntegerField()
    sheet = serializers.CharField(allow_null=True, help_text="Of a workbook, the sheet that is scored.")
    total_rows = serializers.IntegerField()
    total_companies = serializers.IntegerField(allow_null=True, help_text="Null until the file is read.")
    processed_rows = serializers.IntegerField()
    successful_rows = serializers.IntegerField()
    failed_rows = serializers.IntegerField()
    warning_count = serializers.IntegerField()
    progress_percentage = serializers.IntegerField()
    counts_by_risk_level = serializers.DictField(child=serializers.IntegerField())
    refused_by_reason = serializers.DictField(child=serializers.IntegerField())
    undone = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="What an undo has taken away: scores, predictions, companies.",
    )
    columns = serializers.DictField(child=serializers.CharField())
    unknown_columns = serializers.ListField(child=serializers.CharField())
    rows_per_second = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    estimated_time_minutes = serializers.IntegerField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
    created_by = serializers.UUIDField(allow_null=True)
    created_by_email = serializers.CharField(allow_null=True)
    organization_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class ProgressOut(serializers.Serializer[Any]):
    """What changes while a job runs."""

    job_id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    file = serializers.CharField()
    state = serializers.CharField()
    phase = serializers.CharField(help_text="waiting, reading, scoring, or the state in which it ended.")
    running = serializers.BooleanField()
    rows = serializers.IntegerField(help_text="Of the file.")
    rows_done = serializers.IntegerField(help_text="Scored and refused.")
    rows_scored = serializers.IntegerField()
    rows_refused = serializers.IntegerField()
    warnings = serializers.IntegerField()
    percent = serializers.IntegerField(help_text="Whole percent of rows done.")
    chunks = serializers.IntegerField(help_text="Parts of the file; 0 until it is read.")
    chunks_done = serializers.IntegerField()
    rows_per_second = serializers.FloatField(allow_null=True, help_text="Over the whole time.")
    recent_rows_per_second = serializers.FloatField(
        allow_null=True, help_text="Of the last 30 seconds; null where no row was done."
    )
    seconds = serializers.FloatField(allow_null=True, help_text="Run time so far, or in all.")
    seconds_left = serializers.IntegerField(
        allow_null=True, help_text="By the recent rate; null where nothing can be said."
    )
    by_risk_level = serializers.DictField(child=serializers.IntegerField())
    refused_by_reason = serializers.DictField(child=serializers.IntegerField())
    error_message = serializers.CharField(allow_null=True)


class ResultsIn(serializers.Serializer[Any]):
    include_predictions = serializers.BooleanField(default=True)
    include_companies = serializers.BooleanField(default=True)
    include_errors = serializers.BooleanField(default=True)


class ResultRowOut(serializers.Serializer[Any]):
    """A scored row of a job, ranked by PD."""

    rank = serializers.IntegerField(allow_null=True, help_text="Null when walking by cursor.")
    row = serializers.IntegerField()
    prediction_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    sector = serializers.CharField(allow_null=True)
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField()
    risk_level = serializers.ChoiceField(RiskLevel.choices)
    grade = serializers.CharField(allow_blank=True, help_text=_GRADE)
    confidence = serializers.FloatField()
    confidence_level = serializers.CharField()


class IssueOut(serializers.Serializer[Any]):
    """What is wrong with a row of a file."""

    row = serializers.IntegerField(help_text="As a spreadsheet counts: the header is row 1.")
    severity = serializers.ChoiceField(("error", "warning"))
    column = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()
    value = serializers.CharField(allow_null=True)

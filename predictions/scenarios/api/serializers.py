"""Shapes of scenarios."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field

from ml.scenario import KINDS
from predictions.models import PredictionKind, RiskLevel
from predictions.scenarios.definitions import RULES
from predictions.scenarios.models import RunResult, RunState, Scenario, ScenarioRun
from predictions.scenarios.services import MOST_LISTED
from tenants.kernel import serializers

SHOCK_KINDS = tuple(KINDS)
MODES = ("relative", "absolute")
OUTCOMES = ("scored", "ratios_only", "not_scored", "not_scorable")


class ShockSerializer(serializers.Serializer[Any]):
    """One movement away from the base."""

    kind = serializers.ChoiceField(SHOCK_KINDS, help_text="See `GET /scenarios/shocks`.")
    mode = serializers.ChoiceField(MODES)
    value = serializers.FloatField(
        help_text="Relative: a fraction, -0.2 is 20 % less. Absolute: USD millions, days or basis points."
    )


class DefinitionIn(serializers.Serializer[Any]):
    shocks = ShockSerializer(many=True, required=False)
    assumptions = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text=f"Rules that differ from the usual, fractions 0 to 1: {', '.join(RULES)}.",
    )
    sector_factors = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text="By sector, how many times as strong all shocks are; 0 leaves the sector out.",
    )


class ScenarioIn(DefinitionIn):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    shared = serializers.BooleanField(
        required=False, help_text="Colleagues see it (the default), or only you."
    )


class ScenarioOut(serializers.Serializer[Scenario]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    shocks = ShockSerializer(many=True)
    assumptions = serializers.DictField(child=serializers.FloatField())
    sector_factors = serializers.DictField(child=serializers.FloatField())
    shared = serializers.BooleanField()
    organization_id = serializers.UUIDField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ShippedOut(serializers.Serializer[Any]):
    """A macro scenario of the platform."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    shocks = ShockSerializer(many=True)
    assumptions = serializers.DictField(child=serializers.FloatField())
    sector_factors = serializers.DictField(child=serializers.FloatField())


class ShockKindOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word of the field
    modes = serializers.ListField(child=serializers.ChoiceField(MODES))
    unit = serializers.CharField(help_text="Of an absolute value: USD m, days or bp.")
    base = serializers.CharField(help_text="What a relative value is a fraction of.")
    rule = serializers.CharField(help_text="What else moves.")


class RuleOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    usual = serializers.FloatField()


class CatalogueOut(serializers.Serializer[Any]):
    """What can be shocked, and the rules by which the rest follows."""

    shocks = ShockKindOut(many=True)
    assumptions = RuleOut(many=True)


class WhichIn(DefinitionIn):
    """A saved scenario, a shipped one, or shocks of one's own: exactly one of them."""

    scenario_id = serializers.UUIDField(required=False)
    shipped = serializers.CharField(max_length=40, required=False)


class ApplyIn(WhichIn):
    company_id = serializers.UUIDField()
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)


class LineOut(serializers.Serializer[Any]):
    item = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    base = serializers.FloatField(help_text="USD millions.")
    shocked = serializers.FloatField(help_text="USD millions.")
    moved = serializers.FloatField(help_text="USD millions.")


class RatioOut(serializers.Serializer[Any]):
    ratio = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.CharField()
    base = serializers.FloatField(allow_null=True)
    shocked = serializers.FloatField(allow_null=True)


class SideOut(serializers.Serializer[Any]):
    probability = serializers.FloatField(allow_null=True, help_text="One-year PD, 0 to 1.")
    risk_level = serializers.CharField()
    grade = serializers.CharField()
    input_shape = serializers.CharField()
    confidence = serializers.FloatField()


class PartOut(serializers.Serializer[Any]):
    origin = serializers.CharField()
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.CharField()
    old = serializers.FloatField(allow_null=True)
    new = serializers.FloatField(allow_null=True)
    effect = serializers.FloatField(help_text="In log-odds; the effects add up to the whole.")
    points = serializers.FloatField(help_text="Its share of the change of the PD; 0.01 is one point.")
    text = serializers.CharField()


class ShockedOut(serializers.Serializer[Any]):
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    score_id = serializers.UUIDField(help_text="The score whose inputs were shocked.")
    model_version = serializers.CharField()
    scenario = serializers.CharField()
    shocks = ShockSerializer(many=True, help_text="As they hit this company's sector.")
    base = SideOut()
    shocked = SideOut()
    probability_change = serializers.FloatField(allow_null=True)
    summary = serializers.CharField(help_text="One sentence.")
    drivers = PartOut(many=True, help_text="What moved the PD, the largest part first.")
    lines = LineOut(many=True)
    ratios = RatioOut(many=True)
    imbalance = serializers.FloatField(
        allow_null=True, help_text="Assets less claims after the shocks, USD millions: what it was before."
    )
    notes = serializers.ListField(child=serializers.CharField())


class LeverIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(SHOCK_KINDS)
    mode = serializers.ChoiceField(MODES, default="relative")
    limit = serializers.FloatField(help_text="How far it may move, with its sign; as a shock's value.")
    weight = serializers.FloatField(
        required=False, default=1.0, min_value=0.01, max_value=100.0,
        help_text="What using all of its room costs against the others.",
    )  # fmt: skip


class ReachIn(serializers.Serializer[Any]):
    company_id = serializers.UUIDField()
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)
    target = serializers.ChoiceField(
        RiskLevel.choices, required=False, help_text="The category wanted; by default the next better one."
    )
    levers = LeverIn(many=True, required=False, help_text="What may move; by default eight usual ones.")
    assumptions = serializers.DictField(child=serializers.FloatField(), required=False)


class WayOut(serializers.Serializer[Any]):
    shocks = ShockSerializer(many=True)
    shares = serializers.DictField(
        child=serializers.FloatField(), help_text="Part of each lever's room that is used, 0 to 1."
    )
    cost = serializers.FloatField(help_text="Weighted sum of the shares: the smaller, the less changes.")
    result = SideOut(help_text="As it was scored once more.")
    lines = LineOut(many=True, help_text="Lines that move.")
    imbalance = serializers.FloatField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())


class ReachOut(serializers.Serializer[Any]):
    """What it would take to be in a better category."""

    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    base = SideOut()
    target = serializers.CharField()
    target_probability = serializers.FloatField(help_text="PDs below it are in the category.")
    reached = serializers.BooleanField()
    text = serializers.CharField()
    alternatives = WayOut(many=True, help_text="The smallest change first.")
    nearest = WayOut(help_text="The lowest PD of all that was tried.")
    tried = serializers.IntegerField(help_text="Statements that were scored.")


class RunIn(WhichIn):
    kind = serializers.ChoiceField(PredictionKind.choices, default=PredictionKind.ANNUAL)
    name = serializers.CharField(max_length=120, required=False)
    company_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MOST_LISTED,
        help_text="Without it all companies that the other filters leave.",
    )  # fmt: skip
    sector = serializers.CharField(max_length=100, required=False)
    risk_level = serializers.ChoiceField(RiskLevel.choices, required=False)
    lgd = serializers.FloatField(
        default=0.45, min_value=0.0, max_value=1.0, help_text="Loss given default of the expected loss."
    )


class LossOut(serializers.Serializer[Any]):
    lgd = serializers.FloatField()
    names = serializers.IntegerField(help_text="Companies whose debt is known.")
    exposure = serializers.FloatField(allow_null=True, help_text="Their total debt, USD millions.")
    base = serializers.FloatField(allow_null=True, help_text="PD x LGD x debt, USD millions.")
    shocked = serializers.FloatField(allow_null=True)


class ShortPartOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField()
    points = serializers.FloatField()


class HitOut(serializers.Serializer[Any]):
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    base_pd = serializers.FloatField()
    pd = serializers.FloatField()
    base_level = serializers.CharField()
    level = serializers.CharField()
    drivers = ShortPartOut(many=True)


class SummaryOut(serializers.Serializer[Any]):
    outcomes = serializers.DictField(child=serializers.IntegerField())
    scored = serializers.IntegerField()
    base_mean_pd = serializers.FloatField(allow_null=True)
    mean_pd = serializers.FloatField(allow_null=True)
    worse = serializers.IntegerField()
    better = serializers.IntegerField()
    downgraded = serializers.IntegerField(help_text="Companies in a worse category.")
    upgraded = serializers.IntegerField()
    base_levels = serializers.DictField(child=serializers.IntegerField())
    levels = serializers.DictField(child=serializers.IntegerField())
    migration = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), help_text="From base to shocked."
    )
    expected_loss = LossOut()
    most_affected = HitOut(many=True)


class RunOut(serializers.Serializer[ScenarioRun]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    scenario_id = serializers.UUIDField(allow_null=True)
    definition = serializers.JSONField(help_text="Shocks, rules and factors by sector as they ran.")
    kind = serializers.ChoiceField(PredictionKind.choices)
    selection = serializers.JSONField()
    lgd = serializers.FloatField()
    state = serializers.ChoiceField(RunState.choices)
    model_sha256 = serializers.CharField()
    names = serializers.IntegerField()
    done = serializers.IntegerField()
    progress_percentage = serializers.SerializerMethodField()
    summary = serializers.SerializerMethodField()
    error_message = serializers.CharField()
    organization_id = serializers.UUIDField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)

    def get_progress_percentage(self, run: ScenarioRun) -> int:
        return 100 if run.state == RunState.DONE else 100 * run.done // max(run.names, 1)

    @extend_schema_field(SummaryOut(allow_null=True))
    def get_summary(self, run: ScenarioRun) -> Any:
        return SummaryOut(run.summary).data if run.summary else None


class ResultOut(serializers.Serializer[RunResult]):
    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField(source="company.symbol")
    company_name = serializers.CharField(source="company.name")
    sector = serializers.CharField(source="company.sector")
    reporting_year = serializers.CharField(source="fiscal_year")
    outcome = serializers.ChoiceField(OUTCOMES)
    base_probability = serializers.FloatField(source="base_pd", allow_null=True)
    probability = serializers.FloatField(source="pd", allow_null=True)
    probability_change = serializers.FloatField(source="change", allow_null=True)
    base_risk_level = serializers.CharField(source="base_level")
    risk_level = serializers.CharField(source="level")
    exposure = serializers.FloatField(allow_null=True, help_text="Total debt, USD millions.")
    notes = serializers.ListField(child=serializers.CharField())

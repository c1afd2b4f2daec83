"""Shapes of dashboards."""

from __future__ import annotations

from typing import Any

from organizations.api.tenants.serializers import PlatformOverviewOut
from predictions.comparison.api.serializers import QuarterOut
from predictions.models import PredictionKind
from tenants.kernel import serializers

BOARDS = ("platform", "tenant", "organization", "analyst", "personal")


class BoardIn(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        PredictionKind.choices,
        required=False,
        allow_blank=True,
        help_text="Of shares and trends; annual where there is any.",
    )


class Levels(serializers.DictField):
    child = serializers.IntegerField()


class DoneOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.CharField()
    object_type = serializers.CharField()
    object = serializers.CharField()


class AnswersOut(serializers.Serializer[Any]):
    """How today's calls were answered."""

    calls = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Answers of 500 and above.")
    failed_share = serializers.FloatField(allow_null=True)
    p50_ms = serializers.FloatField(allow_null=True, help_text="Upper bound of the class it lies in.")
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)


class PlatformBoardOut(PlatformOverviewOut):
    api_performance = AnswersOut()


class StandingOut(serializers.Serializer[Any]):
    names = serializers.IntegerField()
    levels = Levels()
    mean_pd = serializers.FloatField(allow_null=True)
    high_risk = serializers.IntegerField(help_text="High and critical.")
    stale = serializers.IntegerField(help_text="Scored on a period of three years ago or older.")


class HoldingsOut(serializers.Serializer[Any]):
    companies = serializers.IntegerField()
    followed = serializers.IntegerField(help_text="That follow a company of the reference data.")
    predictions = serializers.IntegerField()
    annual = serializers.IntegerField()
    quarterly = serializers.IntegerField()
    standing = serializers.DictField(child=StandingOut(), help_text="By kind.")
    last_updated = serializers.DateTimeField(allow_null=True)


class JobLineOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    original_filename = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    total_rows = serializers.IntegerField()
    processed_rows = serializers.IntegerField()
    progress_percentage = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class JobsOut(serializers.Serializer[Any]):
    running = serializers.IntegerField()
    states = Levels()
    recent = JobLineOut(many=True)


class OrganizationLineOut(serializers.Serializer[Any]):
    organization_id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.CharField()
    is_default = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    users = serializers.IntegerField()
    users_by_role = Levels()
    actions_30_days = serializers.IntegerField()
    companies = serializers.IntegerField()
    sectors = serializers.IntegerField()
    predictions = serializers.IntegerField()
    names = serializers.IntegerField(help_text="Companies with an annual score.")
    high_risk = serializers.IntegerField()
    mean_pd = serializers.FloatField(allow_null=True)


class TenantBoardOut(serializers.Serializer[Any]):
    organizations = OrganizationLineOut(many=True)
    total_organizations = serializers.IntegerField()
    active_organizations = serializers.IntegerField()
    total_users = serializers.IntegerField(help_text="Active memberships.")
    actions_30_days = serializers.IntegerField()
    holdings = HoldingsOut()
    jobs = JobsOut()
    recent_activity = DoneOut(many=True)


class AnalysisOut(serializers.Serializer[Any]):
    prediction_id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    sector = serializers.CharField()
    kind = serializers.CharField()
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField()
    probability_before = serializers.FloatField(allow_null=True)
    probability_change = serializers.FloatField(allow_null=True)
    risk_level = serializers.CharField()
    risk_level_before = serializers.CharField(allow_null=True)
    scored_at = serializers.DateTimeField()
    created_by = serializers.UUIDField(allow_null=True)


class WorstOut(serializers.Serializer[Any]):
    prediction_id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    company_symbol = serializers.CharField()
    company_name = serializers.CharField()
    sector = serializers.CharField()
    reporting_year = serializers.CharField()
    reporting_quarter = serializers.CharField(allow_null=True)
    probability = serializers.FloatField()
    risk_level = serializers.CharField()
    updated_at = serializers.DateTimeField()


class AnalystLineOut(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    email = serializers.CharField(allow_null=True)
    scores = serializers.IntegerField()
    last_at = serializers.DateTimeField()


class TeamOut(serializers.Serializer[Any]):
    members = serializers.IntegerField()
    by_role = Levels()
    pending_invitations = serializers.IntegerField()
    actions_30_days = serializers.IntegerField()
    analysts = AnalystLineOut(many=True, help_text="Who scored how much in 30 days.")


class _RiskOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    companies_rated = serializers.IntegerField()
    high_risk = serializers.IntegerField()
    mean_pd = serializers.FloatField(allow_null=True)
    stale = serializers.IntegerField()
    levels = Levels()
    predictions = serializers.IntegerField()
    recent_analyses = AnalysisOut(many=True)
    jobs = JobsOut()


class OrganizationBoardOut(_RiskOut):
    companies_tracked = serializers.IntegerField()
    companies_followed = serializers.IntegerField()
    team = TeamOut()


class AnalystBoardOut(_RiskOut):
    companies = serializers.IntegerField()
    trend = QuarterOut(many=True)
    worst = WorstOut(many=True)
    last_updated = serializers.DateTimeField(allow_null=True)


class ShortOut(serializers.Serializer[Any]):
    companies = serializers.IntegerField()
    predictions = serializers.IntegerField()
    annual = serializers.IntegerField()
    quarterly = serializers.IntegerField()
    rated = serializers.IntegerField()
    high_risk = serializers.IntegerField()
    mean_pd = serializers.FloatField(allow_null=True)
    levels = Levels()
    sectors = serializers.IntegerField()
    last_updated = serializers.DateTimeField(allow_null=True)


class PersonalBoardOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    own = ShortOut()
    reference = ShortOut(allow_null=True, help_text="Of the platform's data; null where one may not read it.")
    worst = WorstOut(many=True)
    recent_analyses = AnalysisOut(many=True)


class MineOut(serializers.Serializer[Any]):
    dashboard = serializers.ChoiceField(BOARDS)
    address = serializers.CharField()


class ClientIn(serializers.Serializer[Any]):
    include_platform_stats = serializers.BooleanField(default=True)


class UpdatedOut(serializers.Serializer[Any]):
    user_last_updated = serializers.DateTimeField(allow_null=True)
    system_last_updated = serializers.DateTimeField(allow_null=True)


class _ClientFiguresOut(serializers.Serializer[Any]):
    total_companies = serializers.IntegerField()
    total_predictions = serializers.IntegerField()
    annual_predictions = serializers.IntegerField()
    quarterly_predictions = serializers.IntegerField()
    average_default_rate = serializers.FloatField(help_text="Mean PD of what stands now, 0 to 1.")
    high_risk_companies = serializers.IntegerField()
    sectors_covered = serializers.IntegerField()


class UserDashboardOut(_ClientFiguresOut):
    scope = serializers.CharField()
    user_name = serializers.CharField()
    organization_name = serializers.CharField(allow_null=True)
    data_scope = serializers.CharField()
    last_updated_times = UpdatedOut()


class SystemUpdatedOut(serializers.Serializer[Any]):
    system_last_updated = serializers.DateTimeField(allow_null=True)


class PlatformStatisticsOut(_ClientFiguresOut):
    total_users = serializers.IntegerField(required=False)
    total_organizations = serializers.IntegerField(required=False)
    total_tenants = serializers.IntegerField(required=False)
    last_updated_times = SystemUpdatedOut()


class OrganizationBreakdownOut(serializers.Serializer[Any]):
    organization_id = serializers.UUIDField()
    org_name = serializers.CharField()
    companies = serializers.IntegerField()
    predictions = serializers.IntegerField()
    avg_default_rate = serializers.FloatField()
    high_risk_companies = serializers.IntegerField()
    sectors_covered = serializers.IntegerField()


class TenantBreakdownOut(serializers.Serializer[Any]):
    tenant_id = serializers.UUIDField()
    tenant_name = serializers.CharField()
    companies = serializers.IntegerField()
    predictions = serializers.IntegerField()
    organizations_count = serializers.IntegerField()


class ClientDashboardOut(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(("personal", "organization", "tenant", "system"))
    user_dashboard = UserDashboardOut()
    platform_statistics = PlatformStatisticsOut(required=False)
    organizations_breakdown = OrganizationBreakdownOut(many=True, required=False)
    tenants_breakdown = TenantBreakdownOut(many=True, required=False)
    last_updated_times = UpdatedOut()

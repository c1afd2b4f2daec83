"""What comes in and goes out of the endpoints over institutions."""

from __future__ import annotations

from typing import Any

from tenants.kernel import serializers
from tenants.models import Domain, Suspension, TenantDeletion, TenantExport, UsageDay
from tenants.modules import MODULES


class TenantIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    slug = serializers.CharField(
        max_length=50, required=False, allow_blank=True, help_text="Short name; made from the name if empty."
    )
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    domain = serializers.CharField(
        max_length=253, required=False, allow_blank=True, help_text="First host; made from the slug if empty."
    )
    admin_email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    admin_password = serializers.CharField(
        max_length=256,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Without one the admin is invited by mail.",
    )
    admin_first_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    admin_last_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    admin_username = serializers.CharField(max_length=150, required=False, allow_blank=True)


class PersonOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    username = serializers.CharField()
    full_name = serializers.CharField(allow_blank=True)
    role = serializers.CharField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)


class TenantOrganizationOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    tenant_id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    domain = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    state = serializers.CharField()
    is_active = serializers.BooleanField()
    is_default = serializers.BooleanField()
    max_users = serializers.IntegerField()
    default_role = serializers.CharField(help_text="What a newcomer becomes: org_admin or org_member.")
    allow_global_data_access = serializers.BooleanField()
    join_enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    total_users = serializers.IntegerField()
    admin = serializers.DictField(allow_null=True, help_text="Who runs it: `id`, `email`, `full_name`.")


class TenantOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    kind = serializers.CharField()
    state = serializers.CharField()
    is_active = serializers.BooleanField()
    domain = serializers.CharField(allow_null=True, help_text="The primary host.")
    domains = serializers.ListField(child=serializers.CharField())
    logo_url = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField(help_text="Counts the changes; part of the ETag.")
    tenant_admins = PersonOut(many=True)
    total_tenant_admins = serializers.IntegerField()
    organizations = TenantOrganizationOut(many=True)
    total_organizations = serializers.IntegerField()
    active_organizations = serializers.IntegerField()
    total_users_in_tenant = serializers.IntegerField()
    total_active_users = serializers.IntegerField()
    total_users = serializers.IntegerField()


class TenantWithAdminIn(serializers.Serializer[Any]):
    tenant_name = serializers.CharField(max_length=200)
    tenant_description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    tenant_domain = serializers.CharField(max_length=253, required=False, allow_blank=True)
    admin_email = serializers.EmailField(max_length=254)
    admin_password = serializers.CharField(
        max_length=256, required=False, allow_blank=True, trim_whitespace=False
    )
    admin_first_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    admin_last_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    admin_username = serializers.CharField(max_length=150, required=False, allow_blank=True)
    create_default_org = serializers.BooleanField(
        required=False,
        default=True,
        help_text="false: it is called like the tenant. Every tenant has a default organization.",
    )
    default_org_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    default_org_description = serializers.CharField(max_length=5000, required=False, allow_blank=True)


class TenantWithAdminOut(serializers.Serializer[Any]):
    """A new institution, its first admin and its default organization."""

    tenant_id = serializers.UUIDField()
    tenant_name = serializers.CharField()
    tenant_slug = serializers.CharField()
    admin_user_id = serializers.UUIDField()
    admin_email = serializers.EmailField()
    default_org_id = serializers.UUIDField(allow_null=True)
    default_org_name = serializers.CharField(allow_null=True)
    default_org_join_token = serializers.CharField(allow_null=True)
    success = serializers.BooleanField()
    message = serializers.CharField()


class TenantChangeIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, required=False)
    slug = serializers.CharField(max_length=50, required=False)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    is_active = serializers.BooleanField(
        required=False, help_text="false suspends, true restores; as `suspend` and `restore` do."
    )
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class OwnTenantIn(serializers.Serializer[Any]):
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)


class TenantReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="Kept in the audit log.")


class OptionalReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class EnterIn(serializers.Serializer[Any]):
    reason = serializers.CharField(
        min_length=5, max_length=500, help_text="Why; the institution reads it in its own audit log."
    )


class EnteredOut(serializers.Serializer[Any]):
    """Tokens that work in the institution."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    tenant_id = serializers.UUIDField()


class DeletionIn(serializers.Serializer[Any]):
    slug = serializers.CharField(max_length=50, help_text="The tenant's short name, typed by hand.")
    reason = serializers.CharField(max_length=500)


class DeletionOut(serializers.ModelSerializer[TenantDeletion]):
    class Meta:
        model = TenantDeletion
        fields = ("id", "tenant_id", "state", "reason", "ordered_at", "ordered_by_id", "due_at")


class ScheduledOut(serializers.Serializer[Any]):
    scheduled = DeletionOut(allow_null=True)


class SuspensionOut(serializers.ModelSerializer[Suspension]):
    class Meta:
        model = Suspension
        fields = (
            "id",
            "reason",
            "suspended_at",
            "suspended_by_id",
            "lifted_at",
            "lifted_by_id",
            "lift_reason",
        )


class SettingsIn(serializers.Serializer[Any]):
    """Every field may be left out. The last two are the platform's to set."""

    require_mfa = serializers.BooleanField(required=False)
    sso_only = serializers.BooleanField(required=False)
    session_hours = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=720, help_text="Null: the platform's."
    )
    allow_registration = serializers.BooleanField(required=False)
    audit_retention_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=365, max_value=36_500, help_text="Null: for ever."
    )
    job_retention_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=7, max_value=36_500, help_text="Null: for ever."
    )
    score_retention_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=365, max_value=36_500, help_text="Null: for ever."
    )
    two_person_promotion = serializers.BooleanField(required=False)
    pd_floor = serializers.DecimalField(
        max_digits=6, decimal_places=5, required=False, allow_null=True, min_value=0
    )
    master_scale = serializers.JSONField(required=False, help_text="Empty object: the platform's scale.")
    medium_from = serializers.DecimalField(max_digits=6, decimal_places=5, required=False)
    high_from = serializers.DecimalField(max_digits=6, decimal_places=5, required=False)
    critical_from = serializers.DecimalField(max_digits=6, decimal_places=5, required=False)
    max_organizations = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    max_users = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class SettingsOut(SettingsIn):
    tenant_id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="Counts the changes; part of the ETag.")
    updated_at = serializers.DateTimeField()


class ModuleOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField()
    on = serializers.BooleanField()
    given = serializers.BooleanField(help_text="Whether the platform gives it to the institution.")
    own_choice = serializers.BooleanField(help_text="Whether the institution itself may switch it.")


class ModulesOut(serializers.Serializer[Any]):
    modules = ModuleOut(many=True)


class ModulesIn(serializers.Serializer[Any]):
    modules = serializers.DictField(
        child=serializers.BooleanField(), help_text=f"By code: {', '.join(MODULES)}."
    )


class BrandingIn(serializers.Serializer[Any]):
    display_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    colour = serializers.CharField(max_length=7, required=False, allow_blank=True, help_text="#rrggbb")
    accent = serializers.CharField(max_length=7, required=False, allow_blank=True, help_text="#rrggbb")


class BrandingOut(serializers.Serializer[Any]):
    display_name = serializers.CharField()
    colour = serializers.CharField(allow_blank=True)
    accent = serializers.CharField(allow_blank=True)
    logo_url = serializers.CharField(allow_null=True)


class LogoIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="PNG, JPEG, WebP or GIF, at most 2 MB.")


class DomainIn(serializers.Serializer[Any]):
    tenant_id = serializers.UUIDField()
    domain = serializers.CharField(max_length=253)


class DomainOut(serializers.ModelSerializer[Domain]):
    class Meta:
        model = Domain
        fields = ("id", "tenant_id", "domain", "is_primary")


class StatsOut(serializers.Serializer[Any]):
    tenant_id = serializers.UUIDField()
    tenant_name = serializers.CharField()
    total_organizations = serializers.IntegerField()
    active_organizations = serializers.IntegerField()
    total_users = serializers.IntegerField()
    active_users = serializers.IntegerField(help_text="People whose accounts are active.")
    users_seen_lately = serializers.IntegerField(help_text="Signed in within thirty days.")
    companies = serializers.IntegerField(help_text="As of `counted_at`, like the next three.")
    predictions = serializers.IntegerField()
    scores = serializers.IntegerField()
    storage_bytes = serializers.IntegerField(help_text="Tables and files.")
    running_jobs = serializers.IntegerField()
    calls_today = serializers.IntegerField()
    calls_30_days = serializers.IntegerField()
    counted_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class UsageDayOut(serializers.ModelSerializer[UsageDay]):
    class Meta:
        model = UsageDay
        fields = (
            "day",
            "calls",
            "users",
            "active_users",
            "organizations",
            "companies",
            "predictions",
            "scores",
            "storage_bytes",
        )


class ExportIn(serializers.Serializer[Any]):
    tenant_id = serializers.UUIDField(
        required=False, help_text="For super admins on the platform; others export their own tenant."
    )


class ExportOut(serializers.ModelSerializer[TenantExport]):
    class Meta:
        model = TenantExport
        fields = (
            "id",
            "tenant_id",
            "state",
            "for_deletion",
            "requested_by_id",
            "created_at",
            "finished_at",
            "expires_at",
            "size",
            "sha256",
            "rows",
            "files",
            "error_message",
        )


class PlatformSettingsIn(serializers.Serializer[Any]):
    registration_enabled = serializers.BooleanField(required=False)
    small_tenants_allowed = serializers.BooleanField(required=False)
    deletion_grace_days = serializers.IntegerField(required=False, min_value=1, max_value=365)
    export_days = serializers.IntegerField(required=False, min_value=1, max_value=90)
    two_person_promotion = serializers.BooleanField(
        required=False, help_text="Another scoring model goes live only when a second super admin agrees."
    )
    default_max_organizations = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    default_max_users = serializers.IntegerField(required=False, allow_null=True, min_value=1)


class PlatformSettingsOut(PlatformSettingsIn):
    version = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


class UptimeOut(serializers.Serializer[Any]):
    since = serializers.DateTimeField(allow_null=True, help_text="Watched since then, thirty days at most.")
    percent = serializers.FloatField(
        allow_null=True, help_text="Share of minutes in which beat, broker, worker and database all worked."
    )
    minutes_watched = serializers.IntegerField()
    minutes_up = serializers.IntegerField()


class ActivityOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.CharField()
    object_type = serializers.CharField(allow_blank=True)
    object = serializers.CharField(allow_blank=True)


class PlatformOverviewOut(serializers.Serializer[Any]):
    total_users = serializers.IntegerField()
    active_users = serializers.IntegerField()
    users_seen_lately = serializers.IntegerField()
    total_tenants = serializers.IntegerField()
    active_tenants = serializers.IntegerField()
    suspended_tenants = serializers.IntegerField()
    closing_tenants = serializers.IntegerField()
    total_organizations = serializers.IntegerField()
    companies = serializers.IntegerField()
    predictions = serializers.IntegerField()
    scores = serializers.IntegerField()
    storage_bytes = serializers.IntegerField()
    running_jobs = serializers.IntegerField()
    api_calls_today = serializers.IntegerField()
    api_calls_30_days = serializers.IntegerField()
    uptime = UptimeOut()
    recent_activity = ActivityOut(many=True)

"""Settings, modules and looks of an institution on both consoles; the platform's settings; exports; usage."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminColorInputWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
)

from accounts.console import platform_site, tenant_site
from tenants import services
from tenants.kernel.console import NOTHING, ConsoleAdmin, principal_of
from tenants.kernel.console_forms import ConsoleForm
from tenants.models import ExportState, PlatformSettings, TenantExport, TenantSettings, UsageDay
from tenants.modules import MODULES
from tenants.services.settings import CUTOFFS, OWN_FIELDS

_BRANDING = ("display_name", "brand_colour", "brand_accent")
_GIVEN = ("max_organizations", "max_users")


def _level(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, max_digits=6, decimal_places=5, widget=UnfoldAdminDecimalFieldWidget()
    )


class SettingsForm(ConsoleForm):
    """What an institution may set for itself."""

    error_fields: ClassVar[dict[str, str]] = {"file": "logo"}
    medium_from = _level("Medium from")
    high_from = _level("High from")
    critical_from = _level("Critical from")
    modules_on = forms.MultipleChoiceField(
        label="Modules", required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget()
    )
    logo = forms.FileField(
        required=False, widget=UnfoldAdminFileFieldWidget(), help_text="PNG, JPEG, WebP or GIF, 2 MB."
    )
    without_logo = forms.BooleanField(label="Show no logo", required=False)

    class Meta:
        model = TenantSettings
        fields = (*sorted(OWN_FIELDS - set(CUTOFFS)), *_BRANDING)
        labels: ClassVar[dict[str, str]] = {
            "require_mfa": "Second factor for all",
            "sso_only": "Single sign-on only",
            "pd_floor": "PD floor",
        }
        widgets: ClassVar[dict[str, Any]] = {
            "brand_colour": UnfoldAdminColorInputWidget(),
            "brand_accent": UnfoldAdminColorInputWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row: TenantSettings = self.instance
        for name in CUTOFFS:
            if name in self.fields:
                self.fields[name].initial = getattr(row.tenant, name)
        if "modules_on" in self.fields:
            self._offer_modules(row)

    def _offer_modules(self, row: TenantSettings) -> None:
        """The platform gives any; the institution chooses among what is given and its to choose."""
        denied, off = set(row.modules_denied), set(row.modules_off)
        offered = [m for m in MODULES.values() if not self.own or (m.own_choice and m.code not in denied)]
        box: Any = self.fields["modules_on"]
        box.choices = [(m.code, f"{m.name}: {m.about}") for m in offered]
        box.initial = [m.code for m in offered if m.code not in (off if self.own else denied)]

    own: ClassVar[bool] = True


class GivenSettingsForm(SettingsForm):
    """The same for the platform, with what it gives."""

    own = False

    class Meta(SettingsForm.Meta):
        fields = (*SettingsForm.Meta.fields, *_GIVEN)


class SettingsAdmin(ConsoleAdmin):
    """One page of settings for each institution."""

    form = SettingsForm
    by_platform: ClassVar[bool] = False
    list_display = ("tenant", "require_mfa", "sso_only", "session_hours", "updated_at")
    list_select_related = ("tenant",)
    search_fields = ("tenant__name", "tenant__slug")
    ordering = ("tenant__name",)
    readonly_fields = ("updated_at",)
    fieldsets: Any = (
        ("Signing in", {"fields": (("require_mfa", "sso_only"), "session_hours", "allow_registration")}),
        (
            "Where risk levels begin",
            {
                "fields": (("medium_from", "high_from", "critical_from"), "pd_floor", "master_scale"),
                "description": "As a PD from 0 to 1. Holds for scores made from now on.",
            },
        ),
        (
            "What is kept for how long",
            {"fields": (("audit_retention_days", "job_retention_days", "score_retention_days"),)},
        ),
        ("Models", {"fields": ("two_person_promotion",)}),
        (
            "Looks",
            {"fields": ("display_name", ("brand_colour", "brand_accent"), ("logo", "without_logo"))},
        ),
        ("Modules", {"fields": ("modules_on",)}),
        ("Last change", {"fields": ("updated_at",)}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        reserved = obj is not None and not isinstance(obj, str) and obj.tenant.is_reserved
        return super().has_change_permission(request, obj) and not reserved

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fieldsets
        # A page that only shows has no form, and so none of the form's own fields.
        return ((None, {"fields": ("tenant", "require_mfa", "session_hours", "updated_at")}),)

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        key, actor = obj.pk, self.actor(request)
        looks = {name: changed.pop(name) for name in _BRANDING if name in changed}
        logo, no_logo = changed.pop("logo", None), changed.pop("without_logo", False)
        chosen = changed.pop("modules_on", None)
        if changed:
            services.settings_update(
                tenant_id=key,
                changes=changed,
                by_platform=self.by_platform,
                assert_proved=self.prover(request),
                actor=actor,
            )
        if chosen is not None:
            offered = [code for code, _ in form.fields["modules_on"].choices]
            switches = {code: code in chosen for code in offered}
            services.modules_set(tenant_id=key, switches=switches, by_platform=self.by_platform, actor=actor)
        if looks:
            services.branding_update(tenant_id=key, changes=looks, actor=actor)
        if logo:
            services.logo_set(tenant_id=key, file=logo, actor=actor)
        elif no_logo:
            services.logo_remove(tenant_id=key, actor=actor)


@admin.register(TenantSettings, site=platform_site)
class PlatformTenantSettingsAdmin(SettingsAdmin):
    """Settings of every institution, with what the platform gives."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read", "change": "platform.change"}
    form = GivenSettingsForm
    by_platform = True
    fieldsets = (*SettingsAdmin.fieldsets, ("Limits", {"fields": (_GIVEN,)}))


@admin.register(TenantSettings, site=tenant_site)
class OwnSettingsAdmin(SettingsAdmin):
    """The institution's own settings."""

    permissions: ClassVar[dict[str, str]] = {"view": "tenant.read", "change": "tenant.change"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        principal = principal_of(request)
        return super().get_queryset(request).filter(tenant_id=principal.tenant_id if principal else None)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one: straight to it."""
        row = self.get_queryset(request).first()
        if row is None or not self.has_view_permission(request, row):
            return super().changelist_view(request, extra_context)
        return HttpResponseRedirect(self.address("change", row.pk))


@admin.register(PlatformSettings, site=platform_site)
class PlatformSettingsAdmin(ConsoleAdmin):
    """What operators set for the whole platform."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read", "change": "platform.change"}
    form = ConsoleForm
    fields = (
        ("registration_enabled", "small_tenants_allowed"),
        ("deletion_grace_days", "export_days"),
        ("two_person_promotion",),
        ("default_max_organizations", "default_max_users"),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one: straight to it."""
        return HttpResponseRedirect(self.address("change", PlatformSettings.ONLY))

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.platform_settings_update(
            changes=changes, assert_proved=self.prover(request), actor=self.actor(request)
        )


# -- exports and usage ----------------------------------------------------------------------------

EXPORT_STATES = {"Ready": "success", "Failed": "danger", "Running": "info", "Waiting": "info"}


class ExportForm(ConsoleForm):
    """Whose data is wanted."""

    error_fields: ClassVar[dict[str, str]] = {"export_running": "tenant"}

    class Meta:
        model = TenantExport
        fields = ("tenant",)


class OwnExportForm(ConsoleForm):
    """There is nothing to choose: it is the own institution's."""

    class Meta:
        model = TenantExport
        fields = ()


class ExportAdmin(ConsoleAdmin):
    """Archives of all data of an institution."""

    list_display = ("tenant", "standing", "created_at", "expires_at", "megabytes")
    list_select_related = ("tenant",)
    ordering = ("-id",)
    fields = (
        *("tenant", "standing", "created_at", "finished_at", "expires_at"),
        *("megabytes", "files", "sha256", "error_message"),
    )
    readonly_fields = fields
    actions_detail = ("fetch",)
    step_up: ClassVar[frozenset[str]] = frozenset({"add", "fetch"})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is not None else self.form.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        self.assert_proved(request, "add")
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def create(self, request: HttpRequest, form: Any) -> Model:
        principal = principal_of(request)
        chosen = form.cleaned_data.get("tenant")
        tenant_id = chosen.pk if chosen else getattr(principal, "tenant_id", None)
        if tenant_id is None:
            raise PermissionDenied
        return services.export_request(tenant_id=tenant_id, actor=self.actor(request))

    @display(description="State", ordering="state", label=EXPORT_STATES)
    def standing(self, export: TenantExport) -> str:
        return export.get_state_display()

    @display(description="Size", ordering="size")
    def megabytes(self, export: TenantExport) -> str:
        return f"{export.size / 1e6:,.1f} MB" if export.size else NOTHING

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        export = self.get_object(request, str(object_id))
        if export is None or export.state != ExportState.READY:
            return []
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        return buttons

    @action(description="Download", url_path="fetch", icon="download")
    def fetch(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The archive itself."""
        export = self.row_for(request, "fetch", object_id)
        if export is None:
            return self.gone(request, object_id)
        services.export_fetched(export=export, actor=self.actor(request))
        name = f"tenant-{export.tenant_id}-{export.created_at:%Y%m%d}.zip"
        return FileResponse(default_storage.open(export.path), as_attachment=True, filename=name)


@admin.register(TenantExport, site=platform_site)
class PlatformExportAdmin(ExportAdmin):
    """Exports of every institution."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "platform.read",
        "add": "platform.change",
        "fetch": "platform.change",
    }
    form = ExportForm
    search_fields = ("tenant__name",)
    list_filter = ("state",)


@admin.register(TenantExport, site=tenant_site)
class OwnExportAdmin(ExportAdmin):
    """Exports of the own institution."""

    permissions: ClassVar[dict[str, str]] = dict.fromkeys(("view", "add", "fetch"), "tenant.change")
    form = OwnExportForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        principal = principal_of(request)
        return super().get_queryset(request).filter(tenant_id=principal.tenant_id if principal else None)


@admin.register(UsageDay, site=platform_site)
class UsageAdmin(ConsoleAdmin):
    """What institutions held and did, by day."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read"}
    list_display = ("day", "place", "calls", "users", "companies", "predictions", "scores", "megabytes")
    list_select_related = ("tenant",)
    list_filter = ("tenant",)
    date_hierarchy = "day"
    ordering = ("-day", "tenant__name")
    fields = ("day", "place", "calls", "users", "organizations", "companies", "predictions", "scores")
    readonly_fields = fields

    @display(description="Tenant", ordering="tenant__name")
    def place(self, row: UsageDay) -> str:
        return str(row.tenant) if row.tenant else "The platform itself"

    @display(description="Storage", ordering="storage_bytes")
    def megabytes(self, row: UsageDay) -> str:
        return f"{row.storage_bytes / 1e6:,.1f} MB"

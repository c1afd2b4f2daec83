"""How the two consoles look: titles, colours and what stands in the sidebar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

__all__ = ["FORMAT_MODULE_PATH", "UNFOLD", "UNFOLD_PLATFORM", "UNFOLD_TENANT"]

FORMAT_MODULE_PATH = "config.formats"
NAME = "Default Risk Platform"


def _holds(permission: str, module: str | None = None) -> Callable[[HttpRequest], bool]:
    def asked(request: HttpRequest) -> bool:
        from tenants.modules import is_on

        principal = getattr(request, "principal", None)
        allowed = principal is not None and principal.holds(permission)
        return allowed and (module is None or is_on(module))

    return asked


def _item(title: str, icon: str, page: str, permission: str, module: str | None = None) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}"),
        "permission": _holds(permission, module),
    }


def _link(title: str, icon: str, address: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": address}


def _may_switch(request: HttpRequest) -> bool:
    from accounts.console import may_switch

    return may_switch(request)


def _institution(request: HttpRequest) -> str:
    tenant = getattr(request, "tenant", None)
    return tenant.display_name if tenant is not None else NAME


def _logo(request: HttpRequest) -> str | None:
    """The institution's logo, on its own console."""
    from tenants.branding import logo_url

    tenant = getattr(request, "tenant", None)
    return logo_url(tenant) if tenant is not None else None


def _place(request: HttpRequest) -> str:
    """Where the caller works: the name under the institution's."""
    from accounts.console import place_name

    return place_name(request)


_JOBS = "/predictions/scoringjob/"


def _uploading(request: HttpRequest) -> bool:
    """Whether the page is the upload form, which lies below the list of jobs."""
    return request.path.endswith(f"{_JOBS}add/")


def _shades(hue: float, chroma: float) -> dict[str, str]:
    """A colour from light to dark, in the eleven shades that the theme asks for."""
    steps = (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950)
    light = (97.5, 94.5, 89.5, 82, 71, 61, 52, 45, 38.5, 33.5, 25)
    strong = (0.12, 0.25, 0.45, 0.7, 0.9, 1.0, 1.0, 0.9, 0.75, 0.6, 0.45)
    return {
        str(step): f"oklch({lightness}% {chroma * share:.3f} {hue})"
        for step, lightness, share in zip(steps, light, strong, strict=True)
    }


def _console(**own: Any) -> dict[str, Any]:
    return {
        "SITE_TITLE": NAME,
        "SITE_URL": None,
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "BORDER_RADIUS": "6px",
        "STYLES": [lambda request: static("console/console.css")],
        "SITE_FAVICONS": [
            {
                "rel": "icon",
                "type": "image/svg+xml",
                "href": lambda request: static("console/icon.svg"),
            }
        ],
        "ACCOUNT": {
            "navigation": [
                {"title": "Your security", "link": reverse_lazy("admin:security")},
                {"title": "API documentation", "link": "/api/docs/"},
            ]
        },
        **own,
    }


UNFOLD = _console(SITE_HEADER=NAME)

UNFOLD_PLATFORM = _console(
    SITE_TITLE=f"Platform · {NAME}",
    SITE_HEADER="Platform console",
    SITE_SUBHEADER=NAME,
    SITE_SYMBOL="hub",
    COLORS={"primary": _shades(275, 0.19)},
    DASHBOARD_CALLBACK="predictions.dashboards.platform",
    SIDEBAR={
        "navigation": [
            {"items": [_item("Overview", "dashboard", "index", "platform.read")]},
            {
                "title": "Customers",
                "items": [
                    _item("Tenants", "account_balance", "tenants_tenant_changelist", "platform.read"),
                    _item("Hosts", "dns", "tenants_domain_changelist", "platform.read"),
                    _item("Settings", "tune", "tenants_tenantsettings_changelist", "platform.read"),
                    _item("Usage", "monitoring", "tenants_usageday_changelist", "platform.read"),
                    _item("Connectors", "sync", "connectors_source_changelist", "platform.read"),
                    _item("Exchange rates", "currency_exchange", "fx_fxrate_changelist", "platform.read"),
                    _item("Exports", "archive", "tenants_tenantexport_changelist", "platform.read"),
                    _item("Users", "group", "accounts_user_changelist", "platform.read"),
                    _item("Mail domains", "alternate_email", "sso_emaildomain_changelist", "platform.read"),
                ],
            },
            {
                "title": "Operation",
                "items": [
                    _item("Jobs", "pending_actions", "tenants_jobticket_changelist", "platform.read"),
                    _item("Models", "model_training", "registry_modelversion_changelist", "models.manage"),
                    _item("Audit log", "history", "tenants_platformauditevent_changelist", "platform.read"),
                    _item(
                        "Platform settings",
                        "settings",
                        "tenants_platformsettings_changelist",
                        "platform.read",
                    ),
                ],
            },
            {"title": "API", "items": [_link("Documentation", "menu_book", "/api/docs/")]},
        ]
    },
)

UNFOLD_TENANT = _console(
    SITE_TITLE=_institution,
    SITE_HEADER=_institution,
    SITE_SUBHEADER=_place,
    SITE_ICON=_logo,
    SITE_SYMBOL="monitoring",
    COLORS={"primary": _shades(205, 0.12)},
    DASHBOARD_CALLBACK="predictions.dashboards.tenant",
    SIDEBAR={
        "navigation": [
            {
                "items": [
                    _item("Overview", "dashboard", "index", "console.enter"),
                    {
                        "title": "Switch organization",
                        "icon": "swap_horiz",
                        "link": reverse_lazy("admin:switch_organization"),
                        "permission": _may_switch,
                    },
                    {
                        **_item("Notices", "inbox", "notices_notice_changelist", "notices.read"),
                        "badge": "organizations.notices.admin.badge",
                    },
                ]
            },
            {
                "title": "Credit risk",
                "items": [
                    _item("Companies", "domain", "companies_company_changelist", "companies.read"),
                    _item("Statements", "table_view", "companies_statement_changelist", "companies.read"),
                    _item("Watchlists", "visibility", "lists_watchlist_changelist", "companies.read"),
                    _item("Flagged", "flag", "flags_flag_changelist", "predictions.read"),
                    _item("Notes", "chat", "lists_note_changelist", "companies.read"),
                    _item("Imports", "upload_file", "imports_import_changelist", "companies.read", "imports"),
                    _item("Files", "download", "exporting_export_changelist", "exports.read", "exports"),
                    _item(
                        "Predictions",
                        "trending_down",
                        "predictions_prediction_changelist",
                        "predictions.read",
                    ),
                    _item(
                        "Connectors",
                        "sync",
                        "connectors_source_changelist",
                        "connectors.read",
                        "connectors",
                    ),
                    {
                        **_item(
                            "Scoring jobs",
                            "table_view",
                            "predictions_scoringjob_changelist",
                            "jobs.read",
                            "bulk_scoring",
                        ),
                        "active": lambda request: _JOBS in request.path and not _uploading(request),
                    },
                    {
                        **_item(
                            "Score a file",
                            "upload_file",
                            "predictions_scoringjob_add",
                            "jobs.create",
                            "bulk_scoring",
                        ),
                        "active": lambda request: _uploading(request),
                    },
                    _item("Scored again", "replay", "rescoring_rescorerun_changelist", "jobs.read"),
                    _item(
                        "Scenarios",
                        "science",
                        "scenarios_scenario_changelist",
                        "scenarios.read",
                        "scenarios",
                    ),
                    _item(
                        "Scenario runs",
                        "labs",
                        "scenarios_scenariorun_changelist",
                        "scenarios.read",
                        "scenarios",
                    ),
                    _item("Dry runs", "rule", "dry_runs_dryrun_changelist", "jobs.read", "bulk_scoring"),
                    _item(
                        "Scheduled runs",
                        "event_repeat",
                        "schedules_schedule_changelist",
                        "schedules.read",
                        "bulk_scoring",
                    ),
                ],
            },
            {
                "title": "Models",
                "items": [
                    _item(
                        "Monitoring",
                        "monitoring",
                        "monitoring_observation_changelist",
                        "monitoring.read",
                        "monitoring",
                    ),
                    _item(
                        "Alerts",
                        "notifications",
                        "monitoring_alert_changelist",
                        "monitoring.read",
                        "monitoring",
                    ),
                    _item("Outcomes", "flag", "monitoring_outcome_changelist", "outcomes.read", "monitoring"),
                    _item(
                        "Own models",
                        "model_training",
                        "own_models_ownmodel_changelist",
                        "own_models.read",
                        "own_models",
                    ),
                ],
            },
            {
                "title": "Institution",
                "items": [
                    _item(
                        "Organizations",
                        "apartment",
                        "organizations_organization_changelist",
                        "organizations.read",
                    ),
                    _item("Members", "group", "accounts_membership_changelist", "members.read"),
                    _item(
                        "Whitelist",
                        "checklist",
                        "joining_whitelistentry_changelist",
                        "joining.read",
                        "joining",
                    ),
                    _item("Join links", "link", "joining_joinlink_changelist", "joining.read", "joining"),
                    _item("Invitations", "mail", "joining_invitation_changelist", "joining.read", "joining"),
                    _item("API keys", "key", "api_keys", "api_keys.use", "api_keys"),
                    _item("Single sign-on", "login", "single_sign_on", "sso.manage", "sso"),
                    _item("Audit log", "history", "organizations_auditevent_changelist", "audit.read"),
                    _item("Own fields", "view_list", "companies_customfield_changelist", "tenant.read"),
                    _item("What is flagged", "rule", "flags_flagrule_changelist", "tenant.read"),
                    _item("Exchange rates", "currency_exchange", "fx_fxrate_changelist", "companies.read"),
                    _item("Settings", "tune", "tenants_tenantsettings_changelist", "tenant.read"),
                    _item("Exports", "archive", "tenants_tenantexport_changelist", "tenant.change"),
                ],
            },
            {
                "title": "API",
                "items": [
                    _link("Documentation", "menu_book", "/api/docs/"),
                    _link("Browse the API", "data_object", "/api/v1/predictions/annual"),
                ],
            },
        ]
    },
)

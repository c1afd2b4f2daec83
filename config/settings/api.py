"""The API: how it reads, answers and is described, and how often who may ask."""

from __future__ import annotations

from config import env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.ConsoleAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["tenants.kernel.parsers.JSONParser"],
    # OPTIONS is for browsers' preflights, which are answered before the views.
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "tenants.kernel.pagination.EnvelopePagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "tenants.kernel.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "tenants.kernel.problem.handle",
    "COERCE_DECIMAL_TO_STRING": False,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,
}
# Named rates: (requests, seconds, burst). A viewset names one for an action (``throttles``); the others are
# ``read`` or ``write`` by their method. Each is counted for the caller: an API key, a user, an address.
RATE_LIMITS = env.flag("RATE_LIMITS", default=True)
THROTTLE_RATES = {
    "read": (10, 1, 60),
    "write": (5, 1, 40),
    "login": (20, 60, 20),
    "refresh": (60, 60, 30),
    "register": (10, 600, 10),
    "forgot": (10, 600, 5),
    "secret": (10, 60, 10),
    "upload": (30, 60, 15),
    "export": (20, 60, 10),
    "mail": (20, 600, 20),
    # Shared by everybody who works there.
    "organization": (100, 1, 400),
    "tenant": (200, 1, 800),
}
SHOW_API_DOCS = env.flag("SHOW_API_DOCS", default=True)
SPECTACULAR_SETTINGS = {
    "TITLE": "Default Risk Platform",
    "DESCRIPTION": "How likely companies are to default: one by one, by file, with reasons.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "DEFAULT_GENERATOR_CLASS": "tenants.kernel.schema.KeptSchemaGenerator",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "PREPROCESSING_HOOKS": ["tenants.kernel.schema.only_versioned", "tenants.kernel.schema.only_modules_on"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tenants.kernel.schema.without_trailing_slash",
        "tenants.kernel.schema.with_empty_values",
        "tenants.kernel.examples.with_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RiskLevelEnum": "predictions.models.RiskLevel",
        "PredictionKindEnum": "predictions.models.PredictionKind",
        "JobStateEnum": "predictions.models.JobState",
        "ImportStateEnum": "companies.imports.models.ImportState",
        "DryRunStateEnum": "predictions.dry_runs.models.DryRunState",
        "ExportStateEnum": "predictions.exporting.models.ExportState",
        "FileTypeEnum": "predictions.exporting.models.FileType",
        "ImportLayoutEnum": "companies.imports.models.Layout",
        "ImportIssueLevelEnum": "companies.imports.models.IssueLevel",
        "ImportEffectKindEnum": "companies.imports.models.EffectKind",
        "CompanyStateEnum": "companies.models.CompanyState",
        "DefaultKindEnum": "companies.models.DefaultKind",
        "CustomKindEnum": "companies.models.CustomKind",
        "ConnectorKindEnum": "companies.connectors.models.ConnectorKind",
        "ConnectorRunStateEnum": "companies.connectors.models.RunState",
        "OutcomeKindEnum": "predictions.monitoring.models.OutcomeKind",
        "ShockKindEnum": "predictions.scenarios.api.serializers.SHOCK_KINDS",
        "ShockModeEnum": "predictions.scenarios.api.serializers.MODES",
        "PeriodKindEnum": "companies.models.PeriodKind",
        "AmountUnitEnum": "companies.models.AmountUnit",
        "FileUnitEnum": ("units", "thousands", "millions"),
        "ConfirmableEnum": "companies.quality.CONFIRMABLE",
        "WhitelistKindEnum": "organizations.joining.models.EntryKind",
    },
}

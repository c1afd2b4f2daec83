"""The API's routes: one list for every host."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from accounts.api.urls import router as accounts
from companies.api.urls import router as companies
from companies.connectors.api.urls import router as connectors
from companies.imports.api.urls import router as imports
from companies.lists.api.urls import router as lists
from organizations.api.urls import router as organizations
from predictions.api.urls import router as predictions
from predictions.comparison.api.urls import router as comparison
from predictions.dry_runs.api.urls import router as dry_runs
from predictions.exporting.api.urls import router as exporting
from predictions.figures.api.urls import router as figures
from predictions.flags.api.urls import router as flags
from predictions.monitoring.api.urls import router as monitoring
from predictions.own_models.api.urls import router as own_models
from predictions.rescoring.api.urls import router as rescoring
from predictions.scenarios.api.urls import router as scenarios
from predictions.schedules.api.urls import router as schedules

ROUTERS = (
    accounts,
    organizations,
    companies,
    lists,
    connectors,
    imports,
    dry_runs,
    predictions,
    flags,
    own_models,
    monitoring,
    scenarios,
    comparison,
    figures,
    schedules,
    rescoring,
    exporting,
)
# Groups that older clients call without a version.
UNVERSIONED = ("auth", "tenants", "organizations", "users")


def routes() -> list[URLPattern | URLResolver]:
    """Everything below ``/api/``."""
    versioned = [url for router in ROUTERS for url in router.urls]
    plain = [
        url
        for router in ROUTERS
        for prefix, viewset, basename in router.registry
        if prefix.partition("/")[0] in UNVERSIONED
        for url in _routes_of(prefix, viewset, basename)
    ]
    return [path("v1/", include(versioned)), path("", include((plain, "unversioned")))]


def _routes_of(prefix: str, viewset: type, basename: str) -> list[URLPattern | URLResolver]:
    from tenants.kernel.routers import Router

    router = Router()
    router.register(prefix, viewset, basename=basename)
    return list(router.urls)

"""Routes of connectors."""

from companies.connectors.api.viewsets import RunViewSet, SourceViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("connectors/runs", RunViewSet, basename="connector-runs")
router.register("connectors", SourceViewSet, basename="connectors")

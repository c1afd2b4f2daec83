"""Routes of monitoring."""

from predictions.monitoring.api.viewsets import (
    AlertViewSet,
    MonitoringViewSet,
    ObservationViewSet,
    OutcomeViewSet,
)
from tenants.kernel.routers import Router

router = Router()
router.register("monitoring/outcomes", OutcomeViewSet, basename="outcomes")
router.register("monitoring/observations", ObservationViewSet, basename="observations")
router.register("monitoring/alerts", AlertViewSet, basename="alerts")
router.register("monitoring", MonitoringViewSet, basename="monitoring")

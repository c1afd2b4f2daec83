"""Routes of dashboards."""

from predictions.figures.api.viewsets import ClientDashboardViewSet, DashboardViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("dashboards", DashboardViewSet, basename="dashboards")
router.register("predictions", ClientDashboardViewSet, basename="predictions")

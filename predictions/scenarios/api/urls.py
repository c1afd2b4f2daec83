"""Routes of scenarios."""

from predictions.scenarios.api.viewsets import ScenarioRunViewSet, ScenarioViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("scenarios", ScenarioViewSet, basename="scenarios")
router.register("scenario-runs", ScenarioRunViewSet, basename="scenario-runs")

"""Routes of dry runs."""

from predictions.dry_runs.api.viewsets import DryRunViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("predictions/dry-runs", DryRunViewSet, basename="dry-runs")

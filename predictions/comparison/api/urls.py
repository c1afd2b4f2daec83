"""Routes of comparisons."""

from predictions.comparison.api.viewsets import ComparisonViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("comparison", ComparisonViewSet, basename="comparison")

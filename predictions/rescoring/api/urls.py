"""Routes of runs that score again."""

from predictions.rescoring.api.viewsets import RescoringViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("predictions/rescoring", RescoringViewSet, basename="rescoring")

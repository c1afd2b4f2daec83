"""Routes of saved portfolios."""

from predictions.schedules.api.viewsets import ScheduleViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("schedules", ScheduleViewSet, basename="schedules")

"""Routes of flagged companies."""

from predictions.flags.api.viewsets import FlagViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("flags", FlagViewSet, basename="flags")

"""Routes of own models."""

from predictions.own_models.api.viewsets import OwnModelViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("own-models", OwnModelViewSet, basename="own-models")

"""Routes of exports."""

from predictions.exporting.api.viewsets import ExportViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("exports", ExportViewSet, basename="exports")

"""Routes of imports."""

from companies.imports.api.viewsets import ImportViewSet, MappingViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("imports/mappings", MappingViewSet, basename="import-mappings")
router.register("imports", ImportViewSet, basename="imports")

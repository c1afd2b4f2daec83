"""Routes of the directory."""

from tenants.api.viewsets import TenantViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("tenants", TenantViewSet, basename="tenants")

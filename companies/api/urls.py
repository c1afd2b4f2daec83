"""Routes of companies."""

from companies.api.viewsets import CompanyViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("companies", CompanyViewSet, basename="companies")

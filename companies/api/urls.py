"""Routes of companies."""

from companies.api.viewsets import CompanyViewSet
from companies.fx.api.viewsets import FxRateViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("companies", CompanyViewSet, basename="companies")
router.register("fx-rates", FxRateViewSet, basename="fx-rates")

"""Routes of companies."""

from companies.api.statement_viewsets import StatementViewSet
from companies.api.viewsets import CompanyViewSet, CustomFieldViewSet, SectorViewSet
from companies.fx.api.viewsets import FxRateViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("companies", CompanyViewSet, basename="companies")
router.register("custom-fields", CustomFieldViewSet, basename="custom-fields")
router.register("sectors", SectorViewSet, basename="sectors")
router.register("fx-rates", FxRateViewSet, basename="fx-rates")
router.register("statements", StatementViewSet, basename="statements")

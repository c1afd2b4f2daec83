"""Routes of predictions."""

from predictions.api.history_viewsets import CompanyHistoryViewSet
from predictions.api.job_viewsets import JobViewSet
from predictions.api.model_viewsets import ModelViewSet
from predictions.api.viewsets import AnnualViewSet, QuarterlyViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("predictions/annual", AnnualViewSet, basename="annual")
router.register("predictions/quarterly", QuarterlyViewSet, basename="quarterly")
router.register("predictions/jobs", JobViewSet, basename="jobs")
router.register("predictions/companies", CompanyHistoryViewSet, basename="company-history")
router.register("models", ModelViewSet, basename="models")

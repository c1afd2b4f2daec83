"""Routes of identity that need nothing above it."""

from accounts.mfa.api.viewsets import MfaViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("auth/mfa", MfaViewSet, basename="mfa")

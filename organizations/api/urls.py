"""Routes of organizations."""

from accounts.api.users import UserViewSet
from organizations.api.viewsets import AuthViewSet, OrganizationViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("auth", AuthViewSet, basename="auth")
router.register("users", UserViewSet, basename="users")
router.register("organizations", OrganizationViewSet, basename="organizations")

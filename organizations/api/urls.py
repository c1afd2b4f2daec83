"""Routes of organizations."""

from accounts.api.users import UserViewSet
from organizations.api.audit import AuditViewSet, PlatformAuditViewSet
from organizations.api.tenants.own import BrandingViewSet, OwnTenantViewSet
from organizations.api.tenants.platform import PlatformViewSet, TenantDomainViewSet, TenantExportViewSet
from organizations.api.tenants.viewsets import TenantAdminViewSet, TenantViewSet
from organizations.api.viewsets import AuthViewSet, OrganizationViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("tenants", TenantViewSet, basename="tenants")
router.register("tenant-admin", TenantAdminViewSet, basename="tenant-admin")
router.register("tenant-domains", TenantDomainViewSet, basename="tenant-domains")
router.register("tenant-exports", TenantExportViewSet, basename="tenant-exports")
router.register("tenant", OwnTenantViewSet, basename="tenant")
router.register("branding", BrandingViewSet, basename="branding")
router.register("platform/audit", PlatformAuditViewSet, basename="platform-audit")
router.register("audit", AuditViewSet, basename="audit")
router.register("platform", PlatformViewSet, basename="platform")
router.register("auth", AuthViewSet, basename="auth")
router.register("users", UserViewSet, basename="users")
router.register("organizations", OrganizationViewSet, basename="organizations")

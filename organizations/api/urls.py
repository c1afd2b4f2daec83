"""Routes of organizations, of the ways into them, and of what identity needs an organization for."""

from organizations.api.audit import AuditViewSet, PlatformAuditViewSet
from organizations.api.organization_viewsets import OrganizationViewSet
from organizations.api.tenant_admin_viewsets import TenantAdminViewSet
from organizations.api.tenants.own import BrandingViewSet, OwnTenantViewSet
from organizations.api.tenants.platform import PlatformViewSet, TenantDomainViewSet, TenantExportViewSet
from organizations.api.tenants.viewsets import TenantViewSet
from organizations.api.viewsets import AuthViewSet, UserViewSet
from organizations.joining.api.viewsets import InvitationViewSet, JoinViewSet, LinkViewSet
from organizations.notices.api.viewsets import NoticeViewSet
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
router.register("join-links", LinkViewSet, basename="join-links")
router.register("invitations", InvitationViewSet, basename="invitations")
router.register("joining", JoinViewSet, basename="joining")
router.register("notices", NoticeViewSet, basename="notices")

"""Routes of identity that need nothing above it."""

from accounts.api_keys.api.viewsets import ApiKeyViewSet
from accounts.mfa.api.passkeys import PasskeyViewSet
from accounts.mfa.api.viewsets import MfaViewSet
from accounts.privacy.api.viewsets import PrivacyViewSet
from accounts.profiles.api.viewsets import SessionViewSet
from accounts.sso.api.viewsets import ConnectionViewSet, DomainViewSet, SsoViewSet
from tenants.kernel.routers import Router

router = Router()
router.register("auth/mfa/passkeys", PasskeyViewSet, basename="passkeys")
router.register("auth/mfa", MfaViewSet, basename="mfa")
router.register("api-keys", ApiKeyViewSet, basename="api-keys")
router.register("users/me/sessions", SessionViewSet, basename="my-sessions")
router.register("users/me/data", PrivacyViewSet, basename="my-data")
router.register("auth/sso", SsoViewSet, basename="sso")
router.register("sso/domains", DomainViewSet, basename="sso-domains")
router.register("sso", ConnectionViewSet, basename="sso-connection")

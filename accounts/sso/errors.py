"""What a sign-in by a provider may fail for. Details name no secret and no other institution."""

from __future__ import annotations

from tenants.kernel.errors import DomainError


class SsoOff(DomainError):
    """This institution has no provider, or has switched it off."""

    code, status, title = "sso_off", 404, "Single sign-on is not set up here."


class SsoRequired(DomainError):
    """The institution takes no passwords."""

    code, status, title = "sso_required", 403, "Sign in by your institution's identity provider."


class SsoRefused(DomainError):
    """The provider, its answer, or the browser that brings it cannot be believed."""

    code, status, title = "sso_refused", 401, "This sign-in could not be verified; begin again."


class SsoNoPlace(DomainError):
    """The provider's word is good, and opens nothing here."""

    code, status, title = "sso_no_place", 403, "Your identity provider gives you no role here."


class ProviderUnreachable(DomainError):
    """The provider does not answer, or not as the standard says."""

    code, status, title = "provider_unreachable", 502, "The identity provider does not answer as it should."

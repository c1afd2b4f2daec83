"""Signing in to a console: the form, the place, and the browser tied to a session."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth import login as remember
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.forms import EmailField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import AuthenticationForm

from accounts import passwords, selectors, services
from accounts.errors import LockedOut
from accounts.mfa.challenges import second_factor_ask
from accounts.mfa.errors import MfaRequired
from accounts.middleware import SESSION_KEY
from accounts.models import AuthSession, User
from accounts.permissions import MATRIX
from accounts.principals import SessionPrincipal
from accounts.selectors import Place
from accounts.sso.errors import SsoRequired
from accounts.sso.selectors import provider_asked
from tenants.kernel import audit, throttling
from tenants.kernel.console import principal_of
from tenants.kernel.context import in_a_tenant, in_public
from tenants.kernel.errors import TooMany, Unavailable
from tenants.kernel.request import Actor, current

ENTER = "console.enter"
# In the browser's session: the token of a sign-in that waits for its second factor.
WAITING_KEY = "mfa_token"


class ConsoleLoginForm(AuthenticationForm):  # type: ignore[misc]
    """E-mail and password. A stranger, a wrong password and a person without entry read the same words."""

    username = EmailField(label="E-mail")
    place: Place | None = None
    error_messages: ClassVar[dict[str, str]] = {
        "invalid_login": "E-mail or password is not right, or this console is not open to you.",
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].widget.attrs["autocomplete"] = "username"

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not email or not password:
            return self.cleaned_data  # type: ignore[no-any-return]
        try:
            throttling.take("login")
            user = passwords.check(email=email, password=password, address=current().address)
        except (LockedOut, TooMany, Unavailable) as refusal:
            raise ValidationError(refusal.detail, code="locked_out") from None
        self.place = place_for(self.request, user) if user is not None else None
        if self.place is None:
            with in_public():
                audit.record("accounts.session.refused", actor=Actor(None, email[:254]))
            raise self.get_invalid_login_error()
        if user is not None and provider_asked(user, host_tenant_id(self.request)):
            raise ValidationError(SsoRequired.title, code="sso_required")
        self.user_cache = user
        return self.cleaned_data  # type: ignore[no-any-return]


def place_for(request: HttpRequest, user: User) -> Place | None:
    """Where a user works who signs in to the console of this host; None for whoever has no business there."""
    if getattr(request, "on_platform", False):
        return selectors.starting_place(user, tenant_id=None) if user.is_super_admin else None
    tenant = request.tenant  # type: ignore[attr-defined]
    start = selectors.starting_place(user, tenant_id=tenant.id)
    if start is None or ENTER in MATRIX[start.role]:
        return start
    # He began as an analyst somewhere, but runs another organization.
    return next((p for p in selectors.places_of(user, tenant_id=tenant.id) if ENTER in MATRIX[p.role]), None)


class ConsoleLoginView(LoginView):
    """Opens the platform's own session beside Django's, and ties it to the host's tenant."""

    def form_valid(self, form: Any) -> HttpResponse:
        user, place = form.get_user(), form.place
        try:
            second_factor_ask(user=user, tenant_id=host_tenant_id(self.request), on_console=True)
        except MfaRequired as asked:
            self.request.session[WAITING_KEY] = asked.fields["mfa_token"]
            asking = reverse("admin:second_factor", current_app=self.request.current_app)  # type: ignore[attr-defined]
            return HttpResponseRedirect(f"{asking}?{urlencode({'next': self.get_success_url()})}")
        session = services.session_open(
            user=user,
            place=place,
            device=self.request.headers.get("User-Agent", ""),
            address=current().address,
        )
        enter(self.request, user, place, session)
        return HttpResponseRedirect(self.get_success_url())


def host_tenant_id(request: HttpRequest) -> UUID | None:
    """The institution on whose host the browser is; None on the platform's."""
    on_platform = getattr(request, "on_platform", False)
    return None if on_platform else request.tenant.id  # type: ignore[attr-defined]


def enter(request: HttpRequest, user: User, place: Place, session: AuthSession) -> None:
    """Tie the browser to a session that has just been opened, and to nothing that it held before."""
    end_session(request)
    remember(request, user)
    request.session.pop(WAITING_KEY, None)
    request.session[SESSION_KEY] = {
        "id": str(session.id),
        "tenant": str(place.tenant.id),
        "organization": str(place.organization_id) if place.organization_id else None,
        "platform": getattr(request, "on_platform", False),
    }
    if in_a_tenant():
        # The tenant's own log shows who enters, a super admin above all.
        audit.record(
            "accounts.console.entered",
            on=user,
            organization_id=place.organization_id,
            changes={"role": place.role, "session": str(session.id)},
            actor=user.actor,
        )


def end_session(request: HttpRequest) -> None:
    """Close the platform's session that the browser holds, if it does."""
    principal = principal_of(request)
    if isinstance(principal, SessionPrincipal):
        services.session_close(session_id=principal.session_id, actor=principal.actor)

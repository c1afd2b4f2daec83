"""Pages of both consoles about proofs and second factors. ``accounts.console`` puts them into its sites."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts.mfa import selectors, services
from accounts.mfa.proofs import Given
from accounts.models import User
from tenants.kernel.console import principal_of
from tenants.kernel.errors import DomainError, Forbidden
from tenants.kernel.principal import Principal


class Site(Protocol):
    """What these pages need of the console that they stand in."""

    name: str

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]: ...

    def each_context(self, request: HttpRequest) -> dict[str, Any]: ...


class PasswordForm(forms.Form):
    """The proof of a user without a second factor."""

    password = forms.CharField(
        max_length=256,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class CodeForm(forms.Form):
    """The proof of a user with one."""

    code = forms.CharField(
        max_length=40,
        help_text="Six digits of your authenticator app, or one of your recovery codes.",
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True}
        ),
    )


def caller(request: HttpRequest) -> tuple[User, Principal]:
    """Who looks at the page; raises PermissionDenied for nobody."""
    principal = principal_of(request)
    if principal is None or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user, principal


def urls(site: Site) -> list[Any]:
    """The addresses of these pages in a console."""
    return [
        path("prove/", site.admin_view(partial(prove, site=site)), name="prove"),
        path("security/", site.admin_view(partial(security, site=site)), name="security"),
        path("security/app/", site.admin_view(partial(app, site=site)), name="security_app"),
    ]


def to_proof(request: HttpRequest, site: Site) -> HttpResponse:
    """To the page that asks for a proof, and from there back here."""
    back = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('admin:prove', current_app=site.name)}?{back}")


def next_of(request: HttpRequest, site: Site) -> str:
    """Where to go on, on this host only."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    inside = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if inside else reverse("admin:index", current_app=site.name)


def page(request: HttpRequest, site: Site, template: str, **context: Any) -> TemplateResponse:
    """A page in the dress of the console."""
    request.current_app = site.name  # type: ignore[attr-defined]
    return TemplateResponse(request, template, {**site.each_context(request), **context})


def prove(request: HttpRequest, *, site: Site) -> HttpResponse:
    """Ask for a second factor or the password before a dangerous action."""
    user, principal = caller(request)
    methods = selectors.proof_methods(user.id)
    form_class = PasswordForm if methods == ["password"] else CodeForm
    form = form_class(request.POST if request.method == "POST" else None)
    back = next_of(request, site)
    if request.method == "POST" and form.is_valid():
        try:
            services.session_prove(
                session_id=principal.session_id,
                user=user,
                given=Given(**form.cleaned_data),
                actor=principal.actor,
            )
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
        else:
            messages.success(request, "Thank you. Go on with what you were about to do.")
            return HttpResponseRedirect(back)
    return page(
        request,
        site,
        "console/prove.html",
        title="Prove that it is you",
        form=form if methods else None,
        next=back,
    )


def security(request: HttpRequest, *, site: Site) -> HttpResponse:
    """What protects the caller's account, and the buttons to change it."""
    user, principal = caller(request)
    codes: list[str] = []
    if request.method == "POST":
        assert_own_account(principal)
        principal.assert_proved()
        if request.POST.get("do") == "renew":
            codes = services.recovery_codes_renew(user=user, actor=principal.actor)
        elif request.POST.get("do") == "remove":
            services.totp_remove(user=user, actor=principal.actor)
            messages.success(request, "The authenticator app is removed.")
    standing = selectors.standing(user.id)
    return page(request, site, "console/security.html", title="Your security", standing=standing, codes=codes)


def app(request: HttpRequest, *, site: Site) -> HttpResponse:
    """Enrol an authenticator app: the QR code once, then a code of it, then the recovery codes."""
    user, principal = caller(request)
    assert_own_account(principal)
    form, enrolment, codes = CodeForm(), None, None
    if request.method == "POST" and "code" in request.POST:
        form = CodeForm(request.POST)
        if form.is_valid():
            try:
                codes = services.totp_confirm(
                    user=user,
                    code=form.cleaned_data["code"],
                    session_id=principal.session_id,
                    actor=principal.actor,
                )
            except DomainError as refusal:
                form.add_error(None, refusal.detail)
    else:
        principal.assert_proved()
        if request.method == "POST":
            enrolment = services.totp_begin(user=user, actor=principal.actor)
    form.fields["code"].help_text = "The six digits that the app shows now."
    return page(
        request,
        site,
        "console/security_app.html",
        title="Authenticator app",
        form=form,
        enrolment=enrolment,
        codes=codes,
        begun=enrolment is not None or form.is_bound,
    )


def assert_own_account(principal: Principal) -> None:
    """Raise Forbidden for a session that may do its work, but touch nothing of the account."""
    if principal.limit is not None:
        raise Forbidden("Sign in with your own password for this.", code="session_confined")

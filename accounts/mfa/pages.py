"""Pages of both consoles about proofs and second factors. ``accounts.console`` puts them into its sites."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts.mfa import ceremonies, passkeys, selectors, services
from accounts.mfa.proofs import Given
from accounts.models import User
from tenants.kernel.console import principal_of
from tenants.kernel.errors import DomainError, Forbidden
from tenants.kernel.principal import Principal

LONGEST_CREDENTIAL = 60_000


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


class PasskeyForm(forms.Form):
    """What a new passkey is called."""

    name = forms.CharField(
        max_length=passkeys.LONGEST_NAME,
        required=False,
        help_text="So that you know it again: Phone, Key at work.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autofocus": True}),
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
        path("security/passkey/", site.admin_view(partial(passkey, site=site)), name="security_passkey"),
    ]


def to_proof(request: HttpRequest, site: Site) -> HttpResponse:
    """To the page that asks for a proof, and from there back here."""
    if request.method == "POST":
        messages.warning(request, "Nothing is changed yet: this takes a fresh proof. Then send it again.")
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
    given, form = given_by(request, form_class)
    back = next_of(request, site)
    if given is not None:
        try:
            services.session_prove(
                session_id=principal.session_id, user=user, given=given, actor=principal.actor
            )
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
        else:
            messages.success(request, "Thank you. Go on with what you were about to do.")
            return HttpResponseRedirect(back)
    ask = services.session_ask(session_id=principal.session_id, user=user) if "passkey" in methods else None
    return page(
        request,
        site,
        "console/prove.html",
        title="Prove that it is you",
        form=form,
        by_form=methods not in ([], ["passkey"]),
        ask=json.dumps(ask) if ask else "",
        elsewhere=not methods and selectors.has_second_factor(user.id),
        next=back,
    )


def given_by(request: HttpRequest, form_class: type[forms.Form]) -> tuple[Given | None, forms.Form]:
    """What a page was sent as a proof, None for nothing; and the form for it with its errors."""
    signed = signed_by(request)
    if signed is not None:
        # Only to carry what is said about it.
        form = form_class({})
        form.errors.clear()
        return Given(credential=signed), form
    form = form_class(request.POST if request.method == "POST" else None)
    return (Given(**form.cleaned_data) if form.is_valid() else None), form


def signed_by(request: HttpRequest) -> dict[str, Any] | None:
    """What static/console/passkeys.js has put into the page's form."""
    text = request.POST.get("credential", "")
    if not text or len(text) > LONGEST_CREDENTIAL:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def security(request: HttpRequest, *, site: Site) -> HttpResponse:
    """What protects the caller's account, and the buttons to change it."""
    user, principal = caller(request)
    codes: list[str] = []
    if request.method == "POST":
        assert_own_account(principal)
        principal.assert_proved()
        passkeys_change(request, user, principal)
        if request.POST.get("do") == "renew":
            codes = services.recovery_codes_renew(user=user, actor=principal.actor)
        elif request.POST.get("do") == "remove":
            services.totp_remove(user=user, actor=principal.actor)
            messages.success(request, "The authenticator app is removed.")
    standing = selectors.standing(user.id)
    return page(
        request,
        site,
        "console/security.html",
        title="Your security",
        standing=standing,
        has_any=selectors.has_second_factor(user.id),
        passkeys=selectors.passkeys_of(user.id),
        here=ceremonies.here(),
        codes=codes,
    )


def passkeys_change(request: HttpRequest, user: User, principal: Principal) -> None:
    """Rename or remove the passkey that a button of the page belongs to."""
    try:
        key_id = UUID(request.POST.get("passkey", ""))
    except ValueError:
        return
    if request.POST.get("do") == "rename":
        name = request.POST.get("name", "")
        passkeys.passkey_rename(user=user, passkey_id=key_id, name=name, actor=principal.actor)
        messages.success(request, "The passkey has its new name.")
    elif request.POST.get("do") == "remove-passkey":
        passkeys.passkey_remove(user=user, passkey_id=key_id, actor=principal.actor)
        messages.success(request, "The passkey is removed.")


def passkey(request: HttpRequest, *, site: Site) -> HttpResponse:
    """Make a passkey for this host: its name, then the device's own questions, then the recovery codes."""
    user, principal = caller(request)
    assert_own_account(principal)
    principal.assert_proved()
    form, codes = PasskeyForm(request.POST if request.method == "POST" else None), None
    if request.method == "POST" and form.is_valid():
        try:
            _, codes = passkeys.passkey_add(
                user=user,
                name=form.cleaned_data["name"],
                credential=signed_by(request) or {},
                session_id=principal.session_id,
                actor=principal.actor,
            )
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
    ask = None
    if codes is None:
        ask = json.dumps(passkeys.passkey_begin(user=user, session_id=principal.session_id))
    return page(
        request, site, "console/security_passkey.html", title="Passkey", form=form, ask=ask, codes=codes
    )


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

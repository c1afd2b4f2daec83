"""The page of an institution's console about API keys."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.api_keys import selectors, services
from accounts.mfa.pages import Site, caller, page
from accounts.principals import SessionPrincipal
from tenants import modules
from tenants.kernel.errors import DomainError, Forbidden

OVERLAP = timedelta(hours=24)


class KeyForm(forms.Form):
    """What a new key is for, what it may, and how long."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())
    scopes = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget(), help_text="What it may do."
    )
    days = forms.IntegerField(min_value=1, widget=UnfoldAdminIntegerFieldWidget())
    whole_tenant = forms.BooleanField(
        required=False,
        label="For the whole institution",
        help_text="Admins of the institution only; else for the organization you work in.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(self, principal: SessionPrincipal, data: Any = None) -> None:
        super().__init__(data, initial={"days": settings.API_KEY_DAYS})
        scopes = cast(forms.MultipleChoiceField, self.fields["scopes"])
        scopes.choices = [(scope, scope) for scope in sorted(services.grantable(principal))]
        if not principal.reaches_tenant:
            del self.fields["whole_tenant"]


def urls(site: Site) -> list[Any]:
    """The addresses of these pages in a console."""
    return [path("api-keys/", site.admin_view(partial(keys, site=site)), name="api_keys")]


def keys(request: HttpRequest, *, site: Site) -> HttpResponse:
    """The keys that the caller sees; POST makes, rotates or revokes one. A secret is in that answer only."""
    modules.require("api_keys")
    user, principal = caller(request)
    if not isinstance(principal, SessionPrincipal) or not principal.holds("api_keys.use"):
        raise Forbidden()
    form, secret, do = KeyForm(principal), "", request.POST.get("do")
    try:
        if do == "make":
            principal.assert_proved()
            form = KeyForm(principal, request.POST)
            if form.is_valid():
                _, secret = services.key_create(
                    principal=principal, user=user, **form.cleaned_data, actor=principal.actor
                )
                form = KeyForm(principal)
        elif do == "rotate":
            principal.assert_proved()
            key = selectors.key_for(principal, request.POST.get("key", ""))
            _, secret = services.key_rotate(
                key_id=key.id, principal=principal, overlap=OVERLAP, actor=principal.actor
            )
        elif do == "revoke":
            key = selectors.key_for(principal, request.POST.get("key", ""))
            services.key_revoke(key=key, actor=principal.actor)
            messages.success(request, f"{key.name} is revoked.")
    except DomainError as refusal:
        if refusal.status in {403, 404}:
            raise
        _show(request, form, refusal)
    return page(
        request,
        site,
        "console/api_keys.html",
        title="API keys",
        form=form,
        secret=secret,
        keys=selectors.keys_for(principal)[:200],
    )


def _show(request: HttpRequest, form: forms.Form, refusal: DomainError) -> None:
    """Say a refusal at the field that it is about, or above the form, or above the page."""
    if not form.is_bound:
        messages.error(request, refusal.detail)
        return
    for error in cast(list[dict[str, str]], refusal.fields.get("errors") or [{"detail": refusal.detail}]):
        field = str(error.get("pointer", "")).strip("/")
        form.add_error(field if field in form.fields else None, error["detail"])
